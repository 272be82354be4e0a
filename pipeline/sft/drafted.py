"""A conversation before it is rendered, and the random numbers of each source."""

import random
from typing import NamedTuple

from pipeline.chat.conversation import Message
from pipeline.sft.config import ConversationsConfig


class Drafted(NamedTuple):
    """A conversation before it is rendered."""

    source: str
    messages: list[Message]
    origin: str = ""  # document id
    validation: bool = False
    tools: tuple[str, ...] = ()  # definitions


def source_rng(config: ConversationsConfig, purpose: str) -> random.Random:
    """A random generator for each purpose, so that changing one count changes no other source."""
    return random.Random(f"{config.seed}:{purpose}")
