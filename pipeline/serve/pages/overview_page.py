"""The first page: what there is, and the question that each page answers."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.pages.model_descriptions import description
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.server_state import state_of

PAGE = WebPage("", "Overview", "From the web to a model that talks: what happened on the way?")

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
async def overview(request: Request) -> Response:
    """All pages, and the models on offer, in the order of training."""
    names = [*state_of(request).models.sources]
    models = [{"name": name, "words": description(name)} for name in reversed(names)]
    return render(request, PAGE, models=models, default=names[0])
