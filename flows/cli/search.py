"""The command search: what the tool of that name finds in the lake's newest index."""

import argparse

from flows.cli import output
from pipeline.tools.retrieval import SearchIndex
from pipeline.tools.tool import ToolError
from storage import Lake
from storage.errors import UserError

SECONDS = 60.0  # for a query of a person, who can interrupt it


def search(chosen: argparse.Namespace) -> int:
    """The best passages for a query."""
    index = newest_index(Lake(chosen.lake))
    try:
        found = index.search(chosen.text, chosen.count, SECONDS)
    except ToolError as error:
        raise UserError(str(error)) from error
    finally:
        index.close()
    if chosen.json:
        output.document([passage._asdict() for passage in found])
        return 0
    for passage in found:
        head = f"[{passage.document}] {passage.url}  ({passage.score:.2f})"
        output.said(f"{head}\n{passage.text}\n")
    if not found:
        print("nothing found")
    return 0


def newest_index(lake: Lake) -> SearchIndex:
    """The index of the lake's newest run that has one.

    Raises:
        UserError: there is none, with the command that makes it.
    """
    digest = lake.heads().get("search_index")
    if digest is None:
        raise UserError(f"no search index in lake {lake.url} yet: `crawl2chat run search-index`")
    return SearchIndex(lake.local("search_index", digest))
