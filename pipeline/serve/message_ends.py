"""The tokens that end an assistant's message."""

from pipeline.chat.conversation import STOP
from pipeline.tokenizer import Tokenizer


def message_ends(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The stop token of conversations first, where there is one; then those that end pages, which a
    model of conversations may still write.
    """
    stop = tokenizer.special_tokens.get(STOP)
    first = () if stop is None else (stop,)
    return (*first, *(token for token in tokenizer.stop_tokens if token != stop))
