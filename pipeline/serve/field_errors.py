"""A field of a request that holds what it can't: which one, and what it must be."""

from pipeline.serve.api_errors import ApiError


class InvalidField(ApiError):
    """A client's mistake: 400.

    Args:
        field: its path in the request, as `messages[2].content`.
        why: what it must be, or what is wrong with it; begins in lower case.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(400, f"{field}: {why}", param=field, code="invalid_value")
