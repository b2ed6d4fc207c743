# One verb each, for a person and for CI. The virtual environment .venv is made when it is missing.
#   make PYTHON=/path/to/python3.11 ...   use this Python
#   make PYTEST_ARGS="-x -k report" test  pass words to pytest
#   make PYTEST_PROCESSES=1 test          so many share the tests, file by file
VENV ?= .venv
PYTHON ?= python3.11 python3.12 python3.13 python3
PYTEST_ARGS ?=
PYTEST_PROCESSES ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
MADE := $(VENV)/.made
DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-dev

# A .venv that works here is used, whoever made it; one that is broken, half-made, too old, or was copied
# from another folder (its scripts point there) is made again.
CHECK_VENV := import sys, pip; sys.exit(sys.version_info < (3, 11))
CHECK_PYTHON := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
VENV_WORKS := $(shell $(BIN)/python -c '$(CHECK_VENV)' 2>/dev/null && echo yes)
MADE_FOR := $(shell cat $(MADE) 2>/dev/null)
ifneq ($(VENV_WORKS):$(MADE_FOR),yes:$(CURDIR))
.PHONY: $(MADE)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test pytest lint type-check style contracts format soak bench clean
.DELETE_ON_ERROR:

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO)  ## Run the flagship job on the sample in data/ and draw its scores
	@mkdir -p output
	$(BIN)/eventproc run python_configs/top_tagging_cfg.py outputFile=output/top_tagging.root overwrite=True \
	    --jobreport output/top_tagging.xml
	$(BIN)/eventproc plot output/top_tagging.root --output output/top_tagging.png
	@echo
	@echo "output/top_tagging.root  tagged jets, a tree Events: look with uproot, ROOT, or uproot-browser"
	@echo "output/top_tagging.png   scores of top and QCD jets, and the ROC curve"
	@echo "output/top_tagging.xml   the job report; the same as JSON in output/top_tagging.json"
	@echo "Next: $(BIN)/eventproc run python_configs/top_tagging_cfg.py help"

test: lint pytest  ## Run everything that must pass: lint, types, tests

pytest: $(DEV)
	$(BIN)/python -m pytest --numprocesses $(PYTEST_PROCESSES) --dist loadfile $(PYTEST_ARGS)

lint: type-check style contracts  ## Check style, types and who imports whom

style: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

contracts: $(DEV)
	$(BIN)/lint-imports

type-check: $(DEV)  ## Check types
	$(BIN)/mypy

format: $(DEV)  ## Put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

soak: $(DEV)  ## Run the long versions of the sampling tests
	$(BIN)/python -m pytest --soak -m soak $(PYTEST_ARGS)

bench: $(DEV)  ## Run the benchmarks
	@set -e; for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

clean:  ## Remove what was made here, the virtual environment and output/ included
	rm -rf $(VENV) output build dist *.egg-info .coverage htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
ifneq ($(VENV_WORKS):$(MADE_FOR),yes:)
	@found=; for python in $(PYTHON); do \
	    if "$$python" -c '$(CHECK_PYTHON)' 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "This needs Python 3.11 or newer with its venv module; tried: $(PYTHON)." >&2; \
	    echo "Debian and Ubuntu: apt install python3 python3-venv. Else: make PYTHON=/path/to/python3.11 ..." >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version)" && "$$found" -m venv --clear $(VENV)
endif
	@$(PIP) install --quiet --upgrade pip
	@echo "$(CURDIR)" > $@

$(DEMO): $(MADE) setup.cfg pyproject.toml
	@echo "Installing eventproc and what it needs into $(VENV); the first time takes a minute or two"
	$(PIP) install -e .
	@touch $@

$(DEV): $(MADE) setup.cfg pyproject.toml
	@echo "Installing eventproc, what it needs and the development tools into $(VENV)"
	$(PIP) install -e .[dev]
	@touch $@ $(DEMO)
