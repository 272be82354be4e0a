"""The leaderboard: ratings with intervals, rank sets, what style is worth, how few votes decide."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.evals.contender_names import shown_votes
from pipeline.evals.vote_ratings import Leaderboard, LeaderboardConfig, leaderboard
from pipeline.evals.vote_store import opened_votes
from pipeline.serve.pages.arena_page import STYLE, votes_of
from pipeline.serve.pages.kept_results import results_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.pages.rating_picture import rating_picture

PAGE = WebPage(
    "arena/board", "Leaderboard", "How sure are the votes, and do they reward mere style?", STYLE
)

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def show(request: Request, style: Annotated[bool, Query()] = False) -> Response:
    """The board; `style`: at equal length, headers, lists and bold."""
    config = LeaderboardConfig(style_control=style)
    found = _board(request, config)
    picture = rating_picture(found.standings) if found is not None else None
    return render(request, PAGE, found=found, picture=picture, style_control=style, config=config)


def _board(request: Request, config: LeaderboardConfig) -> Leaderboard | None:
    """What the votes say; None: there are none."""
    path = votes_of(request)
    if path is None or not path.is_file():
        return None
    with opened_votes(path) as store:
        count, last = store.last_change()
        if not count:
            return None
        return results_of(request).get(
            (path, count, last, config), lambda: leaderboard(shown_votes(store.votes()), config)
        )
