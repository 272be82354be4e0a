"""Texts that are too long for a model, refused by their length before they are tokenised.

Megabytes take the tokenizer a second, whatever becomes of them: none is read that can't fit.
"""

from collections.abc import Iterable

from pipeline.serve.api_errors import ApiError
from pipeline.serve.loaded_models import ServedModel


def check_length(texts: Iterable[str], served: ServedModel, field: str) -> None:
    """Check that texts could fit into one context, were they made of the longest tokens.

    Args:
        texts: of a request.
        served: the model.
        field: of the request.

    Raises:
        ApiError: they can't.
    """
    characters = sum(map(len, texts))
    if characters > served.most_characters:
        raise ApiError(
            400,
            f"{field}: {characters} characters are more than the model's context of"
            f" {served.loop.context} tokens can hold: shorten it",
            param=field,
            code="context_length_exceeded",
        )
