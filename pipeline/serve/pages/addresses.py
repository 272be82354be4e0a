"""Addresses of the pages with what their forms would ask: one way to write them, and to page."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode

Row = TypeVar("Row")
MOST_PAGES = 10_000  # nobody turns more; ours


class ListPlace(NamedTuple):
    """Where a list is open, and its neighbours' addresses."""

    number: int  # of the page, from 1
    earlier: str | None
    later: str | None


def address(path: str, **fields: object) -> str:
    """The path with the fields that say something."""
    said = {name: value for name, value in fields.items() if value not in (None, "")}
    return f"{path}?{urlencode(said)}" if said else path


def paged(
    found: Sequence[Row], size: int, number: int, path: str, **fields: object
) -> tuple[Sequence[Row], ListPlace]:
    """The rows of a page of a list, and how to get to its neighbours.

    Args:
        found: `size` rows or, if there are more to come, at least one more.
        size: rows of a page.
        number: of the page, from 1.
        path: of the list.
        fields: of its address.
    """
    earlier = address(path, **fields, page=number - 1 if number > 2 else None)
    later = address(path, **fields, page=number + 1)
    more = len(found) > size and number < MOST_PAGES
    return found[:size], ListPlace(number, earlier if number > 1 else None, later if more else None)
