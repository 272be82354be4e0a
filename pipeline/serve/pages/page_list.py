"""All pages, in the navigation's order, and how an application gets them."""

from fastapi import FastAPI

from pipeline.serve.pages import (
    arena_board_page,
    arena_page,
    chat_page,
    corpus_compare_page,
    corpus_document_page,
    corpus_drift_page,
    corpus_page,
    corpus_records_page,
    corpus_search_page,
    corpus_sql_page,
    know_page,
    know_recite_page,
    labeling_agreement_page,
    labeling_page,
    lineage_artifact_page,
    lineage_document_page,
    lineage_page,
    login_page,
    overview_page,
    page_errors,
    playground_page,
    rater_cookie,
    static_files,
    tokenizer_page,
    training_page,
    training_samples_page,
    training_scaling_page,
    training_scores_page,
)
from pipeline.serve.pages.kept_results import KeptResults
from pipeline.serve.pages.offered_tokenizers import OfferedTokenizers

MODULES = (
    overview_page,
    chat_page,
    playground_page,
    tokenizer_page,
    corpus_page,
    training_page,
    know_page,
    labeling_page,
    arena_page,
    lineage_page,
)
# Below one of these: they bear its name and a slash.
PARTS = (
    corpus_search_page,
    corpus_records_page,
    corpus_document_page,
    corpus_compare_page,
    corpus_drift_page,
    corpus_sql_page,
    know_recite_page,
    labeling_agreement_page,
    arena_board_page,
    lineage_document_page,
    lineage_artifact_page,
    training_scores_page,
    training_samples_page,
    training_scaling_page,
)
PAGES = tuple(module.PAGE for module in MODULES)
ROUTERS = (
    *(module.router for module in (*MODULES, *PARTS)),
    login_page.router,
    rater_cookie.router,
    static_files.router,
)


def install(app: FastAPI) -> None:
    """Give an application that has the routes and its errors what the pages need."""
    app.state.pages = PAGES
    app.state.tokenizers = OfferedTokenizers()
    app.state.results = KeptResults()
    page_errors.install(app)
