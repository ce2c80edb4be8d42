# `make run` and `make test` do all set-up themselves; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
# The tests wait as much as they compute, so two cores take four at a time; each begins with a
# quarter of them, so that neighbours share their servers and browsers.
JOBS ?= 4

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long lint format bench audit lock docs clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

setup: $(VENV)/run.stamp ## make the virtual environment in .venv

run: $(VENV)/run.stamp ## start the server on http://127.0.0.1:5000
	@$(BIN)/python server.py $(ARGS)

test: $(VENV)/dev.stamp ## run the tests (some minutes at most)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not long" $(TESTS)

test-long: $(VENV)/dev.stamp ## run the tests that take minutes
	$(BIN)/python -m pytest -n $(JOBS) -m long $(TESTS) || [ $$? -eq 5 ]

lint: $(VENV)/dev.stamp ## ruff (lint and format) and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict server.py conf handlers chat models

format: $(VENV)/dev.stamp ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## measure Hubbub beside its peers (needs Node and npm)
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/run.stamp ## write docs/settings.md and .env.example again
	$(BIN)/python -m conf.pages

audit: $(VENV)/dev.stamp ## look the locked packages up in the vulnerability database
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements.lock

lock: $(VENV)/dev.stamp ## resolve setup.cfg again into the two lock files
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		setup.cfg -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		setup.cfg --extra dev -o requirements-dev.lock

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis bench/peers/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Hubbub needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

$(VENV)/run.stamp: requirements.lock | $(VENV)/bin/python
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock | $(VENV)/bin/python
	$(INSTALL) -r requirements-dev.lock
	@touch $@ $(VENV)/run.stamp
