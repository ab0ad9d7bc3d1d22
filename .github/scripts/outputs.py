"""Whether the stored outputs of a notebook come from its code as it stands.

nbs/outputs.txt has one line a notebook: a hash of its code cells up to the last one that has an output, as they were when
the outputs were stored, and its path. Prose, and code below the last output, may change freely.
Usage: python .github/scripts/outputs.py run PATH... [-p NAME VALUE]   executes in place, cleans, and notes the hash
       python .github/scripts/outputs.py stamp PATH...                 notes the hash of a notebook that was just executed
       python .github/scripts/outputs.py check [PATH...]               names those whose code has changed since; all by default
"""

import argparse
import ast
import hashlib
import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NBS = ROOT / "nbs"
NOTED = NBS / "outputs.txt"

sys.path.insert(0, str(ROOT))
from conftest import is_skipped  # one rule for what is not run, here and in the tests


def notebooks() -> list[Path]:
    "Every notebook that git would keep."
    return sorted(p for p in NBS.rglob("*.ipynb") if p.name[0] not in "._" and ".ipynb_checkpoints" not in p.parts)


def key(path: Path) -> str:
    "How nbs/outputs.txt names a notebook: its path below nbs."
    return path.resolve().relative_to(NBS).as_posix()


def code_hash(nb: dict) -> str:
    "Hash of the code that the notebook's stored outputs came from; '-' for a notebook without outputs."
    cells = [c for c in nb["cells"] if c["cell_type"] == "code"]
    with_output = [i for i, c in enumerate(cells) if c.get("outputs")]
    if not with_output:
        return "-"
    sources = ["".join(c["source"]) for c in cells[: with_output[-1] + 1]]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:16]


def read_noted(text: str) -> dict[str, list[str]]:
    "The lines of nbs/outputs.txt, from path to hashes: two, where two branches that were merged both changed a notebook."
    noted = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            digest, path = line.split(maxsplit=1)
            noted.setdefault(path, []).append(digest)
    return noted


def problem(path: Path, noted: dict[str, list[str]]) -> str | None:
    "What is wrong with the stored outputs of a notebook, in one line that names the remedy; None where nothing is."
    now, then = code_hash(json.loads(path.read_text(encoding="utf-8"))), set(noted.get(key(path), []))
    place = path.resolve().relative_to(ROOT).as_posix()
    remedy = f"run `make outputs NB={place}`"
    if not then:
        return f"{place} is not in nbs/outputs.txt: {remedy}, or `outputs.py stamp` if you just ran it"
    if len(then) > 1:
        return f"{place} was changed on both sides of a merge: {remedy}"
    if then != {now}:
        return f"the code of {place} has changed since its outputs were stored: {remedy}"
    return None


def write_noted(changed: dict[str, str]):
    "Notes new hashes, drops notebooks that are gone, keeps the lines in order."
    noted = read_noted(NOTED.read_text(encoding="utf-8")) if NOTED.exists() else {}
    noted |= {path: [digest] for path, digest in changed.items()}
    lines = [f"{digest:16} {path}" for path in sorted(noted) if (NBS / path).exists() for digest in dict.fromkeys(noted[path])]
    head = "# The code that stored outputs came from; written by .github/scripts/outputs.py, see CONTRIBUTING.md.\n"
    NOTED.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


def set_parameters(nb, values: dict[str, str]) -> dict[int, str]:
    "Adds assignments below the cell tagged `parameters` of a copy; the sources that they replace, by cell."
    for i, cell in enumerate(nb.cells):
        if "parameters" in cell.metadata.get("tags", []):
            before = {i: cell.source}
            cell.source += "".join(f"\n{name} = {ast.literal_eval(value)!r}" for name, value in values.items())
            return before
    sys.exit("-p needs a notebook with a cell tagged `parameters`")


def execute(path: Path, values: dict[str, str]):
    "Runs a notebook in place, in a fresh kernel. Cells that tests skip keep the outputs that they have."
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    os.environ["IN_TEST"] = "1"  # static pictures where a live notebook has sliders
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    nb = nbformat.read(path, as_version=4)
    kept = {i: (c.source, c.outputs) for i, c in enumerate(nb.cells) if c.cell_type == "code" and is_skipped(c.source)}
    for i in kept:
        nb.cells[i].source = ""
    before = set_parameters(nb, values) if values else {}
    resources = {"metadata": {"path": str(NBS)}}  # the working directory of the tests
    try:
        NotebookClient(nb, timeout=None, kernel_name="python3", resources=resources).execute()
    except CellExecutionError as error:
        sys.exit(f"{path} stays as it was:\n{re.sub(chr(27) + r'.[0-9;]*m', '', str(error))[-3000:]}")
    for i, source in before.items():
        nb.cells[i].source = source
    for i, (source, outputs) in kept.items():
        nb.cells[i].source, nb.cells[i].outputs = source, outputs
    nb.metadata = {"kernelspec": {"display_name": "python3", "language": "python", "name": "python3"}}
    nbformat.write(nb, path)


def clean(path: Path):
    "As `make sync` would."
    from nbdev.clean import nbdev_clean

    nbdev_clean.__wrapped__(str(path))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["run", "stamp", "check"])
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a value for the cell tagged `parameters`, as with papermill")
    args = parser.parse_args()
    if args.command != "check" and not args.paths:
        parser.error(f"{args.command} needs the path of a notebook, such as nbs/core/00_resolvent.ipynb")
    if absent := [str(p) for p in args.paths if not p.exists() or NBS not in p.resolve().parents]:
        parser.error(f"no notebook below nbs: {', '.join(absent)}")
    if args.command == "check":
        noted = read_noted(NOTED.read_text(encoding="utf-8")) if NOTED.exists() else {}
        found = [p for path in args.paths or notebooks() if (p := problem(path, noted))]
        print("\n".join(found) if found else "stored outputs come from the code as it stands")
        sys.exit(bool(found))
    for path in args.paths:
        if args.command == "run":
            execute(path, dict(args.p))
            clean(path)
            print(f"ran {path}")
        write_noted({key(path): code_hash(json.loads(path.read_text(encoding="utf-8")))})
