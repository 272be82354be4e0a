"""Who writes, and how it samples, as a command line asks for it."""

import argparse
from collections.abc import Callable

from flows.cli.talk_options import COMPLETE_TOP_K
from flows.cli.voice import SamplingOptions, Voice
from pipeline.tools.toolbox import Toolbox
from storage import Lake
from storage.errors import UserError


def chosen_voice(
    chosen: argparse.Namespace,
    default: Callable[[Lake], str],
    *,
    talks: bool,
    toolbox: Toolbox | None = None,
) -> Voice:
    """The voice that a command line asks for.

    Args:
        chosen: the command line.
        default: gives the model's name where none is given, of a model here, by the lake; of a
            server it is its own first one.
        talks: whether it must know conversations.
        toolbox: what it may call.

    Raises:
        UserError: there is no such model or server, or it can't do that.
    """
    if chosen.url:  # torch is loaded for a model here alone
        from flows.cli.server_voice import ServerVoice, server_of

        return ServerVoice.of(server_of(chosen), chosen.model, toolbox)
    if chosen.api_key_env:
        raise UserError("--api-key-env names the key of a server: it needs --url")
    from flows.cli.local_voice import LocalVoice

    return LocalVoice.of(
        chosen.lake, chosen.model or default(Lake(chosen.lake)), talks=talks, toolbox=toolbox
    )


def sampling_of(chosen: argparse.Namespace) -> SamplingOptions:
    """The sampling that a command line asks for."""
    top_k = chosen.top_k
    if top_k is None:
        top_k = 0 if chosen.url else COMPLETE_TOP_K
    return {
        "max_new_tokens": chosen.max_tokens,
        "temperature": chosen.temperature,
        "top_k": top_k,
        "seed": chosen.seed,
    }
