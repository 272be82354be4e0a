"""The way of one page of the web: from its record in a WARC file to the models that read it."""

import re
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import ApiError
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.page_frame import WebPage, lake_of, render
from storage.explanation import ExplainedRecord
from storage.manifest import Manifest

PAGE = WebPage(
    "lineage/document", "The way of a page", "Where did it come from, and where did it go?"
)
MOST_LATER = 40  # artifacts of a level that are shown
MOST_LEVELS = 12
ID = re.compile(r"[0-9a-f]{32}")
LATER = """
    SELECT kind, artifact, digest, created, seconds FROM artifacts
    WHERE kind NOT IN ('scan', 'crawl')
        AND len(list_filter($digests, lambda digest: contains(inputs, digest))) > 0
    ORDER BY created LIMIT $most
"""

router = APIRouter(include_in_schema=False)


class Later(NamedTuple):
    """What was made of the corpus, in the end."""

    kind: str
    artifact: str


@router.get(PAGE.path)
def document(
    request: Request,
    url: Annotated[str, Query(max_length=8000)] = "",
    warc: Annotated[str, Query(max_length=500)] = "",
    offset: int | None = None,
) -> Response:
    """The way of a record of a URL (or of an id); by default of its response."""
    lake, sought = lake_of(request), url.strip()
    if ID.fullmatch(sought):
        sought = _url_of(lake, sought)
    records = lake.explain(sought)["records"]
    chosen = (r for r in records if (r["warc"], r["offset"]) == (warc, offset))
    record = next(chosen, records[0])
    group = lake.manifest("corpus_group", record["artifact"])
    corpus = lake.manifest("corpus", lake.heads()["corpus"])
    is_kept = record["corpus"] is not None
    return render(
        request,
        PAGE,
        record=record,
        scan=_scan(lake, group, record),
        selection=group.inputs["selection"][0][:16],
        duplicates=group.inputs["duplicates"][0][:16],
        group=group,
        corpus=corpus,
        later=_later(lake, corpus.digest) if is_kept else [],
        conversations=_conversations(lake, record["id"]) if record["id"] else [],
        address=address,
    )


def _url_of(lake: LakeReader, id_: str) -> str:
    found = lake.rows("SELECT url FROM ledger WHERE id = ? LIMIT 1", [id_])
    if not len(found):
        raise ApiError(404, f"the newest corpus has no page {id_}")
    return str(found["url"][0])


def _scan(lake: LakeReader, group: Manifest, record: ExplainedRecord) -> Manifest | None:
    """The part that the WARC file was read to."""
    if record["warc_sha256"] is None:
        return None
    ending = f"sha256:{record['warc_sha256']}:{record['warc']}"
    asked = "SELECT digest FROM artifacts WHERE kind = 'scan' AND contains(inputs, ?)"
    parts = set(group.inputs["parts"])
    found = [d for d in lake.rows(asked, [ending])["digest"].to_pylist() if d in parts]
    return lake.manifest("scan", found[0]) if found else None


def _later(lake: LakeReader, digest: str) -> list[list[Later]]:
    """What was made from the corpus, what from that, and so on; each artifact once."""
    levels: list[list[Later]] = []
    seen, level = {digest}, [digest]
    while level and len(levels) < MOST_LEVELS:
        found = lake.rows(LATER, {"digests": level, "most": MOST_LATER}).to_pylist()
        fresh: list[dict[str, Any]] = [row for row in found if row["digest"] not in seen]
        levels.append([Later(row["kind"], row["artifact"]) for row in fresh])
        level = [row["digest"] for row in fresh]
        seen.update(level)
    return [some for some in levels if some]


def _conversations(lake: LakeReader, id_: str) -> list[dict[str, Any]]:
    asked = (
        "SELECT source, count(*) AS number FROM conversations WHERE origin = ?"
        " GROUP BY source ORDER BY number DESC"
    )
    rows: list[dict[str, Any]] = lake.rows(asked, [id_]).to_pylist()
    return rows
