"""Checks of what is installed: the wheel and the source distribution, the version, how long an import takes."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser

import pytest
import yaml
from test_repository import ROOT, cfg, files_of, require

LIB = cfg["lib_path"]


def run(*command, cwd=ROOT, **env):
    "Standard output of a command that must succeed."
    done = subprocess.run(command, cwd=cwd, env=os.environ | env, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{' '.join(map(str, command))} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    "A wheel made from the source distribution, which was made from the files that git keeps, without a network."
    tree, dist = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for f in files_of(ROOT):
        (tree / f).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / f, tree / f, follow_symlinks=False)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, tree)
    return dist


@pytest.fixture(scope="module")
def wheel(built):
    return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.mark.integration
def test_distributions_are_sound(built):
    run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())
    made = {p.name for p in built.iterdir()}
    stem = f"{LIB}-{cfg['version']}"
    require(made == {f"{stem}.tar.gz", f"{stem}-py3-none-any.whl"}, f"unexpected distributions: {made}")


@pytest.mark.integration
def test_wheel_has_all_of_the_library(wheel):
    kept = {f for f in files_of(ROOT) if f.startswith(f"{LIB}/")}
    packed = {f for f in wheel.namelist() if f.startswith(f"{LIB}/")}
    require(kept == packed, f"in the repository or in the wheel alone: {sorted(kept ^ packed)}; see package_data in setup.py")
    for wanted in ("py.typed", "results/", "configs/"):
        require(any(f.startswith(f"{LIB}/{wanted}") for f in packed), f"the wheel has no {wanted}")
    foreign = {f.split("/")[0] for f in wheel.namelist()} - {LIB, f"{LIB}-{cfg['version']}.dist-info"}
    require(not foreign, f"the wheel would install {foreign}")


@pytest.mark.integration
def test_source_distribution_builds_alone(built, wheel):
    "The wheel was made from it, so all that a build needs is in it; the licence and the reading matter are, too."
    with tarfile.open(next(built.glob("*.tar.gz"))) as tar:
        names = {n.partition("/")[2] for n in tar.getnames()}
    absent = {"LICENSE", "README.md", "settings.ini", "setup.py", "constraints.txt"} - names
    require(not absent, f"MANIFEST.in leaves out {absent}")
    require(any(n.endswith("LICENSE") for n in wheel.namelist()), "the wheel has no licence")


@pytest.mark.integration
def test_metadata(wheel):
    text = wheel.read(f"{LIB}-{cfg['version']}.dist-info/METADATA").decode()
    meta = Parser().parsestr(text)
    extras = {"gpu", "loggers", "parallel", "hub", "docs", "dev"}
    require(set(meta.get_all("Provides-Extra")) == extras, f"extras are {meta.get_all('Provides-Extra')}")
    require(meta["Requires-Python"] == f">={cfg['min_python']}", meta["Requires-Python"])
    local = re.findall(r"\]\((?!https?:|#)[^)]*\)", meta.get_payload())
    require(not local, f"a package index cannot follow {local[:3]}")
    points = wheel.read(f"{LIB}-{cfg['version']}.dist-info/entry_points.txt").decode()
    require(cfg["console_scripts"].replace("=", " = ") in points or cfg["console_scripts"] in points, points)


def test_one_version():
    "settings.ini says it; the library, the citation and the front page repeat it."
    version = cfg["version"]
    code = (ROOT / LIB / "__init__.py").read_text(encoding="utf-8")
    require(f'__version__ = "{version}"' in code, "run `make sync`: the library has another version than settings.ini")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    require(citation["version"] == version, f"CITATION.cff says {citation['version']}, settings.ini {version}")
    require(citation["repository-code"] == f"https://github.com/{cfg['user']}/{cfg['repo']}", "CITATION.cff names another repository")
    require(f"version {version}" in (ROOT / "README.md").read_text(encoding="utf-8"), f"the front page does not cite version {version}")
    require(f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), f"CHANGELOG.md has no section {version}")


def test_every_extra_is_pinned():
    "constraints.txt has a version for each package that settings.ini names, but for triton, which torch chooses."
    pins = {re.split(r"[=\s]", line)[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line}
    needs = {r for key in cfg if key.endswith("requirements") for r in cfg[key].split()}
    named = {re.split(r"[<>=;\[]", r)[0].lower().replace("_", "-") for r in needs}
    require(not (loose := named - pins - {"triton"}), f"constraints.txt has no version for {sorted(loose)}")


# Packages that take long to load and that most programs never need.
LAZY = ("datasets", "pandas", "pyarrow", "matplotlib", "plotly", "ipywidgets", "IPython", "numba", "tokenizers", "accelerate", "tensorboard", "wandb", "trackio", "scipy", "nbdev")
TIMED = """
import sys, time
a = time.process_time(); import torch; b = time.process_time(); import {module}; c = time.process_time()
print(b - a, c - b, *(m for m in {lazy!r} if m in sys.modules))
"""


@pytest.mark.parametrize("module", [f"{LIB}.model.lm", f"{LIB}.cli"])
def test_import_is_quick(module):
    "At most 1.5 s of a quiet machine beyond torch, which takes about 1.1 s there; slower machines are measured by their torch."
    best = None
    for _ in range(3):  # the first may have to compile
        said = run(sys.executable, "-c", TIMED.format(module=module, lazy=LAZY), PYTHONPATH=str(ROOT)).split()
        torch_s, ours, loaded = float(said[0]), float(said[1]), said[2:]
        require(not loaded, f"import {module} loads {loaded}: import it where it is used")
        best = min(best or (ours, torch_s), (ours, torch_s))
        if best[0] <= max(1.5, 1.5 * best[1]):
            return
    pytest.fail(f"import {module} takes {best[0]:.2f} s beyond torch's {best[1]:.2f} s", pytrace=False)
