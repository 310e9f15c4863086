# The commands of this project. Each sets up what it needs into .venv, once, and says so in one line.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
RESTATE := @restatedev/restate-server@1.7.12
SOURCES := $(wildcard src tests bench dev examples docs/conf.py)

.DEFAULT_GOAL := help
.PHONY: help demo test check fix docs tutorial prove bench services services-down clean
# One set-up at a time: two pips in one .venv would trip over each other.
.NOTPARALLEL:

help:
	@echo 'make demo    run the shop and show it          make test    run every test'
	@echo 'make check   style, types, layers, tidiness    make fix     repair what a program can repair'
	@echo 'make bench   measure, beside the peers         make clean   remove what was set up'
	@echo 'make docs    make a site of docs/, in build/docs'
	@echo 'make tutorial   do what the tutorial says, in a fresh clone and environment'
	@echo 'make services   start PostgreSQL, Kafka and RabbitMQ and say where; services-down stops them'
	@echo 'make prove   random runs, dances and explorations, as many as CASES says; then a campaign of faults'

demo: $(VENV)/.runtime
	@$(BIN)/pavane demo $(or $(ARGS),--processes --style all)

# All of them in two processes side by side; what ARGS names in one, so that it prints as it goes.
test: $(VENV)/.dev
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses 2 --dist worksteal)

check: $(VENV)/.dev
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo 'Not formatted. Run: make fix'; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pyright
	@$(BIN)/python -m pytest tests/tidy

fix: $(VENV)/.dev
	@$(BIN)/ruff check --fix --quiet $(SOURCES); $(BIN)/ruff format --quiet $(SOURCES)
	@$(BIN)/python -m tests.docs.drawn

docs: $(VENV)/.dev
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -d build/doctrees docs build/docs
	@echo 'Open build/docs/index.html.'

tutorial: $(VENV)/.dev
	@$(BIN)/python -m tests.docs.tutorial

CASES ?= 20000
prove: $(VENV)/.dev
	@PAVANE_PROVE=1 PAVANE_CASES=$(CASES) $(BIN)/python -m pytest \
		$(or $(ARGS),tests/simulation tests/exploration \
		tests/acceptance/test_company_campaign.py tests/acceptance/fleet/prove.py)

bench: $(VENV)/.bench
	@$(BIN)/python -m bench $(ARGS)

services: $(VENV)/.dev
	@$(BIN)/python -m dev.services up $(ARGS)

services-down: $(VENV)/.dev
	@$(BIN)/python -m dev.services down

clean:
	@test ! -d .services/scopes || $(BIN)/python -m dev.services down
	@rm -rf $(VENV) build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis .pavane .services

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo 'Pavane needs Python 3.11 or newer. Install it, or name it: make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo 'Python could not make a virtual environment. On Debian: apt-get install python3-venv' >&2; exit 1; }

$(VENV)/.runtime: pyproject.toml constraints/runtime.txt | $(VENV)/bin/python
	@echo 'Setting up $(VENV) (once): Pavane and the packages it needs ...'
	@$(PIP) --editable . --constraint constraints/runtime.txt
	@touch $@

$(VENV)/.dev: pyproject.toml constraints/runtime.txt constraints/dev.txt constraints/docs.txt | $(VENV)/bin/python
	@echo 'Setting up $(VENV) (once): Pavane and the tools of its tests ...'
	@$(PIP) --editable '.[dev]' --constraint constraints/docs.txt
	@touch $@ $(VENV)/.runtime

$(VENV)/.bench: pyproject.toml constraints/runtime.txt constraints/dev.txt constraints/docs.txt \
		constraints/bench.txt | $(VENV)/bin/python
	@echo 'Setting up $(VENV) (once): Pavane, its tools and the peers to measure against ...'
	@$(PIP) --editable '.[dev,bench]' --constraint constraints/bench.txt
	@npm install --silent --prefix $(VENV)/restate $(RESTATE) >/dev/null 2>&1 || \
		echo 'Restate was not installed (it needs npm); the rest is measured without it.'
	@touch $@ $(VENV)/.dev $(VENV)/.runtime
