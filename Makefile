# One target for each habit; CI runs the same ones. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two stages of one environment: artstore alone, which is all that the demo needs, and everything that tests need.
ARTSTORE := $(VENV)/.artstore
STAMP := $(VENV)/.installed
# The libraries whose use of wandb is tested need several gigabytes, so they have an environment of their own.
PROGRAMS := .venv-programs
PROGRAMS_SMALL := .venv-programs-small
SMALL = $(foreach name,calls catboost lightgbm optuna sklearn spacy xgboost,tests/programs/test_$(name).py)
DOCUMENTS = $(wildcard README.md docs/*.md)
# cog runs the help of the command line, which must not depend on the terminal that runs it.
COG = COLUMNS=80 NO_COLOR=1 $(BIN)/python -m cogapp

.DEFAULT_GOAL := help
.PHONY: help setup debian demo test test-programs test-programs-small test-pythons lint bench bench-full torture docs screenshots clean

help:
	@echo 'make demo        install artstore alone in .venv, and run its demo in a store of its own'
	@echo 'make setup       install everything in .venv, and the Debian packages listed in packages.debian'
	@echo 'make test        run the tests'
	@echo 'make test-programs run libraries that log to wandb with artstore in its place: 8 GB, in an environment of its own'
	@echo 'make test-programs-small run those of them that install in two minutes, without PyTorch: 1.5 GB'
	@echo 'make test-pythons  run the tests on every Python from 3.11 to 3.14 that is there, each in an environment of its own'
	@echo 'make lint        check format, style, types, imports between packages, generated documentation'
	@echo 'make bench       measure the speed goals and the hot paths: 15 minutes, 30 GB of disk'
	@echo 'make bench-full  run all benchmarks at full size, other tools included, into benchmarks/RESULTS.md: 1.5 hours, 45 GB'
	@echo 'make torture     kill, race, cut off, damage and attack stores: 1 to 2 hours; ARTSTORE_TORTURE=0.1 for a tenth'
	@echo 'make docs        regenerate the generated parts of README.md and docs/'
	@echo 'make screenshots take the pictures of pages in docs/ again'
	@echo 'make clean       remove .venv, caches and builds'
	@echo 'make clean setup PYTHON=python3.12    use another Python (3.11 or newer)'

setup: debian $(STAMP)

# Runs every time: it takes milliseconds, and machines change. A missing package does not stop the build: the tests
# that need it say so.
debian:
	@command -v dpkg-query >/dev/null || exit 0; \
	missing=; \
	for package in $$(sed 's/#.*//' packages.debian); do \
		dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	test -n "$$missing" || exit 0; \
	if test "$$(id -u)" != 0; then \
		echo "Some tests need Debian packages that are not installed. To run those tests:"; \
		echo "    sudo apt-get install$$missing"; \
	elif ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
			apt-get -qq -y --no-install-recommends install $$missing; }; then \
		echo "apt-get could not install$$missing (see above): some tests cannot run."; \
	fi

# An environment that works is kept: a second Python installed over it would mix the two.
define ENVIRONMENT
@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "artstore needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)"; \
		echo "Choose another: make PYTHON=python3.12 ..."; \
		exit 1; }; \
	echo "$(PYTHON) -m venv $(VENV)"; \
	$(PYTHON) -m venv --clear $(VENV); }
endef
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

# A stamp is touched last, so that an interrupted installation is repeated.
$(ARTSTORE): pyproject.toml
	$(ENVIRONMENT)
	$(INSTALL) .
	@touch $@

$(STAMP): pyproject.toml
	$(ENVIRONMENT)
	$(INSTALL) '.[http,s3,gs,ui,dev]'
	@touch $(ARTSTORE) $@

demo: $(ARTSTORE)
	$(BIN)/artstore demo

test: setup
	$(BIN)/pytest -n 2 --dist loadgroup tests

# $(1): the folder of an environment, $(2): the extra it has, $(3): what is tested in it.
define RUN_PROGRAMS
@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
@test $(1)/.installed -nt pyproject.toml || { \
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$(2)]' && \
	touch $(1)/.installed; } || { \
	echo 'make $@: the libraries were not installed, see the message of pip above.' >&2; \
	echo 'Nothing was tested. It needs the package index, once: run it again when that can be reached.' >&2; \
	exit 1; }
$(1)/bin/python -m pytest $(3)
endef

# An index with the CPU builds of PyTorch, in PIP_EXTRA_INDEX_URL, saves 4 GB.
test-programs:
	$(call RUN_PROGRAMS,$(PROGRAMS),programs,tests/programs)

test-programs-small:
	$(call RUN_PROGRAMS,$(PROGRAMS_SMALL),programs-small,$(SMALL))

# Pythons on the path, and those of pyenv. A version that is not there is named, and is not an error.
test-pythons: debian
	@failed=; \
	for version in 3.11 3.12 3.13 3.14; do \
		python=; \
		for candidate in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
			if "$$candidate" -c '' 2>/dev/null; then python="$$candidate"; fi; \
		done; \
		if test -z "$$python"; then echo "Python $$version is not here"; continue; fi; \
		echo "Python $$version: $$python"; \
		$(MAKE) --no-print-directory test PYTHON="$$python" VENV=.venv-$$version || failed="$$failed $$version"; \
	done; \
	test -z "$$failed" || { echo "The tests fail on Python$$failed"; exit 1; }

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(if $(DOCUMENTS),$(COG) --check $(DOCUMENTS))

bench: $(STAMP)
	@status=0; \
	$(BIN)/pytest tests/benchmarks/test_hot_paths.py --benchmark-enable --benchmark-columns=min,median,rounds -q || status=1; \
	$(BIN)/python -m benchmarks targets || status=1; \
	exit $$status

bench-full: $(STAMP)
	@status=0; \
	$(BIN)/python -m benchmarks results --full || status=1; \
	$(BIN)/python -m benchmarks million || status=1; \
	exit $$status

torture: setup
	$(BIN)/pytest -n 2 --dist loadgroup tests -m torture

docs: $(STAMP)
	$(if $(DOCUMENTS),$(COG) -r $(DOCUMENTS))

screenshots: setup
	$(BIN)/python -m tests.support.screenshots

clean:
	rm -rf .venv .venv-3.* $(PROGRAMS) $(PROGRAMS_SMALL) build dist .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find artstore drivers tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
