"""The leaderboard: ratings with intervals, rank sets, what style is worth, how few votes decide."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.evals.vote_ratings import LeaderboardConfig
from pipeline.serve.pages.arena_page import STYLE, votes_of
from pipeline.serve.pages.kept_boards import boards_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.pages.rating_picture import rating_picture

PAGE = WebPage(
    "arena/board", "Leaderboard", "How sure are the votes, and do they reward mere style?", STYLE
)

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def show(request: Request, style: Annotated[bool, Query()] = False) -> Response:
    """The board; `style`: at equal length, headers, lists and bold."""
    votes, config = votes_of(request), LeaderboardConfig(style_control=style)
    found = boards_of(request).board(votes, config) if votes is not None else None
    picture = rating_picture(found.standings) if found is not None else None
    return render(request, PAGE, found=found, picture=picture, style_control=style, config=config)
