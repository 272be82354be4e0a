# Two commands are enough: `make demo` and `make test`. Each sets up everything it needs in .venv,
# from the versions pinned in constraints.txt.
PYTHON ?= python3.11
BIN := .venv/bin
LAKE ?= ./lake
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: setup setup-dev demo test test-fast lint bench server clean

.venv/runtime: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/dev: .venv/runtime
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

setup: .venv/runtime

setup-dev: .venv/dev

# The whole pipeline on the embedded sample web, then a report and a chat (about ten minutes, 2 cores).
demo: .venv/runtime
	$(BIN)/crawl2chat demo --lake $(LAKE)

test: .venv/dev
	$(BIN)/python -m pytest

# Without the runs through Prefect: a minute or two.
test-fast: .venv/dev
	$(BIN)/python -m pytest --ignore=tests/faults --ignore=tests/deployments --ignore=tests/test_end_to_end.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Rewrites the table in README.md between its markers.
bench: .venv/dev
	$(BIN)/python -m tests.benchmarks.demo_seeds

# The Prefect server with its UI on http://127.0.0.1:4200
server: .venv/runtime
	$(BIN)/prefect server start --host 127.0.0.1 --port 4200

clean:
	rm -rf .venv lake
