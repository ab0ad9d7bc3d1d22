# Needs make and Python 3.10 or newer with venv; everything else is installed into .venv.
# Another interpreter: make setup PYTHON=python3.12 (once .venv exists it stays as it is; remove it to change).

PYTHON ?= python3
# A thread that waits for another soon sleeps, so that other programs on the machine cost no more than their share.
export GOMP_SPINCOUNT ?= 1000
BIN := .venv/bin

# The main job, and further arguments for it: make train ARGS="--corpus wikitext-2 --seed 1"
MAIN_JOB = $(BIN)/resnet-bk bench language --steps 600 --n-seq 128 --out runs/$(shell date +%Y%m%d-%H%M%S)
ARGS =

# What is tested beside the notebooks.
CHECKS = .github/scripts/test_repository.py .github/scripts/test_package.py

.DEFAULT_GOAL := help
.PHONY: help setup sync outputs train test test-browser coverage package lab docs clean

help:  ## what each target does
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/.installed  ## install the library and its tools into .venv

# The stamp is older than its sources exactly when an installation is due.
.venv/.installed: settings.ini constraints.txt setup.py
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (3.4 GB, a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python .github/scripts/hooks.py
	@touch $@
	@echo "installed; for a shell: . .venv/bin/activate; next: make train, make lab, make test"

sync: setup  ## notebooks -> library and README
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean
	$(BIN)/python .github/scripts/readme.py

# make outputs NB="nbs/core/00_resolvent.ipynb nbs/core/01_ladder.ipynb"; parameters: ARGS="-p FAST False"
outputs: setup  ## run the notebooks NB in place, and note the code that their outputs come from
	@$(BIN)/python .github/scripts/outputs.py run $(NB) $(ARGS)

train: setup  ## the main job, on a corpus that needs no network
	$(MAIN_JOB) $(ARGS)

# An unreachable hub costs many seconds of retries in each notebook, so tests stay offline unless told otherwise.
test: export HF_HUB_OFFLINE ?= 1
test: setup  ## everything that CI checks: the repository, nbdev_test, every notebook under papermill
	@$(BIN)/python -m pytest -v -n 2 --dist worksteal --disable-warnings $(CHECKS) nbs $(ARGS)

# Each chapter's assertions against the module that was made from it, under coverage.py, which also sees kernels and their
# children. It takes up to twice as long as the tests; from Python 3.12 on COVERAGE_CORE=sysmon makes it as quick as they are.
coverage: export HF_HUB_OFFLINE ?= 1
coverage: setup  ## what the notebooks reach of the library: a table, and pages in .coverage/html
	@rm -rf .coverage
	@$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal --disable-warnings nbs --modules $(ARGS) \
		|| echo "the table counts what ran before a chapter failed"
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet
	@$(BIN)/coverage report

package: setup  ## the wheel and the source distribution, into dist, checked
	@rm -rf dist
	@$(BIN)/python -m build --outdir dist .
	@$(BIN)/twine check --strict dist/*

# make test-browser ARGS=pages opens every page of the site
test-browser: docs  ## open the documentation and JupyterLab in a headless Chromium
	@$(BIN)/python .github/scripts/browser.py $(ARGS)

lab: setup  ## JupyterLab on the notebooks
	$(BIN)/jupyter-lab --ServerApp.root_dir=nbs

docs: setup  ## the site, into _docs
	@$(BIN)/python .github/scripts/build_docs.py

clean:  ## remove what can be made again, except .venv and runs
	rm -rf _docs _proc build dist *.egg-info .pytest_cache .hypothesis .coverage
	find nbs resnet_bk .github conftest.py \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
	rm -rf __pycache__
