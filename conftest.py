"""Lets pytest run notebooks: each one under nbs/ is one test, executed by papermill in a fresh kernel.

papermill knows nothing of nbdev's `#|` directives, so the cells that nbdev_test would skip are emptied first.
Emptied rather than removed, so that the cell number in a failure is the one the reader sees in the notebook.
"""

import os
import re
import tempfile
import time
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
settings = ConfigParser(delimiters=["="])
settings.read(ROOT / "settings.ini", encoding="utf-8")
SKIP_FLAGS = set(settings["DEFAULT"]["tst_flags"].split())

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


def run_notebook(path):
    "Execute a copy of the notebook at `path` with papermill; raise NotebookError at the first failing cell."
    import nbformat
    import papermill

    nb = nbformat.read(path, as_version=4)
    tagged = None  # where the parameters cell is; papermill puts one cell of its own after it
    for i, cell in enumerate(nb.cells):
        if cell.cell_type == "code" and is_skipped(cell.source):
            cell.source = ""
        if tagged is None and "parameters" in cell.metadata.get("tags", []):
            tagged = i

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


class NotebookItem(pytest.Item):
    def runtest(self):
        run_notebook(self.path)

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if excinfo.errisinstance(NotebookError) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, self.path.relative_to(ROOT).as_posix()


class NotebookFile(pytest.File):
    def collect(self):
        yield NotebookItem.from_parent(self, name="papermill")


def pytest_collect_file(file_path, parent):
    inside = ROOT / "nbs" in file_path.parents
    if inside and file_path.suffix == ".ipynb" and file_path.name[0] not in "._":
        return NotebookFile.from_parent(parent, path=file_path)


def pytest_configure(config):
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
