# One target for each habit; CI runs the same ones. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
DOCUMENTS = $(wildcard README.md docs/*.md)
# The help text that cog puts into the documents must not depend on the terminal it is made in.
COG = COLUMNS=80 NO_COLOR=1 $(BIN)/cog

.DEFAULT_GOAL := help
.PHONY: help setup debian demo test lint bench bench-full torture docs clean

help:
	@echo 'make setup       the environment in .venv, and the Debian packages of packages.debian'
	@echo 'make demo        artstore shows itself in a store of its own'
	@echo 'make test        the tests'
	@echo 'make lint        format, style, types, the floors of the house, generated documentation'
	@echo 'make bench       the goals of speed and the hot paths: a quarter of an hour and 30 GB of disk'
	@echo 'make bench-full  all benchmarks at full size, beside other tools, into benchmarks/RESULTS.md: an hour, 45 GB'
	@echo 'make torture     the tests that kill, race and fill disks for a long time'
	@echo 'make docs        writes the generated parts of README.md and docs/ again'
	@echo 'make clean       removes .venv, caches and builds'
	@echo 'make clean setup PYTHON=python3.12    takes another Python (3.11 or newer)'

setup: debian $(STAMP)

# Asked at each run, because it costs milliseconds and a machine changes. What is missing is no reason to stop:
# a test that cannot do without it says so itself.
debian:
	@command -v dpkg-query >/dev/null || exit 0; \
	missing=; \
	for package in $$(sed 's/#.*//' packages.debian); do \
		dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	test -n "$$missing" || exit 0; \
	if test "$$(id -u)" != 0; then \
		echo "Debian packages that some tests need are missing. To have those tests run:"; \
		echo "    sudo apt-get install$$missing"; \
	elif ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
			apt-get -qq -y --no-install-recommends install $$missing; }; then \
		echo "apt-get could not install$$missing (see above): some tests will not run."; \
	fi

# The stamp comes last, so that an interrupted installation is done again. An environment that works is kept: a
# second Python over it would mix the two.
$(STAMP): pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
			echo "artstore needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)"; \
			echo "Choose another: make PYTHON=python3.12 ..."; \
			exit 1; }; \
		echo "$(PYTHON) -m venv .venv"; \
		$(PYTHON) -m venv --clear .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[http,s3,gs,dev]'
	@touch $@

demo: setup
	$(BIN)/artstore demo

test: setup
	$(BIN)/pytest -n 2 --dist loadgroup tests

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(if $(DOCUMENTS),$(COG) --check $(DOCUMENTS))

bench: $(STAMP)
	$(BIN)/pytest tests/test_hot_paths.py --benchmark-enable --benchmark-columns=min,median,rounds -q
	$(BIN)/python -m benchmarks targets

bench-full: $(STAMP)
	$(BIN)/python -m benchmarks results --full

torture: setup
	$(BIN)/pytest tests -m torture

docs: $(STAMP)
	$(if $(DOCUMENTS),$(COG) -r $(DOCUMENTS))

clean:
	rm -rf .venv build dist .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find artstore drivers tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
