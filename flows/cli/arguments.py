"""The commands and options of `crawl2chat`: what is bad use is said here, in one line."""

import argparse
import os
from typing import NoReturn

from flows.cli.option_types import MOST_SEED, number, temperature, whole
from flows.cli.rating_options import arena_options, label_options
from flows.cli.talk_options import chat_options, complete_options

FLOWS = (
    "crawl-to-chat",
    "corpus",
    "quality-model",
    "search-index",
    "tokenizer",
    "pretrain",
    "extend",
    "scaling",
    "labels",
    "sft",
    "interrogate",
    "rl",
    "rlhf",
    "evaluate",
    "connect-four",
)
LAKE_VARIABLE = "CRAWL2CHAT_LAKE"
SMALLEST_MEASURED, MOST_MEASURED = 1e-9, 1e12  # gigabytes, money, …: beyond, figures overflow
MOST_FOUND = 1_000  # passages
MOST_PORT = 65_535


class Parser(argparse.ArgumentParser):
    """Says a mistake in one line, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2]
        where = f"{command}: " if command else ""
        line = " ".join(f"{where}{message} (see {self.prog} --help)".split())
        self.exit(2, f"crawl2chat: {line}\n")


def parser() -> Parser:
    """All commands and their options."""
    common = Parser(add_help=False)
    lake = os.environ.get(LAKE_VARIABLE, "./lake")
    common.add_argument(
        "--lake", default=lake, metavar="URL", help=f"folder or s3:// ({LAKE_VARIABLE})"
    )
    common.add_argument("--json", action="store_true", help="one JSON document on stdout")

    settings = Parser(add_help=False)
    settings.add_argument("--preset", help="ci, demo, cpu, gpu or gpu8 (default: demo)")
    settings.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. rl.steps=10"
    )
    settings.add_argument(
        "--input",
        nargs="+",
        action="extend",
        metavar="GLOB|DUMP",
        help="WARC or WET files, globs, folders, addresses, or a dump (CC-MAIN-2024-22)",
    )
    settings.add_argument("--runner", help="of the corpus: threads (default) or ray")
    settings.add_argument("--ray-address", metavar="ADDRESS", help="of a running one (HOST:6379)")
    dump = settings.add_argument_group("of a dump")
    dump.add_argument("--files", type=_files, metavar="N", help="its first N files, or all")
    dump.add_argument("--wet", action="store_true", help="its ready-made text instead of pages")
    dump.add_argument(
        "--hosts",
        type=lambda text: [host for host in text.split(",") if host],
        metavar="A,B",
        help="only pages of these hosts (*.example.com: with all below)",
    )
    dump.add_argument("--language", metavar="CODE", help="pages in this one alone (deu, de)")
    dump.add_argument("--match", metavar="GLOB|/RE/", help="only pages whose address fits")
    dump.add_argument("--pages", type=whole(0), metavar="N", help="at most so many of such pages")

    top = Parser(prog="crawl2chat", description="From Common Crawl to your own chat model.")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, text: str, *parents: Parser) -> Parser:
        found = commands.add_parser(name, help=text, description=text, parents=[common, *parents])
        found.set_defaults(command=name)
        return found

    add("demo", "the whole pipeline on the embedded sample, then a report and a chat", settings)
    run = add("run", "run one flow; what is whole already is not made again", settings)
    run.add_argument("flow", choices=FLOWS, metavar="FLOW", help=", ".join(FLOWS))
    sql = add("sql", "DuckDB over the lake's tables: ledger, documents, corpus, metrics, evals …")
    sql.add_argument("query", metavar="SQL")
    sql.add_argument("--csv", action="store_true", help="comma-separated values on stdout")
    sql.add_argument(
        "--unsafe", action="store_true", help="also files outside the lake, writing, extensions"
    )
    explain = add("explain", "why a page was kept or dropped")
    explain.add_argument("url", metavar="URL")
    add("artifacts", "what the lake holds, and from what it was made")
    complete_options(add("complete", "the model as a simulator of web pages"))
    chat_options(add("chat", "talk to the model"))
    search = add("search", "passages of the corpus that have a question's words, best first")
    search.add_argument("text", metavar="QUERY")
    search.add_argument("--count", type=whole(1, MOST_FOUND), default=5, metavar="N")
    tokens = add("tokens", "a text as coloured tokens with ids")
    tokens.add_argument("text", metavar="TEXT")
    tokens.add_argument("--html", metavar="FILE", help="as a page of its own, to this file")
    tokens.add_argument(
        "--model", help="the tokenizer of base, sft, …, rlhf, a digest, a folder or .gguf"
    )
    evaluate = add("eval", "the scores of the newest models, measured where they aren't yet")
    evaluate.add_argument(
        "--model",
        help="base, sft, interrogated, rl or rlhf instead of all; or a folder or .gguf file",
    )
    evaluate.add_argument(
        "--suite", action="append", help="this suite alone (bits_per_byte, core …); repeatable"
    )
    evaluate.add_argument(
        "--tasks",
        action="append",
        metavar="FOLDER",
        help="files of tasks, for core, chat_core and refusals",
    )
    evaluate.add_argument("--set", action="append", default=[], metavar="evals.KEY=VALUE")
    evaluate.add_argument("--out", metavar="FOLDER", help="keep a folder's scores here")
    report = add("report", "one HTML page: funnel, curves, scores by stage, samples")
    report.add_argument("--out", help="where to (default: report.html in the lake)")
    dumps = add("dumps", "the dumps of Common Crawl there are, newest first")
    dumps.add_argument("name", nargs="?", metavar="DUMP", help="the files of this one instead")
    dumps.add_argument("--wet", action="store_true", help="its WET files instead of its WARCs")
    funnel = add("funnel", "what every rule took, beside FineWeb's shares; samples; drift")
    funnel.add_argument(
        "--samples", type=whole(0), default=0, metavar="N", help="dropped pages a rule"
    )
    funnel.add_argument("--seed", type=whole(0, MOST_SEED), default=0, help="other samples")
    funnel.add_argument("--against", metavar="ARTIFACT", help="drift since that corpus")
    funnel.add_argument("--out", metavar="FILE.png", help="draw it")
    export = add("export", "a model for other programs: transformers, llama.cpp, LM Studio")
    export.add_argument(
        "--model",
        help="base, sft, interrogated, rl, rlhf, reward_model, a digest, a folder or a .gguf file"
        " (default: rlhf, else rl)",
    )
    export.add_argument("--format", choices=("hf", "gguf"), required=True)
    export.add_argument(
        "--type", help="of the weights: f32 (hf's default), f16 (gguf's), bf16, q8_0 (gguf alone)"
    )
    export.add_argument("--out", required=True, metavar="FOLDER|FILE.gguf")
    export.add_argument("--name", help="what other programs call it (default: from --model)")
    export.add_argument(
        "--no-check", action="store_true", help="don't compare logits (that holds two models)"
    )
    plan = add("plan", "what a larger run costs, from what this lake's runs have cost")
    plan.add_argument("--preset", help="whose training is counted (default: demo)")
    plan.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    above_zero = number(SMALLEST_MEASURED, MOST_MEASURED)
    plan.add_argument("--files", type=whole(1), default=90_000, help="WARCs (%(default)s: a dump)")
    plan.add_argument("--gigabytes-per-file", type=above_zero, default=1.0, help="compressed")
    plan.add_argument("--cores", type=whole(1), default=64)
    plan.add_argument(
        "--price-per-core-hour", type=number(0, MOST_MEASURED), default=0.04, metavar="MONEY"
    )
    plan.add_argument(
        "--gpu-teraflops",
        type=above_zero,
        default=400.0,
        help="sustained by a card (%(default)s: H100)",
    )
    plan.add_argument(
        "--megabytes-per-second", type=above_zero, default=100.0, help="of the download, in all"
    )
    label_options(add("label", "a labeler's queue"))
    _serve(add("serve", "models behind OpenAI's API, for any client that speaks it"))
    arena_options(add("arena", "blind votes between models, and the leaderboard of them"))
    _play(add("play", "connect four against a model, in the terminal"))
    add("doctor", "check the machine, the server, the lake and the presets")
    return top


def _serve(command: Parser) -> None:
    """The options of `serve`."""
    command.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="M",
        help="rlhf, rl, …, a digest, a folder or .gguf; repeatable, the first is the default one"
        " (default: all of the lake)",
    )
    command.add_argument("--host", default="127.0.0.1", help="to listen on (default: %(default)s)")
    command.add_argument(
        "--port", type=whole(0, MOST_PORT), default=8000, help="0: any (default: %(default)s)"
    )
    command.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="a key a line; or one in CRAWL2CHAT_API_KEY. Needed where others can reach the server",
    )
    command.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="pages of this origin may ask (http://localhost:3000); repeatable",
    )
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="the server's name where a proxy passes requests on; repeatable",
    )
    command.add_argument(
        "--tools",
        metavar="NAMES",
        help="the server answers calls of these itself where a request brings no tools of its own:"
        " calculator,python,search; for models that learned to",
    )
    command.add_argument(
        "--labels",
        metavar="FILE",
        help="the labelers' store of the pages (default: the lake's own)",
    )
    command.add_argument(
        "--votes", metavar="FILE", help="the arena's store of votes (default: the lake's own)"
    )
    command.add_argument(
        "--max-rows", type=whole(1, 4_096), metavar="N", help="completions under way at a time"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="e.g. max_queued=100",
    )


def _play(command: Parser) -> None:
    """The options of `play`."""
    command.add_argument(
        "--model",
        default="game_rl",
        help="game_sft, game_rl, a chat model (sft, rl), a digest, a folder (default: %(default)s)",
    )
    side = command.add_mutually_exclusive_group()
    side.add_argument("--first", action="store_true", help="you begin (default)")
    side.add_argument("--second", action="store_true", help="the model begins")
    command.add_argument(
        "--temperature",
        type=temperature,
        default=0.0,
        metavar="T",
        help="of its moves; 0 = always the most likely (default: %(default)s)",
    )
    command.add_argument("--seed", type=whole(0, MOST_SEED), default=0)


def _files(text: str) -> int:
    """A number of files, or all of them."""
    return -1 if text == "all" else whole(-1)(text)
