"""All pages, in the navigation's order, and how an application gets them."""

from fastapi import FastAPI

from pipeline.serve.pages import (
    chat_page,
    login_page,
    overview_page,
    page_errors,
    static_files,
    tokenizer_page,
)
from pipeline.serve.pages.offered_tokenizers import OfferedTokenizers

MODULES = (overview_page, chat_page, tokenizer_page)
PAGES = tuple(module.PAGE for module in MODULES)
ROUTERS = (*(module.router for module in MODULES), login_page.router, static_files.router)


def install(app: FastAPI) -> None:
    """Give an application that has the routes and its errors what the pages need."""
    app.state.pages = PAGES
    app.state.tokenizers = OfferedTokenizers()
    page_errors.install(app)
