# Two commands do everything: `make run` (the main job on the demo study) and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
endif
STAMP := $(VENV)/.installed
DEMO := resources/demo/dilated-lbbb

.PHONY: run test lint types layers tests install demo clean

run: install
	$(BIN)/python .ci/run_demo.py $(DEMO)

test: install lint types layers tests

install: $(STAMP)

$(STAMP): requirements-lock.txt pyproject.toml
	$(PYTHON) .ci/system_libraries.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c "open('$(STAMP)', 'w').close()"

lint: install
	$(BIN)/ruff check cof_viewer tests .ci main.py
	$(BIN)/ruff format --check cof_viewer tests .ci main.py

types: install
	$(BIN)/mypy

layers: install
	$(BIN)/lint-imports

tests: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2

demo: install
	$(BIN)/python -m cof_viewer.cohort.demo --out out/demo

clean:
	rm -rf out build dist .pytest_cache .mypy_cache .ruff_cache
