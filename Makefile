# Two commands are enough: `make demo` and `make test`. Each sets up everything it needs in .venv,
# from the versions pinned in constraints.txt (see setup.sh and docs/setup.md). TORCH_INDEX=URL takes
# torch from another index of packages: its builds without CUDA, say.
PYTHON ?=
TORCH_INDEX ?=
SETUP = PYTHON='$(PYTHON)' TORCH_INDEX='$(TORCH_INDEX)' ./setup.sh
BIN := .venv/bin
LAKE ?= ./lake
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
# Set-up compiles no package ahead: without bytecode kept, each of a run's many processes would.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup setup-dev resolve demo test test-fast lint bench bench-corpus bench-train bench-engine \
	bench-tokenizer bench-evals bench-scale bench-tools bench-distill bench-pass-at-k bench-rl \
	bench-rl-hack bench-search bench-game bench-tool-use bench-search-use bench-injection bench-horizon \
	bench-preferences bench-acts bench-serve bench-arena bench-pages soak tune-train interop fuzz mutants docs \
	release-check server clean

NATIVE := $(shell find pipeline -name '_*.c' -o -name '*.h')

SOURCES := pyproject.toml constraints.txt setup.py setup.sh $(NATIVE)

.venv/runtime: $(SOURCES)
	$(SETUP) .
	touch $@

# Not by way of the other: each compiles the C extensions.
.venv/dev: $(SOURCES)
	$(SETUP) '.[dev]'
	touch .venv/runtime $@

setup: .venv/runtime

setup-dev: .venv/dev

# Whether the pinned versions go together on other machines as well: asks the index, needs uv.
resolve: .venv/dev
	CRAWL2CHAT_RESOLVE=1 $(BIN)/python -m pytest tests/test_setup.py -k resolver

# The whole pipeline on the embedded sample web, then a report and a chat (7 minutes and more, 2 cores).
demo: .venv/runtime
	$(BIN)/crawl2chat demo --lake $(LAKE)

# In JOBS processes, each of up to 3 GiB, one more than two cores since many tests wait: see
# tests/conftest.py for which test runs where.
JOBS ?= 3
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder
test: .venv/dev
	$(PYTEST)

# Without whole runs of the pipeline, servers and kills: some minutes.
test-fast: .venv/dev
	$(PYTEST) -m 'not slow'

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The pages of docs/ as a site, in site/; a dead link or anchor is an error.
docs: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# What a user gets: sdist and wheel are built, the wheel is built from the sdist and installed into an
# environment of its own, and the demo runs at toy size from an empty folder (ten minutes).
release-check: .venv/dev
	$(BIN)/python .ci/release_check.py

# Benchmarks write their tables between the markers of this page (tests/benchmarks/tables.py).
PAGE ?= docs/benchmarks.md

# What each stage of the demo changes, over three seeds: half an hour.
bench: .venv/dev
	$(BIN)/python -m tests.benchmarks.demo_seeds --write $(PAGE)

# The corpus against datatrove's FineWeb example. CRAWL is a folder of .warc.gz files: a few of Common
# Crawl's, say (docs/benchmarks.md).
CRAWL ?= crawl
.venv-peers/ready: tests/benchmarks/peers/requirements.txt
	$(SETUP) -r $< .venv-peers
	touch $@

bench-corpus: .venv/dev .venv-peers/ready
	$(BIN)/python -m tests.benchmarks.corpus --crawl $(CRAWL) --peer-python .venv-peers/bin/python --write $(PAGE)

# Training and the engine against nanoGPT, nanochat and transformers. The peers' code is cloned at the
# commits that peers/commits.txt pins; PEERS may hold clones already. EVAL is a folder with
# tinyshakespeare.txt.gz and, for bench-evals, task files (docs/benchmarks.md).
PEERS ?= .peers
EVAL ?= eval
$(PEERS)/ready: tests/benchmarks/peers/commits.txt
	mkdir -p $(PEERS)
	grep -v '^#' $< | while read -r name url commit; do \
		test -d $(PEERS)/$$name || git clone --quiet $$url $(PEERS)/$$name || exit 1; \
		git -C $(PEERS)/$$name checkout --quiet $$commit || exit 1; \
	done
	touch $@

bench-train: .venv/dev $(PEERS)/ready
	$(BIN)/python -m tests.benchmarks.training --peers $(PEERS) --crawl $(CRAWL) --eval $(EVAL) --write $(PAGE)

# Batches and rates for it, on documents that it doesn't report (docs/benchmarks.md). SIDES: nanogpt,
# nanochat, portable, speedrun; all of them take 40 minutes of a quiet machine.
SIDES ?=
tune-train: .venv/dev $(PEERS)/ready
	$(BIN)/python -m tests.benchmarks.training --peers $(PEERS) --crawl $(CRAWL) --eval $(EVAL) --tune $(SIDES)

bench-engine: .venv/dev $(PEERS)/ready
	$(BIN)/python -m tests.benchmarks.engine --peers $(PEERS) --write $(PAGE)

bench-tokenizer: .venv/dev
	$(BIN)/python -m tests.benchmarks.tokenizer --crawl $(CRAWL) --write $(PAGE)

# In-context evaluation beside lm-evaluation-harness and nanochat, same models.
.venv-harness/ready: tests/benchmarks/peers/lm-eval-requirements.txt
	$(SETUP) -r $< .venv-harness
	touch $@

bench-evals: .venv/dev .venv-harness/ready $(PEERS)/ready
	$(BIN)/python -m tests.benchmarks.evals_parity --eval $(EVAL) --harness-python .venv-harness/bin/python \
		--nanochat $(PEERS)/nanochat --write $(PAGE)

# What commands cost over lakes of 1,000 to 90,000 parts, into docs/operations.md. SCALE holds the lakes
# (8 GB; goes on where it was interrupted), PARTS and S3_PARTS the sizes that are measured.
SCALE ?= .scale
PARTS ?= 1000,10000,90000
S3_PARTS ?= 1000,10000
bench-scale: .venv/dev
	$(BIN)/python -m tests.benchmarks.scale $(SCALE) --parts $(PARTS) --s3 $(S3_PARTS) --write docs/operations.md

# Programs a second by each of Python's back-ends, against a new interpreter for each.
bench-tools: .venv/dev
	$(BIN)/python -m tests.benchmarks.tools --write $(PAGE)

# What a teacher teaches beside RL, from the models of a lake of `make bench`.
bench-distill: .venv/dev
	$(BIN)/python -m tests.benchmarks.distillation --lake $(LAKE) --write docs/training.md

# pass@1 to pass@256 of a lake's base, fine-tuned and reinforced model on the same held-out prompts.
bench-pass-at-k: .venv/dev
	$(BIN)/python -m tests.benchmarks.pass_at_k --lake $(LAKE) --out pass-at-k --write $(PAGE)

# RL with and without pools and replaced groups, from CHAT, a folder of a chat model …
CHAT ?= $(firstword $(wildcard $(LAKE)/sft/*))
bench-rl: .venv/dev
	$(BIN)/python -m tests.benchmarks.rl_tasks --chat $(CHAT) --write $(PAGE)

# … and a flawed reward beside a whole one: a reward hack, learned on purpose.
bench-rl-hack: .venv/dev
	$(BIN)/python -m tests.benchmarks.rl_tasks --chat $(CHAT) --hack --tasks difference:1=1 --steps 30 --held-out 20 \
		--prompts 16 --max-new-tokens 48 --write $(PAGE)

# What the search index costs and finds. LAKE is one of the sample web (make demo), CRAWL_LAKE one whose
# corpus is of a real crawl; without it that row is left out.
CRAWL_LAKE ?=
bench-search: .venv/dev
	$(BIN)/python -m tests.benchmarks.search --lake $(LAKE) $(if $(CRAWL_LAKE),--crawl-lake $(CRAWL_LAKE)) \
		--write docs/tools.md

# Connect four past imitation, over three seeds: imitation, self-play, and the complete table as judge.
bench-game: .venv/dev
	$(BIN)/python -m tests.benchmarks.game --write docs/connect_four.md

# Products, letters and words with the calculator and Python, and without. LAKE is of a finished demo,
# and only read; what is made stays in WORK.
WORK ?= build/tool-use
bench-tool-use: .venv/dev
	$(BIN)/python -m tests.benchmarks.tool_use --lake $(LAKE) --work $(WORK) --write docs/tools.md

# Searching for what no page states, and not for what pages do. What is made stays in SEARCH_WORK.
SEARCH_WORK ?= build/search-use
bench-search-use: .venv/dev
	$(BIN)/python -m tests.benchmarks.search_use --lake $(LAKE) --work $(SEARCH_WORK) --write docs/tools.md

# Instructions planted in passages that the model reads: what separation and training do against them.
# LAKE is of a finished demo, and only read; what is made stays in INJECTION_WORK.
INJECTION_WORK ?= build/injection
bench-injection: .venv/dev
	$(BIN)/python -m tests.benchmarks.injection --lake $(LAKE) --work $(INJECTION_WORK) --write docs/injection.md

# LAKE is of a finished demo, and only read; what is made stays in HORIZON_WORK.
HORIZON_WORK ?= build/horizon
bench-horizon: .venv/dev
	$(BIN)/python -m tests.benchmarks.horizon --lake $(LAKE) --work $(HORIZON_WORK) --write docs/horizon.md

# Optimising for flawed preferences, with and without KL and chi-squared, over five seeds: half an hour
# in two processes. What is made stays in PREFERENCES_WORK; RUNS='phrase-rule-chi2*' takes a part.
PREFERENCES_WORK ?= build/preferences
RUNS ?=
bench-preferences: .venv/dev
	$(BIN)/python -m tests.benchmarks.preferences --work $(PREFERENCES_WORK) $(if $(RUNS),--only '$(RUNS)') \
		--write docs/preferences.md

# The server beside llama.cpp's (built from source: half an hour, then kept), and the engines alone.
# ONLY=15.7M:64 takes a model's points of so many streams, ONLY=0.95M a model, and writes nothing.
ONLY ?=
.venv-llama/ready: tests/benchmarks/peers/llama-cpp-requirements.txt
	$(SETUP) -r $< .venv-llama
	touch $@

$(PEERS)/llama.cpp/bin/llama-server: tests/benchmarks/peers/llama_cpp.sh .venv-llama/ready
	sh $< .venv-llama/bin $(PEERS)/llama.cpp

bench-serve: .venv/dev $(PEERS)/llama.cpp/bin/llama-server
	$(BIN)/python -m tests.benchmarks.serving --programs $(PEERS)/llama.cpp/bin $(addprefix --only ,$(ONLY)) \
		--write $(PAGE)

# The leaderboard beside LMArena's arena-rank (which pins jax and numpy) on the same simulated votes.
.venv-arena/ready: tests/benchmarks/peers/arena-rank-requirements.txt
	$(SETUP) -r $< .venv-arena
	touch $@

bench-arena: .venv/dev .venv-arena/ready
	$(BIN)/python -m tests.benchmarks.arena --peer-python .venv-arena/bin/python --write $(PAGE)

# The web pages in Chromium, on LAKE, a finished demo's, and on one of 200,000 documents, which is made
# in PAGES_WORK (2 GB; goes on where it was interrupted).
PAGES_WORK ?= build/pages
bench-pages: .venv/dev
	$(BIN)/python -m tests.benchmarks.pages --lake $(LAKE) --work $(PAGES_WORK) --write docs/pages.md

# Ten minutes of clients that vanish, stall, send junk, exceed limits and race.
MINUTES ?= 10
soak: .venv/dev
	$(BIN)/python -m tests.benchmarks.soak --minutes $(MINUTES) --write $(PAGE)

# All tables of tools, practice and the game, one after the other: hours on two cores. LAKE is of a
# finished demo or of `make bench`, whose seeds are then all measured where a table takes several.
ACTS := tools search tool-use search-use injection horizon distill pass-at-k rl rl-hack game
bench-acts: .venv/dev
	for table in $(ACTS); do $(MAKE) bench-$$table || exit 1; done

# llama.cpp itself on what `crawl2chat export` writes (llama-cpp-python builds for about ten minutes), and
# lm-evaluation-harness on a served model.
.venv-interop/ready: tests/interop/requirements.txt .venv/dev
	$(SETUP) -r $< .venv-interop
	touch $@

# INTEROP_LAKE=lake takes that lake's models in place of a fresh run of preset ci.
INTEROP_LAKE ?=
interop: .venv-interop/ready .venv-harness/ready
	CRAWL2CHAT_HARNESS_PYTHON=.venv-harness/bin/python CRAWL2CHAT_INTEROP_PYTHON=.venv-interop/bin/python CRAWL2CHAT_INTEROP_LAKE=$(INTEROP_LAKE) \
		$(BIN)/python -m pytest tests/interop -s

# 2,000 damaged archives through the whole pass; 10,000 conversations through each property test.
fuzz: .venv/dev
	CRAWL2CHAT_MUTANTS=2000 $(BIN)/python -m pytest tests/faults/test_hostile_archives.py
	CRAWL2CHAT_CONVERSATIONS=10000 $(BIN)/python -m pytest tests/pipeline/chat \
		tests/pipeline/export/test_chat_template.py tests/pipeline/sft/test_conversation_loader.py

# Small faults planted one at a time in a copy of the source: which of them do the tests see? Goes on
# where it was interrupted; docs/testing.md says what is drawn and holds the table.
PACKAGES ?= training,sft,rl,curriculum,model,filters,dedup,storage
SAMPLE ?= 30
SEED ?= 0
mutants: .venv/dev
	$(BIN)/python -m tests.mutants --packages $(PACKAGES) --sample $(SAMPLE) --seed $(SEED)

# The Prefect server with its UI on http://127.0.0.1:4200
server: .venv/runtime
	$(BIN)/prefect server start --host 127.0.0.1 --port 4200

clean:
	rm -rf .venv .venv-peers .venv-interop .venv-harness .venv-llama .venv-arena .peers .mutants .scale lake dist site
