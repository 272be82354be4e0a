"""One artifact: what it cost, what it was made from, down to files, and what was made from it."""

import json
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import ApiError
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.ancestry import Branch, ancestry
from pipeline.serve.pages.page_frame import WebPage, lake_of, render
from storage.errors import UserError
from storage.manifest import Manifest

PAGE = WebPage("lineage/artifact", "Artifact", "What was it made from, and what did it cost?")
MOST_FILES = 100  # listed
MOST_CHILDREN = 30

router = APIRouter(include_in_schema=False)


@router.get("/lineage/{kind}/{digest}")
def artifact(request: Request, kind: str, digest: str) -> Response:
    """An artifact by its kind and digest, or by the digest's beginning."""
    lake = lake_of(request)
    try:
        manifest = lake.manifest(kind, digest)
    except (UserError, ValueError):  # not even the name of a kind
        raise ApiError(404, f"the lake has no {kind[:60]} {digest[:64]}") from None
    rows, is_whole = ancestry(lake, manifest)
    children: list[dict[str, Any]] = lake.rows(
        "SELECT kind, artifact, created, seconds, rows, bytes FROM artifacts"
        f" WHERE contains(inputs, ?) ORDER BY created LIMIT {MOST_CHILDREN + 1}",
        [manifest.digest],
    ).to_pylist()
    return render(
        request,
        PAGE,
        manifest=manifest,
        is_current=manifest.digest in lake.heads().values(),
        run_page=_run_page(manifest),
        tree=rows,
        is_whole=is_whole,
        total=_total(rows),
        children=children,
        most_children=MOST_CHILDREN,
        files=sorted(manifest.files.items())[:MOST_FILES],
        recipe=_as_text(manifest.recipe),
        statistics=_as_text(manifest.statistics),
        address=address,
    )


def _run_page(manifest: Manifest) -> str | None:
    """The address of the Prefect run's page, if it is a web page's: a lake may come from others."""
    run = manifest.provenance.get("prefect_run")
    url = run.get("url", "") if run else ""
    return url if url.startswith(("http://", "https://")) else None


def _as_text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _total(rows: list[Branch]) -> dict[str, float]:
    """What all ancestors that are shown cost together."""
    costs = {"seconds": 0.0, "energy_kwh": 0.0, "bytes": 0.0}
    for row in rows:
        if row.manifest is not None:
            provenance = row.manifest.provenance
            costs["seconds"] += provenance.get("seconds") or 0.0
            costs["energy_kwh"] += provenance.get("energy_kwh") or 0.0
            costs["bytes"] += row.manifest.total_bytes
    return costs
