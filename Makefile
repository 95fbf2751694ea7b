# Everything here does its own set-up: a virtual environment in .venv, made once.
#   make demo       install snapsim, compare all drivers on the shipped workload
#   make test       install the test tools as well, run every test, doctest, notebook and linter
#   make test PART=block   only the tests of one package (tests/block) and its doctests
#   make lint       the formatter, the linter and the type checker
#   make picture    draw the packages from their imports: docs/images/house.svg
#   make fidelity   predict all measurements anew: docs/fidelity.md, its figure, tests/data/fidelity.json
#   make bench      time each mechanism against bare NumPy and a dictionary: a table, and out/bench.json
#   make differential N=20000   as root: so many sequences of calls on the kernel's file systems and on the models

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= auto
PART ?=
N ?= 2000
CHOSEN := $(if $(PART),$(wildcard tests/$(PART) snapsim/$(PART)))

.PHONY: demo test lint picture fidelity differential bench clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/snapsim compare --plot out/compare.png
	@echo 'To type the commands of the README: . $(BIN)/activate'

test: lint
	$(if $(PART),$(if $(CHOSEN),,$(error PART=$(PART): no such package; there are $(notdir $(wildcard tests/*)))))
	@$(BIN)/python tests/support/skipped.py
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(CHOSEN) $(PYTEST_ARGS)

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

picture: .venv/installed-test
	$(BIN)/python tests/support/house_picture.py

fidelity: .venv/installed-test
	$(BIN)/python tests/support/fidelity_page.py

differential: .venv/installed-test
	PYTHONPATH=tests/support $(BIN)/python -m differential.search $(N) $(STACKS)

bench: .venv/installed-test
	@mkdir -p out
	$(BIN)/python benchmarks/random_writes.py --json out/bench.json

# Debian's python3 may lack ensurepip: then the system's pip fills the environment from outside.
$(BIN)/python:
	$(PYTHON) -m venv .venv 2>/dev/null || $(PYTHON) -m venv --clear --without-pip .venv

define install
	if [ -x $(BIN)/pip ]; then $(BIN)/python -m pip install --quiet --disable-pip-version-check -e $(1); \
	else $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e $(1); fi
	touch $@
endef

.venv/installed: $(BIN)/python pyproject.toml
	$(call install,.)

.venv/installed-test: $(BIN)/python pyproject.toml
	$(call install,'.[test]')
	touch .venv/installed

clean:
	rm -rf .venv out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
