PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help tune train test test-fast test-explore test-kill lint bench gpu wheel studies studies-report

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

train: $(VENV)/.installed  ## set everything up and train the default network on the default corpus
	$(RUN) -m musicgen.train

tune: $(VENV)/.installed  ## set everything up and write three tunes with the network in the package
	$(RUN) -m musicgen.generate n=3 temperature=0.85

test: $(VENV)/.installed-dev  ## all checks and all tests
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m pytest -n auto

test-fast: $(VENV)/.installed-dev  ## what one runs while working: below a minute
	$(RUN) -m pytest -q -n auto -m "not slow" --hypothesis-profile=fast

test-explore: $(VENV)/.installed-dev  ## try each property of tests on 1,000 new examples
	$(RUN) -m pytest -q -n auto -m hypothesis --hypothesis-profile=explore

bench: $(VENV)/.installed-dev  ## speed as tables of ratios (TUNES=<text>, NET=<run folder> add your own)
	$(RUN) -m benchmarks.training $(TUNES)
	$(RUN) -m benchmarks.engine
	$(RUN) -m benchmarks.ray_driver
	$(RUN) -m benchmarks.sweep $(TUNES)
	$(RUN) -m benchmarks.sampling
	$(RUN) -m benchmarks.tensorboard
	$(if $(NET),$(RUN) -m benchmarks.formats $(NET))
	$(if $(NET),$(RUN) -m benchmarks.report $(NET))

gpu: $(VENV)/.installed-dev  ## on a machine with a GPU: proofs and figures in eight minutes, into gpu.json
	$(RUN) -m tests.gpu $(GPU)

test-kill: $(VENV)/.installed-dev  ## kill sweeps and resume them, ROUNDS times (SEED repeats a run)
	ROUNDS=$(or $(ROUNDS),20) $(RUN) -m pytest -q -s -k "kill" tests/sweep/test_kill.py tests/workflows/test_sweep_command.py

wheel: $(VENV)/.installed  ## a wheel in dist/, for machines without this clone
	$(RUN) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

studies: $(VENV)/.installed  ## redo the report's studies, or go on with them (TUNES=<its corpus>)
	$(RUN) -m experiments path=$(TUNES)

studies-report: $(VENV)/.installed  ## the same with the report's own settings: hours (TUNES=<its corpus>)
	$(RUN) -m experiments path=$(TUNES) "names=[report_optimizer,report_best]"

lint: $(VENV)/.installed-dev  ## mend style, then check types
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .
	$(RUN) -m mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "musicgen needs Python 3.11 or newer, got $$($(PYTHON) -V 2>&1); set PYTHON=/path/to/python"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "could not make $(VENV); on Debian and Ubuntu: apt install python3-venv"; exit 2; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing into $(VENV) (once, some minutes) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) -e ".[dev]"
	@touch $@
