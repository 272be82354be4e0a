"""The arena's page: blind until the vote is on disk, answers of the server's own models, even."""

import itertools
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import listening, make_served, tiny_folder
from pages_browser import OpenBrowser, Visits
from playwright.sync_api import expect
from rater_client import as_rater

from flows.cli.served_lake import ServedLake
from pipeline import model as models
from pipeline.chat.conversation import Conversation, user
from pipeline.evals.asking import Subject, ask
from pipeline.evals.battles import held_out_prompts
from pipeline.evals.config import EvalsConfig
from pipeline.evals.vote_store import Battle, CastVote, Contender, opened_votes
from pipeline.serve.people_work import PeopleWork
from storage import Lake

ASKED = "Where is the harbour?"
NAMES = ("tiny", "other", "page")


@pytest.fixture(scope="module")
def folders(
    model_folder: Path, other_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Two models that converse, a base model, and the first by another name."""
    folder = tmp_path_factory.mktemp("arena")
    page = tiny_folder(folder / "page", seed=3, chat=False)
    twin = shutil.copytree(model_folder, folder / "twin")
    return dict(zip((*NAMES, "twin"), (model_folder, other_folder, page, twin)))


@pytest.fixture(scope="module")
def root(work: PeopleWork, folders: dict[str, Path]) -> Iterator[str]:
    with listening(make_served(*folders.values(), work=work)) as address:
        yield address


@pytest.fixture
def votes(work: PeopleWork) -> Path:
    """Where the store is to be; none is there yet."""
    work.votes.unlink(missing_ok=True)
    return work.votes


@pytest.fixture
def play(chromium: OpenBrowser, root: str) -> Visits:
    return Visits(chromium, root)


def begin(votes: Path, a: str, b: str, first: str = "a", prompt: str = ASKED) -> Battle:
    """A battle in mara's hands."""
    talk = Conversation((user(prompt),))
    sides = (Contender("tiny", a, 3), Contender("other", b, 4))
    with opened_votes(votes, create=True) as store:
        return store.begin(Battle(talk, "test", *sides, first, {}), "mara", 1.0)


def cast(votes: Path) -> list[CastVote]:
    with opened_votes(votes) as store:
        return store.votes()


def test_a_vote_is_kept_before_the_names_are_shown(play: Visits, votes: Path) -> None:
    with play("/arena") as page:
        page.fill("#rater", "mara")
        page.keyboard.press("Enter")
        expect(page.locator("#prompt")).to_be_focused()
        play.check(page)
        play.screenshots(page, "arena-ask")
        page.uncheck("[value=twin]")
        page.fill("#prompt", ASKED)
        page.keyboard.press("Control+Enter")
        expect(page.locator("#battle kbd").first).to_be_visible()
        answers = page.locator(".sides .words, .sides .muted").all_inner_texts()
        play.check(page)
        play.screenshots(page, "arena-battle")
        page.reload()  # whoever comes again has the battle that they left
        assert page.locator(".sides .words, .sides .muted").all_inner_texts() == answers
        page.keyboard.press("2")
        expect(page.locator("#told")).to_be_visible()
        (one,) = cast(votes)
        first, second = one.battle.shown_models
        assert page.inner_text("#told") == f"Saved. Answer 1 was {first}, answer 2 was {second}."
        assert one.winner == ("b" if one.battle.first == "a" else "a")
        assert one.battle.rater == "mara"
        expect(page.locator(".status")).to_contain_text("Votes: 1 by you, 1 in all")
        page.locator(".told summary").click()
        play.check(page)
        play.screenshots(page, "arena-told")


def test_answers_are_those_of_the_seed_that_is_recorded(
    root: str, votes: Path, folders: dict[str, Path]
) -> None:
    """From the server's loops to the bit what `battles.fight` would have got."""
    with as_rater(root) as client:
        for _ in range(3):
            form = {"prompt": ASKED, "model": list(NAMES), "do": "typed"}
            assert client.post("/arena/ask", data=form).status_code == 200
            with opened_votes(votes) as store:
                battle = store.in_hand("mara")
                assert battle is not None
            for one in (battle.a, battle.b):
                settings = EvalsConfig(
                    temperature=battle.sampling["temperature"], seed=battle.sampling["seed"]
                )
                subject = Subject(*models.load(folders[one.model]), settings)
                length = battle.sampling["max_new_tokens"]
                (reply,) = ask(subject, [[user(ASKED)]], length)
                assert one.answer == reply.text.strip()
            client.post("/arena/vote", data={"battle": str(battle.id), "choice": "tie"})
        with opened_votes(votes) as store:
            assert set(store.pair_counts().values()) == {1}  # each of the three pairs has met once
            assert len({one.battle.sampling["seed"] for one in store.votes()}) == 3


def test_the_page_before_the_vote_tells_nothing(root: str, votes: Path) -> None:
    """It is the same page whoever of the two has answered what."""
    begin(votes, "One.", "Two.", first="b")
    with as_rater(root) as client:
        before = client.get("/arena?voted=1&model=tiny&model=other").text
        assert before.index("Two.") < before.index("One.")
        with sqlite3.connect(votes) as connection:
            connection.execute("UPDATE battles SET model_a = model_b, model_b = model_a")
        assert client.get("/arena?voted=1&model=tiny&model=other").text == before
        plain = client.get("/arena").text
        assert "Answer 1 was" not in plain
        told = client.post("/arena/vote", data={"battle": "1", "choice": "first"}).text
        assert "Answer 1 was <strong>tiny</strong>, answer 2 was <strong>other</strong>" in told
        assert "You chose: Answer 1." in told
    with as_rater(root, "tom") as other:  # what mara voted is hers
        assert "Answer 1 was" not in other.get("/arena?voted=1").text


def test_two_at_once_have_battles_of_their_own(root: str, votes: Path) -> None:
    form = {"prompt": ASKED, "model": list(NAMES), "do": "typed"}
    with as_rater(root) as mara, as_rater(root, "tom") as tom, as_rater(root) as again:
        pages = [client.post("/arena/ask", data=form).text for client in (mara, tom, again)]
        assert all("Which answer is better?" in page for page in pages)
        with opened_votes(votes) as store:
            assert store.count() == 2  # mara's other window shows the one that she has
            own = {name: store.in_hand(name) for name in ("mara", "tom")}
        assert own["mara"] is not None
        assert own["tom"] is not None
        assert own["mara"].id != own["tom"].id
        number = str(own["mara"].id)
        stolen = tom.post("/arena/vote", data={"battle": number, "choice": "first"})
        assert stolen.status_code == 400
        assert "not in the hands of &#39;tom&#39;" in stolen.text
        mine = {"battle": number, "choice": "first"}
        assert "Saved." in mara.post("/arena/vote", data=mine).text
        assert again.post("/arena/vote", data={**mine, "choice": "second"}).status_code == 400
        assert (
            "Skipped"
            in tom.post("/arena/vote", data={"battle": str(own["tom"].id), "choice": "skip"}).text
        )
    (one,) = cast(votes)
    assert one.winner == ("a" if one.battle.first == "a" else "b")


def test_voters_with_a_taste_vote_at_once(play: Visits, votes: Path) -> None:
    """Two browsers, twenty votes by what the page shows alone: the board has the taste's order, and
    each vote is on the battle that its voter was shown.
    """
    good = {"tiny": 4, "other": 2, "page": 1}  # by how often an answer says that it is of use
    pairs, draw = list(itertools.combinations(good, 2)), random.Random(0)
    meant: list[tuple[str, str, str]] = []  # voter, question, the answer that was chosen
    with play("/arena") as mara, play("/arena") as tom:
        voters = {"mara": mara, "tom": tom}
        for name, page in voters.items():
            page.fill("#rater", name)
            page.keyboard.press("Enter")
            expect(page.locator("#ask")).to_be_visible()
        for number in range(10):
            with opened_votes(votes, create=True) as store:
                for at, name in enumerate(voters):
                    question = Conversation((user(f"{name} asks for the {number}th time"),))
                    a, b = pairs[(number + at) % len(pairs)]
                    left, right = (
                        Contender(m, f"{number}. {'Useful. ' * good[m]}", 5) for m in (a, b)
                    )
                    first = draw.choice("ab")
                    store.begin(Battle(question, "test", left, right, first, {}), name, 1.0)
            shown = {}
            for name, page in voters.items():  # both are shown theirs before either votes
                page.goto(f"{play.root}/arena")
                said = page.locator(".sides .words").all_inner_texts()
                shown[name] = (page.inner_text("#battle .talk .words"), said)
            for name, page in voters.items():
                question, said = shown[name]
                use = [text.count("Useful.") for text in said]
                # Nobody's taste is that firm: each fifth vote is the other way.
                choice = use.index(max(use)) ^ (number % 5 == 4)
                page.locator("[name=choice]").nth((0, 2)[choice]).click()
                expect(page.locator(".status")).to_contain_text(f"Votes: {number + 1} by you")
                meant.append((name, question, said[choice].strip()))
        mara.goto(f"{play.root}/arena/board")
        assert mara.locator("tbody th").all_inner_texts() == list(good)
        assert "20 votes" in mara.inner_text("#ratings")
        assert play.problems == []
    given = []
    for one in cast(votes):
        chosen = {"a": one.battle.a, "b": one.battle.b}[one.winner]
        asked = one.battle.prompt.messages[-1].content
        given.append((one.battle.rater, asked, chosen.answer.strip()))
    assert sorted(given) == sorted(meant)


def test_sides_are_random_and_pairs_even(root: str, votes: Path) -> None:
    form = {"prompt": "Hm?", "model": list(NAMES), "do": "typed"}
    with as_rater(root) as client:
        for number in range(1, 10):
            client.post("/arena/ask", data=form)
            client.post("/arena/vote", data={"battle": str(number), "choice": "tie"})
    found = cast(votes)
    assert len({one.battle.first for one in found}) == 2
    assert set(Counter((one.battle.a.model, one.battle.b.model) for one in found).values()) == {3}


def test_questions_that_no_model_was_trained_on_come_by_a_key(
    chromium: OpenBrowser, folders: dict[str, Path], work: PeopleWork, votes: Path, page_lake: Lake
) -> None:
    digest = page_lake.heads()["conversations"]
    table = page_lake.local("conversations", digest) / "conversations.parquet"
    ready = [prompt.messages[-1].content for prompt in held_out_prompts(table)]
    shown = ServedLake(page_lake)
    with listening(make_served(*folders.values(), work=work, lake=shown)) as address:
        visits = Visits(chromium, address)
        with visits("/arena") as page:
            page.fill("#rater", "mara")
            page.keyboard.press("Enter")
            expect(page.locator("#prompt")).to_be_focused()
            page.uncheck("[value=tiny]")  # of the pair that would answer alike
            page.keyboard.press("Escape")
            for number in range(2):
                page.keyboard.press("n")
                expect(page.locator("#battle kbd").first).to_be_visible()
                assert page.inner_text(".talk li:last-child .words") == ready[number % len(ready)]
                page.keyboard.press("=")
                expect(page.locator(".status")).to_contain_text(f"Votes: {number + 1} by you")
                expect(page.locator("#ask kbd").first).to_be_visible()
            assert not page.is_checked("[value=tiny]")  # who may meet is remembered
    shown.close()
    assert {one.battle.source for one in cast(votes)} == {"held out"}
    assert {one.winner for one in cast(votes)} == {"tie"}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"prompt": " \n", "model": ["tiny", "other"], "do": "typed"}, "the question is empty"),
        ({"prompt": "x", "model": ["tiny"], "do": "typed"}, "choose two models or more"),
        ({"prompt": "x", "model": ["tiny", "<b>"], "do": "typed"}, "&lt;b&gt;"),
        ({"prompt": "x" * 5_000, "model": ["tiny", "other"], "do": "typed"}, "no room"),
        ({"prompt": "", "model": ["tiny", "other"], "do": "ready"}, "no questions that no model"),
    ],
)
def test_what_can_not_be_asked_is_said(
    root: str, votes: Path, form: dict[str, str | list[str]], words: str
) -> None:
    with as_rater(root) as client:
        answer = client.post("/arena/ask", data=form)
        assert answer.status_code == 400
        assert words in answer.text
        assert str(form["prompt"]).strip() in answer.text
    if votes.is_file():
        with opened_votes(votes) as store:
            assert store.count() == 0


def test_like_answers_are_no_battle(root: str, votes: Path) -> None:
    form = {"prompt": ASKED, "model": ["tiny", "twin"], "do": "typed"}
    with as_rater(root) as client:
        answer = client.post("/arena/ask", data=form).text
        assert "Both answered alike" in answer
        assert "Your question" in answer
        with opened_votes(votes) as store:
            assert (store.count(), store.in_hand("mara")) == (1, None)


def test_without_models_or_a_store_it_says_what_to_do(
    model_folder: Path, work: PeopleWork, chromium: OpenBrowser
) -> None:
    with listening(make_served(model_folder, work=work)) as address, as_rater(address) as client:
        assert "A battle needs two models" in client.get("/arena").text
    with listening(make_served(model_folder)) as address, as_rater(address) as client:
        for path in ("/arena", "/labeling"):
            assert "crawl2chat serve --labels FILE --votes FILE" in client.get(path).text
        assert "no votes yet" in client.get("/arena/board").text
        assert client.post("/arena/ask", data={"prompt": "x"}).url == f"{address}/arena"
        elsewhere = {"origin": "http://evil.invalid"}
        for path in ("/arena/ask", "/arena/vote", "/arena/leave"):
            assert client.post(path, headers=elsewhere).status_code == 403
