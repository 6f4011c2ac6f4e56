# Everything is run from here; only python3 (3.11 or later, with venv) and make are needed.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
# Wheels with the hashes of the lock file or nothing: no compiler needed, no surprise accepted.
LOCKED := install --require-hashes --no-deps --only-binary :all: --no-compile

# The first Python that is new enough; the versions we test come first.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { echo $$p; exit; }; done; echo python3)

comma := ,
# How many of the checks run side by side.
JOBS ?= 2
# Tests are spread over this many processes.
WORKERS ?= auto

# What `make check` runs of the tests. A file stays in one process, which makes its markets and runs once;
# the long ones come first.
FAST := -n $(JOBS) --dist loadfile --no-loadscope-reorder --hypothesis-profile=quick \
	-m "not slow and not integration and not browser" --ignore tests/browser --ignore tests/integration

# Compiled modules are kept: each start would otherwise compile again what it imports.
unexport PYTHONDONTWRITEBYTECODE

NOT_BUILT := docs, demo$(if $(wildcard benchmarks/__main__.py),,$(comma) bench)

.DEFAULT_GOAL := help
.PHONY: help setup backtest test check bench golden lock clean \
	check-style check-types check-imports check-tests

help: ## what can be done
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		case "$(NOT_BUILT), " in *"$$target, "*) ;; *) printf '  %-10s %s\n' "$$target" "$$text" ;; esac; done
	@echo "Not built yet: $(NOT_BUILT)."

# --- set-up: .venv from requirements.lock, again whenever the lock or the project file changes ---

setup: $(VENV)/.ready-dev ## create .venv with everything, tests and checks included

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "make: '$(PYTHON)' was not found; install Python 3.11 or later, or name one: make PYTHON=/path/to/python3"; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { \
		echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or later is needed, name one: make PYTHON=python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "make: $(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv"; \
		exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) -V 2>&1) (once; a minute or so, depending on the network) ..."
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/base.lock: requirements.lock | $(BIN)/python
	@sed '/^# === rest/,$$d' requirements.lock > $@

$(VENV)/.ready-base: $(VENV)/base.lock pyproject.toml | $(BIN)/python
	@$(PIP) $(LOCKED) -r $(VENV)/base.lock || { \
		echo "make: the packages of requirements.lock could not be installed (the reason stands above):"; \
		echo "      is the network up, and does pip reach its package index?"; \
		exit 1; }
	@$(PIP) install --no-build-isolation --no-deps --no-compile --editable .
	@$(BIN)/python -m compileall -qq -j 0 -x '/(plotly|ccxt|tests?)/' src $(VENV)/lib || : # those two no backtest imports
	@touch $@

$(VENV)/.ready-dev: requirements.lock $(VENV)/.ready-base
	@echo "Adding what tests and checks need ..."
	@$(PIP) $(LOCKED) -r requirements.lock || { \
		echo "make: the packages of requirements.lock could not be installed (the reason stands above):"; \
		echo "      is the network up, and does pip reach its package index?"; \
		exit 1; }
	@touch $@

# --- the work ------------------------------------------------------------------------------------

backtest: $(VENV)/.ready-base ## three strategies on the built-in sample market; ends with a report
	@$(BIN)/agentic-trading backtest

test: $(VENV)/.ready-dev ## the whole test suite
	@$(BIN)/python -m pytest -n $(WORKERS)

check: $(VENV)/.ready-dev ## style, types, import contract, tidy test, fast tests
	@$(MAKE) --no-print-directory --keep-going -j$(JOBS) $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		check-types check-style check-imports check-tests
	@echo "check: all good"

check-types: $(VENV)/.ready-dev
	@$(BIN)/mypy --strict src

check-style: $(VENV)/.ready-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

check-imports: $(VENV)/.ready-dev
	@$(BIN)/lint-imports --no-logo

check-tests: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest -q $(FAST) tests

ifneq ($(wildcard benchmarks/__main__.py),)
bench: $(VENV)/.ready-dev ## how fast the engine is on this machine; ARGS="--only W1 --repeat 1" for a part
	@$(BIN)/python benchmarks $(ARGS)
endif

golden: $(VENV)/.ready-dev ## compute the golden digests anew and show old and new, to be reviewed and committed
	@$(BIN)/python tests/golden/update.py

lock: ## write requirements.lock anew (needs uv); UPGRADE=1 takes the newest versions
	@$(PYTHON) scripts/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove .venv and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
