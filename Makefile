# Everything is installed into .venv of this checkout; .venv/bin/layerc is the command afterwards.
# `make test` and `make demo` need root on Debian or Ubuntu, where they install what is missing.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: setup demo test quick lint lint-precision bench fuzz soak clean

setup: $(READY)

$(READY): pyproject.toml scripts/setup-system
	@scripts/setup-system python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

# Build a C program in two stages on a Debian that is bootstrapped here, and run it from the image.
demo: $(READY)
	@scripts/setup-system build bases run
	@scripts/demo

# All tests. Words for pytest: make test PYTEST="-k cache"
test: $(READY)
	@scripts/setup-system
	@scripts/base-images
	@scripts/engine-docker prepare
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder $(PYTEST)

# The tests that need neither root nor another engine: under a minute.
quick: $(READY)
	$(BIN)/python -m pytest -m "not root and not engine" $(PYTEST)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy -p layerc
	PYTHONPATH=$(CURDIR) $(BIN)/lint-imports

# How well the cache rules find what corpus/lint-cache says. SLIPS=--slips lists what they get wrong
lint-precision: $(READY)
	PYTHONPATH=tests/tools $(BIN)/python tests/tools/lint_precision.py $(SLIPS)

bench: $(READY)
	@scripts/setup-system build bases
	@scripts/base-images
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m pytest --override-ini="addopts=--import-mode=importlib" --benchmark-only tests/bench $(PYTEST)

# Made-up Dockerfiles for ten minutes. libFuzzer's options, or an input to repeat: make fuzz FUZZ="-max_total_time=60"
fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --group fuzz
	$(BIN)/python tests/fuzz/fuzz_dockerfiles.py $(FUZZ)

# Projects edited at random, each state built on the cache and cleanly. Seeds are printed: make soak SOAK="--seed 7"
MINUTES ?= 30
soak: $(READY)
	@scripts/setup-system build bases
	$(BIN)/python tests/tools/soak.py --minutes $(MINUTES) $(SOAK)

# All that make made, base images and the comparison engine included.
clean:
	rm -rf .venv .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
	    .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
