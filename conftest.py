"""Lets pytest run notebooks: each one under nbs/ is one test, executed by papermill in a fresh kernel.

papermill knows nothing of nbdev's `#|` directives, so the cells that nbdev_test would skip are emptied first.
Emptied rather than removed, so that the cell number in a failure is the one the reader sees in the notebook.

Markers choose among them: -m "not slow", -m gpu. Cells that open with `#| slow` or `#| gpu` run where --flags asks for them.
"""

import json
import os
import re
import symtable
import tempfile
import time
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
settings = ConfigParser(delimiters=["="])
settings.read(ROOT / "settings.ini", encoding="utf-8")
LIB = settings["DEFAULT"]["lib_path"]
SKIP_FLAGS = set(settings["DEFAULT"]["tst_flags"].split())

MARKERS = {
    "slow": "says that it runs for half a minute or more on two cores",
    "integration": "starts other processes: the console script, several processes, a build",
    "gpu": "has cells that do more where there is a GPU",
}
SLOW_SECONDS = 30
STATED = re.compile(r"Run time on two cores: about (\d+) (s|min)")
PROCESSES = re.compile(r"\bsubprocess\.|torchrun|\bspawn\(")

TRACEBACK_LINES = 25
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def directives(source):
    "The `#|` lines of a cell as a mapping, `#| eval: false` giving {'eval': 'false'}."
    found = re.findall(r"^[ \t]*#[ \t]*\|[ \t]*([^\s:]+):?[ \t]*(.*?)[ \t]*$", source, flags=re.MULTILINE)
    return {key: value.lower() for key, value in found}


def is_skipped(source):
    "Whether nbdev_test would skip a code cell: `#| eval: false`, or one of the flags of settings.ini."
    d = directives(source)
    return d.get("eval") == "false" or bool(SKIP_FLAGS & d.keys())


class NotebookError(Exception):
    "A cell failed. The message says which, shows it, and ends with its traceback."


def as_module(cells):
    "Cells that take what the notebook exports from its module, each the names that it binds, and define nothing of it themselves."
    name = None
    for cell in cells:
        found = directives(cell.source) if cell.cell_type == "code" else {}
        name = found.get("default_exp", name)
        if "export" in found and not found["export"]:
            symbols = symtable.symtable(cell.source, "cell", "exec").get_symbols()
            bound = [s.get_name() for s in symbols if s.is_assigned() or s.is_imported()]
            cell.source = f"import {LIB}.{name} as _module\nglobals().update({{k: getattr(_module, k) for k in {bound!r}}})"


def run_notebook(path, modules=False):
    """Execute a copy of the notebook at `path` with papermill; raise NotebookError at the first failing cell.

    modules: test the exported module in place of the cells that it was made from, which coverage cannot tell apart from others.
    """
    import nbformat
    import papermill

    nb = nbformat.read(path, as_version=4)
    tagged = None  # where the parameters cell is; papermill puts one cell of its own after it
    for i, cell in enumerate(nb.cells):
        if cell.cell_type == "code" and is_skipped(cell.source):
            cell.source = ""
        if tagged is None and "parameters" in cell.metadata.get("tags", []):
            tagged = i

    if modules:
        as_module(nb.cells)

    start = time.monotonic()
    with tempfile.TemporaryDirectory() as tmp:
        source, result = Path(tmp, "source.ipynb"), Path(tmp, "result.ipynb")
        nbformat.write(nb, source)
        try:
            papermill.execute_notebook(
                source,
                result,
                parameters={} if tagged is None else {"FAST": True},
                kernel_name="python3",
                cwd=ROOT / "nbs",
                progress_bar=False,
            )
        except papermill.PapermillExecutionError as e:
            index = e.cell_index - (tagged is not None and e.cell_index > tagged)
            trace = ANSI.sub("", "\n".join(e.traceback)).splitlines()
            trace = trace[-TRACEBACK_LINES:] or [f"{e.ename}: {e.evalue}"]
            cell = [f"    {line}" for line in e.source.splitlines()]
            first = f"{path.name}: cell {index} failed after {time.monotonic() - start:.1f} s"
            raise NotebookError("\n".join([first, *cell, "", *trace])) from None


def stated_seconds(cells):
    "The run time that a notebook states, 0 where it states none."
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    stated = STATED.search(prose)
    return int(stated[1]) * (60 if stated[2] == "min" else 1) if stated else 0


def markers(cells):
    "The markers of a notebook, read off its cells: what it says of its run time, and what its code does."
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    flags = {flag for source in code for flag in directives(source)}
    found = {
        "slow": stated_seconds(cells) >= SLOW_SECONDS or "slow" in flags,
        "integration": any(PROCESSES.search(source) for source in code),
        "gpu": "gpu" in flags or any("cuda.is_available()" in source for source in code),
    }
    return [name for name, holds in found.items() if holds]


class NotebookItem(pytest.Item):
    def runtest(self):
        run_notebook(self.path, self.config.getoption("--modules"))

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if excinfo.errisinstance(NotebookError) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, self.path.relative_to(ROOT).as_posix()


class NotebookFile(pytest.File):
    def collect(self):
        item = NotebookItem.from_parent(self, name="papermill")
        for name in markers(json.loads(self.path.read_text(encoding="utf-8"))["cells"]):
            item.add_marker(name)
        yield item


def pytest_collect_file(file_path, parent):
    inside = ROOT / "nbs" in file_path.parents
    if inside and file_path.suffix == ".ipynb" and file_path.name[0] not in "._":
        return NotebookFile.from_parent(parent, path=file_path)


def pytest_addoption(parser):
    parser.addoption("--flags", default="", help="run cells with these flags of tst_flags too: --flags gpu,slow")
    parser.addoption("--modules", action="store_true", help="test the modules in place of the cells they were made from")


def pytest_configure(config):
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    SKIP_FLAGS.difference_update(config.getoption("--flags").split(","))
    os.environ["IN_TEST"] = "1"
    # Two notebooks run side by side: a thread that waits for another leaves the core to whoever has work.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # The kernel named python3 must be this interpreter's, whatever the user has installed elsewhere, and it must
    # import the library from this tree, whatever an editable install points at.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def pytest_report_teststatus(report):
    "Under -v, the line of a test that passed says how long it took."
    if report.when == "call" and report.passed:
        return "passed", ".", f"PASSED in {report.duration:.1f} s"
