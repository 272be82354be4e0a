"""The corpus explorer's first page: what came in, what each rule took, what was kept."""

import json
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.report.rules import RuleShare, funnel_shares
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.page_frame import WebPage, lake_of, render

PAGE = WebPage("corpus", "Corpus", "Of all that was read, what was kept, and what took the rest?")
FUNNEL_FILE = "funnel.json"
# What each stage asks of a page.
QUESTIONS = {
    "read": "Is it a whole answer of a server, with HTML in it?",
    "url": "Is its address on no block list?",
    "extract": "Is there main text beside navigation and advertisements?",
    "language": "Is it in a wanted language, surely enough?",
    "repetition": "Does it not say the same over and over? (Gopher)",
    "gopher_quality": "Does it look like prose: words, lengths, stop words? (Gopher)",
    "c4": "Does it have sentences, and neither code nor filler? (C4)",
    "fineweb": "Do its lines end like sentences? (FineWeb)",
    "toxicity": "Is it free of abuse and adult content?",
    "learned": "Does the quality model find it worth reading?",
    "dedup": "Is it the first of its duplicates?",
    "decontamination": "Is it free of the tests that models will be given?",
}

router = APIRouter(include_in_schema=False)


class FunnelStage(NamedTuple):
    """A stage, and what its rules took."""

    name: str
    question: str
    whole: RuleShare
    left: int  # records after it
    rules: list[RuleShare]


@router.get(PAGE.path)
def corpus(request: Request) -> Response:
    """The funnel of the newest corpus."""
    lake = lake_of(request)
    if (digest := lake.heads().get("corpus")) is None:
        return render(request, PAGE, digest=None)
    counts = funnel_of(lake, digest)
    read = sum(row["count"] for row in counts)
    kept = sum(row["count"] for row in counts if row["outcome"] == "kept")
    return render(
        request,
        PAGE,
        digest=digest,
        read=read,
        kept=kept,
        stages=_stages(funnel_shares(counts)),
        address=address,
    )


def funnel_of(lake: LakeReader, digest: str) -> list[dict[str, Any]]:
    """What each rule of a corpus took, as it was counted when the corpus was made."""
    file = lake.folder("corpus", digest) / FUNNEL_FILE
    rows: list[dict[str, Any]] = json.loads(file.read_text())
    return rows


def _stages(rows: list[RuleShare]) -> list[FunnelStage]:
    wholes = [row for row in rows if not row["rule"]]
    return [
        FunnelStage(
            whole["stage"],
            QUESTIONS.get(whole["stage"], ""),
            whole,
            whole["entered"] - whole["dropped"],
            [row for row in rows if row["rule"] and row["stage"] == whole["stage"]],
        )
        for whole in wholes
    ]
