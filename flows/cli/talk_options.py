"""The options of the commands that let a model write: `complete`, `chat` and who samples."""

import argparse

from flows.cli.option_types import MOST_SEED, temperature, whole

COMPLETE_TOP_K = 40  # of `complete`, with a model here
MOST_ALTERNATIVES = 20  # that `complete --top` shows, as the API gives (`top_logprobs`)
ANY_MODEL = "a digest, a folder or .gguf"


def complete_options(command: argparse.ArgumentParser) -> None:
    """Of `complete`."""
    # the most likely page goes round in circles, the most likely answer does not
    sampling_options(command, heat=0.8, top_k=COMPLETE_TOP_K)
    command.set_defaults(top_k=None)  # not every server knows it: one is asked for it by name alone
    command.add_argument("text", metavar="TEXT", help="how the page begins")
    command.add_argument(
        "--model",
        help=f"base (default), sft, interrogated, rl, rlhf, {ANY_MODEL}; of --url: its name",
    )
    command.add_argument(
        "--top",
        type=whole(1, MOST_ALTERNATIVES),
        metavar="N",
        help="show each step: the token, how likely it was, and the N most likely in its place",
    )
    _server_options(command)


def chat_options(command: argparse.ArgumentParser) -> None:
    """Of `chat`."""
    sampling_options(command, heat=0.0, top_k=0)
    command.add_argument(
        "--model",
        help=f"sft, interrogated, rl, rlhf (default: the last there is), {ANY_MODEL}; of --url: its"
        " name",
    )
    command.add_argument("--system", metavar="TEXT", help="the system message")
    command.add_argument(
        "--message", action="append", help="say this instead of asking; repeatable"
    )
    command.add_argument(
        "--tools",
        nargs="?",
        const="calculator,python",
        metavar="NAMES",
        help="it may call these: calculator, python (both), search (see `run search-index`); for"
        " models that learned to",
    )
    command.add_argument(
        "--no-history",
        action="store_true",
        help="keep nothing of what is typed (else: chat_history in your state folder)",
    )
    _server_options(command)


def sampling_options(command: argparse.ArgumentParser, heat: float, top_k: int) -> None:
    """Of all commands that make a model write.

    Args:
        command: gets them.
        heat: the temperature, unless another is given.
        top_k: likewise.
    """
    command.add_argument(
        "--max-tokens",
        type=whole(1),
        default=128,
        metavar="N",
        help="of an answer, as far as the model's context reaches (default: %(default)s)",
    )
    command.add_argument(
        "--temperature",
        type=temperature,
        default=heat,
        metavar="T",
        help="0 = always the most likely (default: %(default)s)",
    )
    command.add_argument(
        "--top-k",
        type=whole(0),
        default=top_k,
        metavar="K",
        help=f"0 = no cut (default: {top_k})",
    )
    command.add_argument("--seed", type=whole(0, MOST_SEED), default=0)


def _server_options(command: argparse.ArgumentParser) -> None:
    """Of commands that can ask a server instead of a model here."""
    command.add_argument(
        "--url",
        metavar="URL",
        help="ask this server instead: any that speaks OpenAI's API (http://127.0.0.1:8000/v1)",
    )
    command.add_argument(
        "--api-key-env", metavar="NAME", help="the environment variable that holds its key"
    )
