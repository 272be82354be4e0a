"""The command line `crawl2chat`: arguments in, one call, exit code out (0 done, 1 failed, 2 bad
use).

Commands import what they need when they run, so that `sql` or `tokens` don't wait for Prefect. A
user's mistake ends in one line on stderr, never in a traceback; with `--json` stdout holds
exactly one JSON document.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from storage.errors import UserError

# For the models that `chat`, `complete` and `eval` run in this process: see flows/process.py.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

FLOWS = (
    "crawl-to-chat",
    "corpus",
    "quality-model",
    "tokenizer",
    "pretrain",
    "extend",
    "scaling",
    "sft",
    "rl",
    "evaluate",
)
LAKE = "CRAWL2CHAT_LAKE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    chosen = parser().parse_args(arguments)
    try:
        return int(chosen.command(chosen))
    except UserError as error:
        return _end(error, 2)
    except KeyboardInterrupt:
        return _end("interrupted; the same command goes on from here", 1)
    except BrokenPipeError:  # the reader (head, say) has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from flows.process import NetworkError, StageFailed, WorkerKilled
        from flows.server import ServerNotStarted
        from storage.durable import DiskFull

        if isinstance(error, StageFailed):
            print(error.log, file=sys.stderr)
        if isinstance(
            error, StageFailed | WorkerKilled | NetworkError | ServerNotStarted | DiskFull
        ):
            return _end(error, 1)
        raise


def run_module(flow: str) -> None:
    """`python -m flows.<module>` as `crawl2chat run <flow>`."""
    # In a fresh interpreter: Prefect reads its settings when it is imported, and here it is.
    command = [sys.executable, "-m", "flows.cli", "run", flow, *sys.argv[1:]]
    os.execv(sys.executable, command)  # noqa: S606


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    common = argparse.ArgumentParser(add_help=False)
    lake = os.environ.get(LAKE, "./lake")
    common.add_argument("--lake", default=lake, metavar="URL", help=f"folder or s3:// ({LAKE})")
    common.add_argument("--json", action="store_true", help="one JSON document on stdout")

    settings = argparse.ArgumentParser(add_help=False)
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
    dump.add_argument("--files", type=_count, metavar="N", help="its first N files, or all")
    dump.add_argument("--wet", action="store_true", help="its ready-made text instead of pages")
    dump.add_argument(
        "--hosts",
        type=lambda text: [host for host in text.split(",") if host],
        metavar="A,B",
        help="only pages of these hosts (*.example.com: with all below)",
    )
    dump.add_argument("--language", metavar="CODE", help="pages in this one alone (deu, de)")
    dump.add_argument("--match", metavar="GLOB|/RE/", help="only pages whose address fits")
    dump.add_argument("--pages", type=int, metavar="N", help="at most so many of such pages")

    top = argparse.ArgumentParser(
        prog="crawl2chat", description="From Common Crawl to your own chat model."
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text, parents=[common, *parents])
        found.set_defaults(command=lambda chosen: _call(name, chosen))
        return found

    add("demo", "the whole pipeline on the embedded sample, then a report and a chat", settings)
    run = add("run", "run one flow; what is whole already is not made again", settings)
    run.add_argument("flow", choices=FLOWS, metavar="FLOW", help=", ".join(FLOWS))
    sql = add("sql", "DuckDB over the lake's tables: ledger, documents, corpus, metrics, evals …")
    sql.add_argument("query", metavar="SQL")
    sql.add_argument("--csv", action="store_true", help="comma-separated values on stdout")
    explain = add("explain", "why a page was kept or dropped")
    explain.add_argument("url", metavar="URL")
    add("artifacts", "what the lake holds, and from what it was made")
    # the likeliest page goes round in circles, the likeliest answer does not
    pages = _sampling(temperature=0.8, top_k=40)
    complete = add("complete", "the model as a simulator of web pages", pages)
    complete.add_argument("text", metavar="TEXT", help="how the page begins")
    complete.add_argument(
        "--model", default="base", help="base, sft, rl, a digest, a folder or .gguf"
    )
    chat = add("chat", "talk to the model", _sampling(temperature=0.0, top_k=0))
    chat.add_argument("--model", default="rl", help="sft, rl, a digest, a folder or .gguf")
    chat.add_argument("--message", action="append", help="say this instead of asking; repeatable")
    tokens = add("tokens", "a text as coloured tokens with ids")
    tokens.add_argument("text", metavar="TEXT")
    tokens.add_argument("--html", metavar="FILE", help="as a page of its own, to this file")
    tokens.add_argument(
        "--model", help="the tokenizer of base, sft, rl, a digest, a folder or .gguf"
    )
    evaluate = add("eval", "the scores of the newest models, measured where they aren't yet")
    evaluate.add_argument(
        "--model", help="base, sft or rl instead of all; or a folder or .gguf file anywhere"
    )
    evaluate.add_argument(
        "--suite", action="append", help="this suite alone (bits_per_byte, core …); repeatable"
    )
    evaluate.add_argument(
        "--tasks", action="append", metavar="FOLDER", help="files of in-context tasks, for core"
    )
    evaluate.add_argument("--set", action="append", default=[], metavar="evals.KEY=VALUE")
    evaluate.add_argument("--out", metavar="FOLDER", help="keep a folder's scores here")
    report = add("report", "one HTML page: funnel, curves, scores by stage, samples")
    report.add_argument("--out", help="where to (default: report.html in the lake)")
    dumps = add("dumps", "the dumps of Common Crawl there are, newest first")
    dumps.add_argument("name", nargs="?", metavar="DUMP", help="the files of this one instead")
    dumps.add_argument("--wet", action="store_true", help="its WET files instead of its WARCs")
    funnel = add("funnel", "what every rule took, beside FineWeb's shares; samples; drift")
    funnel.add_argument("--samples", type=int, default=0, metavar="N", help="dropped pages a rule")
    funnel.add_argument("--seed", type=int, default=0, help="other samples")
    funnel.add_argument("--against", metavar="ARTIFACT", help="drift since that corpus")
    funnel.add_argument("--out", metavar="FILE.png", help="draw it")
    export = add("export", "a model for other programs: transformers, llama.cpp, LM Studio")
    export.add_argument(
        "--model", default="rl", help="base, sft, rl, a digest, a folder or a .gguf file"
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
    plan.add_argument("--files", type=int, default=90_000, help="WARC files (%(default)s: a dump)")
    plan.add_argument("--gigabytes-per-file", type=float, default=1.0, help="compressed")
    plan.add_argument("--cores", type=int, default=64)
    plan.add_argument("--price-per-core-hour", type=float, default=0.04, metavar="MONEY")
    plan.add_argument(
        "--gpu-teraflops", type=float, default=400.0, help="sustained by a card (%(default)s: H100)"
    )
    plan.add_argument(
        "--megabytes-per-second", type=float, default=100.0, help="of the download, in all"
    )
    add("doctor", "check the machine, the server, the lake and the presets")
    return top


def _count(text: str) -> int:
    """A number of files, or all of them."""
    return -1 if text == "all" else int(text)


def _sampling(temperature: float, top_k: int) -> argparse.ArgumentParser:
    """Options of commands that make a model write."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--max-tokens", type=int, default=128, help="of an answer (default: %(default)s)"
    )
    options.add_argument(
        "--temperature",
        type=float,
        default=temperature,
        help="0 = always the likeliest (default: %(default)s)",
    )
    options.add_argument(
        "--top-k", type=int, default=top_k, help="0 = no cut (default: %(default)s)"
    )
    options.add_argument("--seed", type=int, default=0)
    return options


def _call(name: str, chosen: argparse.Namespace) -> int:
    if name in ("demo", "run", "eval"):
        from flows.commands import run

        return {"demo": run.demo, "run": run.run, "eval": run.evaluate}[name](chosen)
    if name in ("sql", "explain", "artifacts", "report"):
        from flows.commands import lake

        return {
            "sql": lake.sql,
            "explain": lake.explain,
            "artifacts": lake.artifacts,
            "report": lake.report,
        }[name](chosen)
    if name == "funnel":
        from flows.commands import funnel

        return funnel.funnel(chosen)
    if name == "export":
        from flows.commands import export

        return export.export(chosen)
    if name == "plan":
        from flows.commands import plan

        return plan.plan(chosen)
    if name == "dumps":
        from flows.commands import dumps

        return dumps.dumps(chosen)
    if name == "doctor":
        from flows.commands import doctor

        return doctor.doctor(chosen)
    from flows.commands import model

    return {"complete": model.complete, "chat": model.chat, "tokens": model.tokens}[name](chosen)


def _end(message: object, code: int) -> int:
    print(f"crawl2chat: {' '.join(str(message).split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
