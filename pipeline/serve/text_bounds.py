"""Texts that are too long for a model, refused by their length before they are tokenised.

Megabytes take the tokenizer a second, whatever becomes of them: none is read that can't fit.
"""

from collections.abc import Iterable

from pipeline.serve.api_errors import ApiError
from pipeline.serve.loaded_models import ServedModel


def check_count(items: object, served: ServedModel, field: str) -> None:
    """Check that messages, items or tools could fit into the context: each takes a token at least.

    Args:
        items: of a request, as JSON gives them.
        served: the model.
        field: of the request.

    Raises:
        ApiError: they can't.
    """
    if isinstance(items, list) and len(items) > served.loop.context:
        raise _too_long(f"{field}: {len(items)} of them", served, field)


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
        raise _too_long(f"{field}: {characters} characters", served, field)


def _too_long(what: str, served: ServedModel, field: str) -> ApiError:
    message = f"{what} are more than the model's context of {served.loop.context} tokens can hold"
    return ApiError(400, message, param=field, code="context_length_exceeded")
