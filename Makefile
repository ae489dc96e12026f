# Every command of the project; `make help` lists them. Needs Python 3.11 or later, pip and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PEERS := torch==2.13.0 jax autograd torchviz torchview
QUICK := tests/test_autograd.py tests/test_tensor.py tests/primitives tests/nn tests/test_tutorial.py \
  tests/tutorials/test_tutorials.py -k 'not tutorials.py or 02-the-tape'
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help verify test test-quick chromium lint bench tutorials slides durations gallery wheel clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

verify: $(VENV)/.installed-verify ## Judge every gradient; write report, derivations and graphs to build/verify
	$(BIN)/minigrad verify --report build/verify

test: $(VENV)/.installed-test chromium ## Run the tests, and say which are the slowest
	$(BIN)/python -m pytest --durations 15

chromium: ## Install the browser that some tests drive, as root; without it they are skipped
	@command -v chromium >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install -y -q chromium; } \
	  || echo "no chromium here (apt install chromium): the browser tests are skipped" >&2

test-quick: $(VENV)/.installed-test ## Run the tests of the core, one cell and one chapter, in under a minute
	$(BIN)/python -m pytest $(QUICK)

lint: $(VENV)/.installed-lint ## Check style (ruff) and types (mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(BENCH)/.installed ## Measure speed and memory beside PyTorch, JAX and HIPS autograd
	$(BENCH)/bin/python -m tests.benchmarks $(ROWS)

tutorials: $(VENV)/.installed-tutorials wheel ## Run the tutorials; build notebooks, pages and the reference in build/tutorials
	$(BIN)/python -m tutorials.build

slides: tutorials ## Build the tutorials, and list the slides of each chapter
	@ls build/tutorials/*.slides.html

durations: $(VENV)/.installed-verify $(VENV)/.installed-test $(VENV)/.installed-tutorials ## Measure how long these commands take
	$(BIN)/python -m tests.benchmarks.durations

gallery: $(VENV)/.installed-verify ## Draw every view of every layer in build/gallery
	$(BIN)/python -m tutorials.gallery

wheel: $(VENV)/.made ## Build the wheel in dist
	@rm -rf build/lib build/bdist.*
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) $(BENCH) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The extras that each command needs. The stamp is written last: an interrupted install is redone.
$(VENV)/.installed-verify: EXTRAS = report,graphviz
$(VENV)/.installed-test: EXTRAS = test
$(VENV)/.installed-lint: EXTRAS = lint
$(VENV)/.installed-tutorials: EXTRAS = tutorials

$(VENV)/.installed-%: $(VENV)/.made setup.cfg pyproject.toml Makefile
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[$(EXTRAS)]'
	@touch $@

# An environment of its own: the peers are no dependency, and one that does not install is left out.
$(BENCH)/.installed: $(BENCH)/.made setup.cfg pyproject.toml
	$(BENCH)/bin/python -m pip install --disable-pip-version-check --quiet --editable '.[fast,graphviz]'
	@for peer in $(PEERS); do \
	  $(BENCH)/bin/python -m pip install --disable-pip-version-check --quiet $$peer \
	    || echo "$$peer did not install: its column stays empty" >&2; done
	@touch $@

$(VENV)/.made $(BENCH)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "minigrad needs Python 3.11 or later, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing):" \
	       "install it (apt install python3.11 python3.11-venv, or brew install python@3.11)," \
	       "then run make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(@D)
	@touch $@
