"""The leaderboard's page says what the leaderboard is, as a picture and as a table."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import listening, make_served
from pages_browser import OpenBrowser, Visits

from pipeline.chat.conversation import Conversation, user
from pipeline.evals.contender_names import shown_votes
from pipeline.evals.vote_ratings import LeaderboardConfig, Standing, leaderboard
from pipeline.evals.vote_store import Battle, Contender, opened_votes
from pipeline.serve.pages.rating_picture import MOST_TICKS, rating_picture
from pipeline.serve.people_work import PeopleWork

STRENGTH = {"base 11111111": 1, "sft 22222222": 3, "rl 33333333": 5, "rlhf 44444444": 5}


def vote_all(votes: Path, strengths: dict[str, int], rounds: int) -> None:
    """Each pair meets so often; the stronger wins mostly, and says more."""
    names = sorted(strengths)
    with opened_votes(votes, create=True) as store:
        store.connection.execute("PRAGMA synchronous = OFF")
        number = 0
        for turn in range(rounds):
            for at, a in enumerate(names):
                for b in names[at + 1 :]:
                    one, other = (
                        Contender(n, f"{n}\n- x", 5 * strengths[n] + turn) for n in (a, b)
                    )
                    talk = Conversation((user("Which?"),))
                    battle = store.begin(Battle(talk, "test", one, other, "a", {}), "mara", 1.0)
                    better = strengths[a] - strengths[b]
                    choice = "first" if better > 0 else "second" if better < 0 else "tie"
                    if turn % 4 == 3:
                        choice = ("first", "second")[number % 2]
                    store.vote(battle.id, "mara", choice, 2.0)
                    number += 1


@pytest.fixture(scope="module")
def root(work: PeopleWork, model_folder: Path) -> Iterator[str]:
    with listening(make_served(model_folder, work=work)) as address:
        yield address


@pytest.fixture
def look(chromium: OpenBrowser, root: str, work: PeopleWork) -> Visits:
    work.votes.unlink(missing_ok=True)
    return Visits(chromium, root)


def test_it_is_the_leaderboard(look: Visits, work: PeopleWork) -> None:
    vote_all(work.votes, STRENGTH, 8)
    with opened_votes(work.votes) as store:
        votes = shown_votes(store.votes())
    with look("/arena/board") as page:
        for style in (False, True):
            found = leaderboard(votes, LeaderboardConfig(style_control=style))
            rows = page.locator("[aria-label='The leaderboard'] tbody tr").all_inner_texts()
            assert [row.split("\t")[1] for row in rows] == [one.model for one in found.standings]
            assert {row.split("\t")[1] for row in rows} == {"base", "sft", "rl", "rlhf"}
            for row, one in zip(rows, found.standings):
                cells = row.split("\t")
                ranks = {one.best_rank, one.worst_rank}
                assert cells[0] == " to ".join(map(str, sorted(ranks)))
                assert cells[2:5] == [
                    f"{one.rating:.0f}",
                    f"{one.low:.0f} to {one.high:.0f}",
                    str(one.votes),
                ]
            place = found.first_place
            said = page.inner_text("[aria-labelledby=ratings] p")
            assert said.startswith(f"{place.at_most} vote")
            assert f"would put {place.then} above {place.first}." in said
            assert page.locator(".ratings .interval").count() == len(found.standings)
            assert page.locator("#style").count() == style
            look.check(page)
            look.screenshots(page, "arena-style" if style else "arena-board")
            if not style:
                page.get_by_role("link", name="At equal style").first.click()
                page.wait_for_url("**/arena/board?style=on")
        lines = page.locator("[aria-label=Style] tbody tr").all_inner_texts()
        assert [line.split("\t")[:2] for line in lines] == [
            [one.style, f"{one.coefficient:+.2f}"] for one in found.styles
        ]


def test_no_votes_yet(look: Visits) -> None:
    with look("/arena/board") as page:
        assert "There are no votes yet." in page.inner_text("main")
        look.check(page)


def test_a_vote_more_is_another_board(look: Visits, work: PeopleWork) -> None:
    vote_all(work.votes, {"a": 1, "b": 2}, 1)
    for said in ("1 vote", "2 votes"):
        with look("/arena/board") as page:
            assert page.inner_text("#ratings") == said
        vote_all(work.votes, {"a": 1, "b": 2}, 1)


finite = st.floats(-5_000, 5_000)


@given(st.lists(st.tuples(finite, finite, finite).map(sorted), min_size=1, max_size=8))
def test_bars_lie_in_the_picture_in_the_order_of_ratings(found: list[list[float]]) -> None:
    standings = [Standing("m", mid, low, high, 1, 1, 1, 1, 0) for low, mid, high in found]
    picture = rating_picture(standings)
    for bar in picture.bars:
        assert 0 <= bar.left <= bar.middle <= bar.left + bar.width + 0.01 <= 100.02
    for one, other in zip(picture.bars, picture.bars[1:]):
        if one.standing.rating < other.standing.rating:
            assert one.middle <= other.middle
    places = [place for _, place in picture.ticks]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)
    assert 1 <= len(places) <= MOST_TICKS + 1
