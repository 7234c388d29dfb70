# Everything a fresh machine needs besides Python 3.11 to 3.13, make and git is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs docs-pictures clean

demo: $(VENV)/installed  ## the main job on the embedded synthetic city
	$(BIN)/geosemimtl demo --overwrite -o demo

test: $(VENV)/installed  ## the whole suite
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases tests benchmarks

docs: $(VENV)/installed  ## the site, in build/site; a warning is an error
	$(BIN)/zensical build --strict --clean
	@echo "Open build/site/index.html; for its search, python3 -m http.server -d build/site"

docs-pictures: $(VENV)/installed  ## what docs/commands.md shows of the demo
	[ -d demo ] || $(BIN)/geosemimtl demo -o demo
	$(BIN)/python benchmarks/pictures.py demo docs/pictures

$(VENV)/installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (once, a few minutes, 6 GB) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[dev,docs,onnx]"
	@touch $@

clean:  ## remove what the targets above made
	rm -rf $(VENV) demo build .cache geosemimtl.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
