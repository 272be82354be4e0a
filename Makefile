# Two commands are enough: `make demo` and `make test`. Each sets up everything it needs in .venv,
# from the versions pinned in constraints.txt.
PYTHON ?= python3.11
BIN := .venv/bin
LAKE ?= ./lake
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: setup setup-dev demo test test-fast lint bench bench-corpus fuzz server clean

NATIVE := $(shell find pipeline -name '_*.c' -o -name '*.h')

.venv/runtime: pyproject.toml constraints.txt setup.py $(NATIVE)
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

# The corpus against datatrove's FineWeb example, and the tables in README.md. CRAWL holds WARC files.
CRAWL ?= ../shared/crawl
.venv-peers/ready: tests/benchmarks/peers/requirements.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench-corpus: .venv/dev .venv-peers/ready
	$(BIN)/python -m tests.benchmarks.corpus --crawl $(CRAWL) --peer-python .venv-peers/bin/python --readme README.md

# 2,000 damaged archives through the whole pass.
fuzz: .venv/dev
	CRAWL2CHAT_MUTANTS=2000 $(BIN)/python -m pytest tests/faults/test_hostile_archives.py

# The Prefect server with its UI on http://127.0.0.1:4200
server: .venv/runtime
	$(BIN)/prefect server start --host 127.0.0.1 --port 4200

clean:
	rm -rf .venv .venv-peers lake
