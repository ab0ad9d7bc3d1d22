# Needs make and Python 3.10 or newer with venv; everything else is installed into .venv.
# Another interpreter: make setup PYTHON=python3.12 (once .venv exists it stays as it is; remove it to change).

PYTHON ?= python3
BIN := .venv/bin

# The main job, and further arguments for it: make train ARGS="--corpus wikitext-2 --seed 1"
MAIN_JOB = $(BIN)/resnet-bk bench language --steps 600 --n-seq 128 --out runs/$(shell date +%Y%m%d-%H%M%S)
ARGS =

.DEFAULT_GOAL := help
.PHONY: help setup sync train test test-browser lab docs clean

help:  ## what each target does
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/.installed  ## install the library and its tools into .venv

# The stamp is older than its sources exactly when an installation is due.
.venv/.installed: settings.ini constraints.txt setup.py
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (about 2 GB, a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

sync: setup  ## notebooks -> library and README
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean
	$(BIN)/python .github/scripts/readme.py

train: setup  ## the main job, on a corpus that needs no network
	$(MAIN_JOB) $(ARGS)

# An unreachable hub costs many seconds of retries in each notebook, so tests stay offline unless told otherwise.
test: export HF_HUB_OFFLINE ?= 1
test: setup  ## everything that CI checks: the repository, nbdev_test, every notebook under papermill
	@$(BIN)/python -m pytest -v -n 2 --dist worksteal --disable-warnings .github/scripts/test_repository.py nbs $(ARGS)

test-browser: docs  ## open the documentation and JupyterLab in a headless Chromium
	@$(BIN)/python .github/scripts/browser.py

lab: setup  ## JupyterLab on the notebooks
	$(BIN)/jupyter-lab --ServerApp.root_dir=nbs

docs: setup  ## the site, into _docs
	@$(BIN)/python .github/scripts/build_docs.py

clean:  ## remove what can be made again, except .venv and runs
	rm -rf _docs _proc build *.egg-info .pytest_cache .hypothesis .ruff_cache
	find nbs resnet_bk .github conftest.py \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
	rm -rf __pycache__
