# Everything here does its own set-up: a virtual environment in .venv, made once.
#   make demo   install snapsim, compare all drivers on the shipped workload
#   make test   install the test tools as well, run every test, doctest, notebook and linter
#   make fidelity  predict all measurements anew: docs/fidelity.md, its figure, tests/data/fidelity.json
#   make bench  time the mechanisms against bare NumPy and a dictionary

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= auto

.PHONY: demo test lint fidelity bench clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/snapsim compare --plot out/compare.png

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/mypy

fidelity: .venv/installed-test
	$(BIN)/python tests/support/fidelity_page.py

bench: .venv/installed-test
	$(BIN)/python benchmarks/random_writes.py

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
