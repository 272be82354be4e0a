"""How far the labels go, and how far each rater can be trusted: what `label status` says."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.labels.config import LabelsConfig
from pipeline.labels.finished_work import finished, last_change, store_counts
from pipeline.labels.rater_figures import figures
from pipeline.labels.task_store import opened
from pipeline.serve.pages.kept_results import results_of
from pipeline.serve.pages.labeling_page import STYLE, tasks_of
from pipeline.serve.pages.page_frame import WebPage, render

PAGE = WebPage("labeling/agreement", "Agreement", "How far can these labels be trusted?", STYLE)

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def show(request: Request) -> Response:
    """All figures of the store."""
    path = tasks_of(request)
    if path is None:
        return render(request, PAGE, counts=None, found=None)
    with opened(path) as store:
        counts = store_counts(store)
        found = results_of(request).get(
            (path, *last_change(store)), lambda: figures(list(finished(store)), LabelsConfig())
        )
    return render(request, PAGE, counts=counts, found=found)
