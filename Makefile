# Everything a fresh machine needs besides Python 3.11 to 3.13, make and git is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint clean

demo: $(VENV)/installed  ## the main job on the embedded synthetic city
	$(BIN)/geosemimtl demo --overwrite -o demo

test: $(VENV)/installed  ## the whole suite
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup

lint: $(VENV)/installed  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases tests benchmarks

$(VENV)/installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (once, a few minutes, 6 GB) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

clean:  ## remove what the targets above made
	rm -rf $(VENV) demo build geosemimtl.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
