"""One page of the web: what became of it and why, its text on the way, its blocks, its duplicates.

The original is never shown as markup: its blocks of text are, in its order, with what the block
classifier gave each.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import ApiError
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.addresses import MOST_PAGES, ListPlace, address, paged
from pipeline.serve.pages.file_parts import parts_of, within
from pipeline.serve.pages.page_frame import WebPage, lake_of, render
from pipeline.serve.pages.word_difference import WordRun, changes, difference
from storage.errors import UserError
from storage.explanation import ExplainedRecord

if TYPE_CHECKING:  # the filters take a second to import: the first page that is shown waits for it
    from pipeline.corpus.page_blocks import JudgedBlocks
    from pipeline.corpus.record_replay import JudgedRecord

PAGE = WebPage("corpus/document", "Page", "Why was this page kept or dropped?")
BLOCKS = 200  # shown at a time
BLOCK_CHARACTERS = 2_000  # of a block that are shown
MOST_COPIES = 20  # of a cluster that are listed
MOST_CHANGES = 12  # of a text that are listed before it
AROUND_CHARACTERS = 40  # of what stays, on either side of a change
MOST_CHARACTERS = 60_000  # of a text that are shown

router = APIRouter(include_in_schema=False)


@dataclasses.dataclass(frozen=True)
class ShownText:
    """A text on its way into the corpus."""

    before: str  # what `before` is called
    after: str
    runs: list[WordRun]
    is_whole: bool

    @property
    def changes(self) -> list[list[WordRun]]:
        """The first of them, a word or two of what stays around each."""
        return changes(self.runs, AROUND_CHARACTERS)[:MOST_CHANGES]

    @property
    def is_same(self) -> bool:
        """Whether the one is the other."""
        return all(run.side == "both" for run in self.runs)


@router.get(PAGE.path)
def document(
    request: Request,
    url: Annotated[str, Query(max_length=8000)] = "",
    id: Annotated[str, Query(max_length=32)] = "",
    warc: Annotated[str, Query(max_length=500)] = "",
    offset: int | None = None,
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """A record of a URL; without its place in a WARC the first, which is a response if there is."""
    from pipeline.extract.classify import preload

    lake = lake_of(request)
    address_ = url.strip() or _url_of(lake, id)
    records = lake.explain(address_)["records"]
    chosen = (r for r in records if (r["warc"], r["offset"]) == (warc, offset))
    record = next(chosen, records[0])
    judged, problem = _judged(lake, record)
    blocks = _blocks(lake, record)
    fields = {"url": address_, "warc": record["warc"], "offset": record["offset"]}
    shown, piece = _piece(blocks, page, fields)
    return render(
        request,
        PAGE,
        record=judged,
        records=records,
        problem=problem,
        text=_text(judged),
        blocks=blocks,
        shown=shown,
        piece=piece,
        size=BLOCKS,
        most=BLOCK_CHARACTERS,
        around=AROUND_CHARACTERS,
        threshold=preload().threshold,
        copies=_copies(lake, record),
        part=_part(lake, record),
        address=address,
    )


def _url_of(lake: LakeReader, id_: str) -> str:
    found = lake.rows("SELECT url FROM ledger WHERE id = ? LIMIT 1", [id_]) if id_ else None
    if not found:
        raise ApiError(404, "the newest corpus has no such page")
    return str(found["url"][0])


def _judged(lake: LakeReader, record: ExplainedRecord) -> "tuple[JudgedRecord, str]":
    """The record judged again; if it can't be, as it is stored, and why."""
    from pipeline.corpus.record_replay import judged_again

    stored: ExplainedRecord = {**record, "warc_path": None}
    if record["outcome"] == "error":
        # It ended the process that read it, perhaps: it isn't tried in this one.
        return judged_again(stored, lake.manifest), "A record that failed is not read again."
    if record["id"] and record["warc_path"] is None:
        return judged_again(record, lake.manifest), "Its WARC file is not on this machine."
    try:
        return judged_again(record, lake.manifest), ""
    except UserError as error:  # the file is another than it was
        return judged_again(stored, lake.manifest), str(error)


def _blocks(lake: LakeReader, record: ExplainedRecord) -> "JudgedBlocks | None":
    from pipeline.corpus.page_blocks import page_blocks
    from pipeline.corpus.record_replay import scan_config

    if record["outcome"] == "error" or not record["id"] or record["warc_path"] is None:
        return None
    config = scan_config(record, lake.manifest)
    try:
        return page_blocks(Path(record["warc_path"]), record["offset"], record["url"], config)
    except UserError:  # which `_judged` has told
        return None


def _piece(
    blocks: "JudgedBlocks | None", page: int, fields: dict[str, Any]
) -> tuple[Any, ListPlace | None]:
    if blocks is None:
        return (), None
    first = (page - 1) * BLOCKS
    return paged(blocks.blocks[first : first + BLOCKS + 1], BLOCKS, page, PAGE.path, **fields)


def _text(record: "JudgedRecord") -> ShownText | None:
    """The main text, and what was made of it."""
    measured = record["document"] and record["document"]["text"]
    before, after = record["text_before"] or measured, record["text_after"] or measured
    if not before or after is None:
        return None
    is_before = record["text_before"] is not None
    is_after = record["text_after"] is not None
    runs, is_whole = difference(before[:MOST_CHARACTERS], after[:MOST_CHARACTERS])
    return ShownText(
        "the main text as extracted" if is_before else "the text that was measured",
        "the text in the corpus" if is_after else "the text that was measured",
        runs,
        is_whole and max(len(before), len(after)) <= MOST_CHARACTERS,
    )


def _copies(lake: LakeReader, record: ExplainedRecord) -> list[dict[str, Any]]:
    """Members of the page's cluster, the one that is kept first."""
    if record["cluster"] is None:
        return []
    asked = (
        "SELECT c.id, c.kept, p.url FROM clusters c LEFT JOIN pages p ON p.id = c.id"
        f" WHERE c.cluster = ? ORDER BY c.kept DESC, c.id LIMIT {MOST_COPIES}"
    )
    rows: list[dict[str, Any]] = lake.rows(asked, [record["cluster"]["cluster"]]).to_pylist()
    return rows


def _part(lake: LakeReader, record: ExplainedRecord) -> str:
    """The scan of the record's WARC file."""
    if not record["id"]:
        return ""
    parts = parts_of(lake, [record["warc"]])
    asked = f"SELECT artifact FROM pages WHERE {within(parts)} AND id = ? LIMIT 1"
    found = lake.rows(asked, [*parts, record["id"]])
    return str(found["artifact"][0]) if len(found) else ""
