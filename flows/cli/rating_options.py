"""The options of the commands at which people rate: `label` and `arena`."""

import argparse

from flows.cli.option_types import MOST_SEED, temperature, whole
from flows.cli.talk_options import sampling_options

MOST_RESAMPLES = 100_000  # of votes: a thousand of 10,000 votes take two seconds


def label_options(command: argparse.ArgumentParser) -> None:
    """Of `label`."""
    command.add_argument(
        "action",
        nargs="?",
        default="answer",
        choices=("answer", "add", "raters", "status", "export"),
        metavar="ACTION",
        help="answer tasks (default), add some, raters who may label, status, export the tasks",
    )
    command.add_argument(
        "names",
        nargs="*",
        metavar="FILE|NAME",
        help="of add: .jsonl tasks or .txt prompts; of raters: names; of export: a .jsonl file",
    )
    command.add_argument("--store", metavar="FILE", help="of tasks (default: the lake's own)")
    command.add_argument("--rater", metavar="NAME", help="who you are")
    adding = command.add_argument_group("of add")
    adding.add_argument("--kind", choices=("write", "correct", "compare"))
    adding.add_argument(
        "--conversations", type=whole(1), metavar="N", help="questions of the lake's conversations"
    )
    adding.add_argument(
        "--model", help="that answers the prompts: sft, rl, rlhf, a digest, a folder"
    )
    adding.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of a new store"
    )
    sampling_options(command, heat=1.0, top_k=0)


def arena_options(command: argparse.ArgumentParser) -> None:
    """Of `arena`."""
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--models",
        nargs="+",
        metavar="M",
        help="vote on answers of these: rl, sft, base, …, a digest, a folder or .gguf",
    )
    what.add_argument("--board", action="store_true", help="show the leaderboard")
    what.add_argument("--export", metavar="FILE.jsonl", help="write the votes as preference pairs")
    command.add_argument("--store", metavar="FILE", help="of votes (default: the lake's own)")
    voting = command.add_argument_group("of votes")
    voting.add_argument("--rater", metavar="NAME", help="who you are (default: anonymous)")
    voting.add_argument(
        "--prompts",
        metavar="FILE",
        help=".txt, a prompt a line, or .jsonl as of label (default: you are asked)",
    )
    voting.add_argument(
        "--max-tokens",
        type=whole(1),
        default=128,
        metavar="N",
        help="of an answer, as far as the model's context reaches (default: %(default)s)",
    )
    voting.add_argument(
        "--temperature", type=temperature, default=1.0, metavar="T", help="(default: %(default)s)"
    )
    shown = command.add_argument_group("of the board")
    shown.add_argument(
        "--style-control",
        action="store_true",
        help="ratings at equal length, headers, lists and bold, and what voters give for these",
    )
    shown.add_argument(
        "--samples",
        type=whole(1, MOST_RESAMPLES),
        default=1_000,
        metavar="N",
        help="of the bootstrap (default: %(default)s)",
    )
    command.add_argument(
        "--seed", type=whole(0, MOST_SEED), default=0, help="of answers, sides and the bootstrap"
    )
