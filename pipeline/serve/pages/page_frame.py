"""A page's name and question, and its template filled in with what all pages have around them."""

import dataclasses
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from pipeline.serve.api_errors import ApiError
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages import figures
from pipeline.serve.pages.static_files import FILES
from pipeline.serve.server_state import state_of
from pipeline.tokenizer.show import printable

TEMPLATES = Path(__file__).with_name("templates")
ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "figure": figures.figure,
    "size": figures.size,
    "duration": figures.duration,
    "energy": figures.energy,
    "probability": figures.probability,
    "printable": printable,
}


@dataclasses.dataclass(frozen=True)
class WebPage:
    """What the navigation knows of a page."""

    # Of its template, script and style sheet; "": the first page. "section/part" is a page below
    # one of the navigation: its files are section_part.*, its style sheet by default the section's.
    name: str
    title: str
    question: str  # that it answers, in one line
    shared_style: str | None = None  # another file in static/, of several sections

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/{self.name}"

    @property
    def file(self) -> str:
        """What its files' names begin with."""
        return self.name.replace("/", "_") or "overview"

    @property
    def section(self) -> str:
        """The navigation's page that it belongs to, mostly itself."""
        return self.name.split("/")[0]

    @property
    def template(self) -> str:
        """The file in templates/."""
        return f"{self.file}.html.jinja"

    @property
    def style(self) -> str | None:
        """The file in static/, if it needs more than all pages have."""
        names = (f"{self.file}.css", f"{self.section}.css")
        return next((name for name in names if name in FILES), None)


def render(request: Request, page: WebPage, status: int = 200, **shown: Any) -> HTMLResponse:
    """The page as HTML.

    Args:
        request: that it answers.
        page: whose template is filled in.
        status: of HTTP.
        shown: what the template names. All text in it is escaped.
    """
    state = state_of(request)
    pages: tuple[WebPage, ...] = request.app.state.pages
    text = ENVIRONMENT.get_template(page.template).render(
        page=page,
        pages=pages,
        script=f"{page.file}.js" if f"{page.file}.js" in FILES else "in_place.js",
        style=page.style,
        logged_in=state.asks_for_key and page.name != "login",
        **shown,
    )
    # What a page shows belongs to who asked: no proxy and no back button after logging out.
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})


def lake_of(request: Request) -> LakeReader:
    """The lake that the server was started on.

    Raises:
        ApiError: there is none (404).
    """
    if (lake := state_of(request).lake) is None:
        raise ApiError(404, "this server was started without a lake: there is nothing to show")
    return lake
