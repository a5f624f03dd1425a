# What to run: `make demo` and `make test`. Everything is installed into .venv and .cache of this checkout,
# programs that are missing by scripts/setup-system (as root, from the distribution's packages).

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
BASES := .cache/bases
DEMO := corpus/projects/c-make

.PHONY: help setup demo test quick lint bench clean

help:
	@echo "make setup   install layerc into .venv (.venv/bin/layerc is the command then)"
	@echo "make demo    build a real image from $(DEMO) and run it"
	@echo "make test    all tests, with real engines and tools"
	@echo "make quick   the tests that need neither root nor an engine"
	@echo "make lint    ruff, mypy --strict, import contracts"
	@echo "make bench   benchmarks; results go to docs/benchmarks.md"

setup: $(READY)

$(READY): pyproject.toml scripts/setup-system
	scripts/setup-system python
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' 'setuptools>=77'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable . --group dev
	touch $(READY)

demo: setup
	scripts/setup-system build bases tools
	scripts/base-images gcc:12-bookworm
	$(BIN)/layerc build -t rpn --build-context gcc:12-bookworm=oci-layout://$(BASES)/gcc-12-bookworm \
		-o type=oci,tar=false,dest=.cache/demo $(DEMO)
	@echo
	@echo "The image's own program, which adds 1 and 2 (run by umoci and runc from the OCI layout .cache/demo):"
	scripts/run-image .cache/demo:latest 1 2 +

test: setup
	scripts/setup-system
	scripts/base-images
	[ "$$(id -u)" -ne 0 ] || scripts/engine-docker prepare
	$(BIN)/python -m pytest

quick: setup
	$(BIN)/python -m pytest -m "not root and not engine"

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy -p layerc
	$(BIN)/lint-imports

bench: setup
	scripts/setup-system
	scripts/base-images
	$(BIN)/python -m pytest tests/bench --benchmark-only
	$(BIN)/python tests/bench/compare_builds.py

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
