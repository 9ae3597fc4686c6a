# Two commands: `make up` (see it run) and `make test` (prove it).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXIFTOOL := .cache/exiftool
EXIFTOOL_VERSION := 13.58.0

.PHONY: help up test lint types unit ui env demo lock bench clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "gm_assets needs Python 3.11 or later; name it: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[ml,dev]'
	@touch $@

env: $(INSTALLED)  ## make the environment only

up: env  ## environment, demo library, walk and the Dagster UI on port 3000
	$(BIN)/gm up

demo: env  ## make the demo library only
	$(BIN)/gm demo

test: env lint types unit ui  ## everything that CI runs

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: env
	$(BIN)/mypy

# ExifTool is the independent reader of our metadata; Chromium looks at the pages.
$(EXIFTOOL)/node_modules: 
	@if command -v npm >/dev/null; then \
	  npm install --silent --no-audit --no-fund --prefix $(EXIFTOOL) exiftool-vendored.pl@$(EXIFTOOL_VERSION); \
	else echo "npm not found: tests that ask ExifTool will say that they are skipped"; fi

unit: env $(EXIFTOOL)/node_modules
	$(BIN)/pytest -m 'not ui' -n 2

fuzz: env  ## property-based tests with new examples, ten times over
	for turn in 1 2 3 4 5 6 7 8 9 10; do \
	  $(BIN)/pytest -m hypothesis -n 2 -q --hypothesis-profile new || exit 1; done

ui: env
	@if ! command -v chromium >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; fi
	$(BIN)/pytest -m ui

bench: env  ## measure the speed lines side by side (downloads Debian's game data)
	$(BIN)/python -m benchmarks

lock:  ## pin what a fresh resolution of pyproject.toml gives
	rm -rf .cache/lock && $(PYTHON) -m venv .cache/lock
	.cache/lock/bin/pip install --quiet --disable-pip-version-check -e '.[ml,dev]'
	.cache/lock/bin/pip freeze --exclude-editable --exclude pip --exclude setuptools \
	  | sed 's/^torch==\([0-9.]*\)+.*/torch==\1/' > constraints.txt
	rm -rf .cache/lock

clean:  ## remove the environment and caches, never the library
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis
