"""All pages, in the navigation's order, and how an application gets them."""

from fastapi import FastAPI

from pipeline.serve.pages import (
    login_page,
    overview_page,
    page_errors,
    static_files,
    tokenizer_page,
)

MODULES = (overview_page, tokenizer_page)
PAGES = tuple(module.PAGE for module in MODULES)
ROUTERS = (*(module.router for module in MODULES), login_page.router, static_files.router)


def install(app: FastAPI) -> None:
    """Give an application that has the routes and its errors what the pages need."""
    app.state.pages = PAGES
    page_errors.install(app)
