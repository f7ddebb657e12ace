# Everything a fresh machine with Python needs: `make run` performs the study, `make test` runs the tests,
# `make quick` those that take little, `make docs` builds the documentation as a site.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test quick docs clean

run: $(READY)
	$(BIN)/latente run

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy & types=$$!; $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not docs"; tests=$$?; wait $$types && exit $$tests

quick: $(READY)
	$(BIN)/ruff check .
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow and not docs"

docs: $(READY)
	$(BIN)/python docs/build.py
	$(BIN)/pytest -n 2 -m docs tests/test_docs.py

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("latente needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV)
