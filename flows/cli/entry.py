"""The command line `crawl2chat`: arguments in, one call, exit code out.

0 done, 1 failed, 2 bad use, 130 interrupted, 141 where the reader of stdout has had enough (as
shells say it). Commands import what they need when they run, so that `sql` or `tokens` don't wait
for Prefect. A user's mistake ends in one line on stderr, never in a traceback; with `--json` stdout
holds exactly one JSON document.
"""

import argparse
import errno
import os
import signal
import sys
import warnings
from collections.abc import Sequence

from flows.cli.arguments import parser
from flows.runner import streams
from storage.errors import UserError
from storage.redaction import redact
from storage.strict_json import is_unicode

# For the models that commands run in this process: see flows/runner/child_process.py.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

INTERRUPTED = 128 + signal.SIGINT
READER_GONE = 128 + signal.SIGPIPE
SPOKEN = ("text", "message", "system")  # what is said to a model or tokenizer: any bytes will do


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; without `arguments` those of the process, whose streams it then owns."""
    if arguments is None:
        streams.prepare()
        if os.environ.get("PYTHONWARNINGS"):  # meant for the user's own programs
            warnings.simplefilter("ignore")
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except streams.OutputLost as error:
        streams.give_up_stdout()
        return READER_GONE if error.errno == errno.EPIPE else _end(error, 1)
    except UserError as error:
        return _end(error, 2)
    except KeyboardInterrupt:
        return _end("interrupted; the same command goes on from here", INTERRUPTED)
    except Exception as error:
        return _failed(error)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        chosen = parser().parse_args(arguments)
    except SystemExit as end:  # --help was shown, or a mistake said
        return int(end.code or 0)
    _check_texts(chosen)
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        raise UserError("the current directory is gone: cd to one that is there") from None
    return _call(chosen.command, chosen)


def _failed(error: Exception) -> int:
    """What went wrong, in one line where a line says it; else the exception with its traceback."""
    from flows.runner.server import ServerNotStarted
    from flows.runner.workers import NetworkError, StageFailed, WorkerKilled
    from storage.durable import DiskFull

    if isinstance(error, StageFailed):
        print(redact(error.log), file=sys.stderr)
    if isinstance(error, StageFailed | WorkerKilled | NetworkError | ServerNotStarted | DiskFull):
        return _end(error, 1)
    if isinstance(error, OSError) and error.filename is not None:
        return _end(f"{os.fsdecode(error.filename)}: {error.strerror}", 1)
    raise error


def _check_texts(chosen: argparse.Namespace) -> None:
    """Bytes that are no UTF-8: U+FFFD to a model, refused elsewhere, before they are stored."""
    for name, value in vars(chosen).items():
        texts = value if isinstance(value, list) else [value]
        if not any(isinstance(text, str) and not is_unicode(text) for text in texts):
            continue
        if name not in SPOKEN:
            raise UserError(f"{name.replace('_', '-')}: not UTF-8: {value!a}")
        clean = [os.fsencode(text).decode("utf-8", "replace") for text in texts]
        setattr(chosen, name, clean if isinstance(value, list) else clean[0])


def _call(name: str, chosen: argparse.Namespace) -> int:
    if name in ("demo", "run", "eval"):
        from flows.cli import run

        return {"demo": run.demo, "run": run.run, "eval": run.evaluate}[name](chosen)
    if name in ("sql", "explain", "artifacts", "report"):
        from flows.cli import browse

        return {
            "sql": browse.sql,
            "explain": browse.explain,
            "artifacts": browse.artifacts,
            "report": browse.report,
        }[name](chosen)
    if name == "search":
        from flows.cli import search

        return search.search(chosen)
    if name == "funnel":
        from flows.cli import funnel

        return funnel.funnel(chosen)
    if name == "export":
        from flows.cli import export

        return export.export(chosen)
    if name == "label":
        from flows.cli import label

        return label.label(chosen)
    if name == "arena":
        from flows.cli import arena

        return arena.arena(chosen)
    if name == "play":
        from flows.cli import play

        return play.play(chosen)
    if name == "serve":
        from flows.cli import serve

        return serve.serve(chosen)
    if name == "plan":
        from flows.cli import plan

        return plan.plan(chosen)
    if name == "dumps":
        from flows.cli import dumps

        return dumps.dumps(chosen)
    if name == "doctor":
        from flows.cli import doctor

        return doctor.doctor(chosen)
    if name == "chat":
        from flows.cli import chat

        return chat.chat(chosen)
    if name == "complete":
        from flows.cli import complete

        return complete.complete(chosen)
    from flows.cli import shown_tokens

    return shown_tokens.tokens(chosen)


def _end(message: object, code: int) -> int:
    print(f"crawl2chat: {redact(' '.join(str(message).split()))}", file=sys.stderr)
    return code
