"""A passage that a model recites, beside the page itself, with the pages that it came from."""

import html
import re

import httpx
import pytest
from injection_strings import ALL, joined, kinds_of_elements, strange_elements
from known_lake import BY_HEART, TEXTS
from pages_browser import Visits
from playwright.sync_api import expect

from pipeline import model as models
from pipeline.model.engine import Engine
from storage import Lake

ID = f"{TEXTS.index(BY_HEART) + 1:032x}"


def test_a_page_by_heart(quiz: Visits) -> None:
    with quiz(f"/know/recite?id={ID}&tokens=12", scripts=False) as page:
        page.select_option("#model", "base")
        page.get_by_role("button", name="Let it go on").click()
        share, exact, _ = page.locator(".counts dd").all_inner_texts()
        assert share == "100%"
        assert len(set(exact.split(" of "))) == 1
        said = page.locator(".passage").all_inner_texts()
        assert said == [BY_HEART, BY_HEART]
        assert (
            page.locator(".mentions a").first.get_attribute("href") == f"/corpus/document?id={ID}"
        )
    with quiz("/know/recite") as page:
        page.fill("#text", "The ferry to Hale leaves at nine")
        page.fill("#tokens", "100")
        page.select_option("#model", "base")
        page.get_by_role("button", name="Let it go on").click()
        expect(page.locator(".counts")).to_have_count(0)  # nothing to hold it against …
        expect(page.locator(".mentions li")).not_to_have_count(0)  # … but the corpus
        quiz.check(page)
        quiz.screenshots(page, "know-recite")


@pytest.mark.parametrize("is_page", [True, False])
def test_a_passage_is_asked_for_as_the_evals_do(
    known_server: str, known_lake: Lake, is_page: bool
) -> None:
    """A page begins with its token; a passage from the middle of one has none in front."""
    model, tokenizer = models.load(known_lake.local("base", known_lake.heads()["base"]))
    # With its token in front the model goes on with this one otherwise.
    text, given = (BY_HEART, 4) if is_page else (" and much tea all day.", 1)
    ids = tokenizer.encode(text)
    before = [tokenizer.document_token] if is_page else []
    ((found,),) = Engine(model).generate(
        [[*before, *ids[:given]]],
        max_new_tokens=len(ids) - given,
        temperature=0.0,
        stop_tokens=tokenizer.stop_tokens,
    )
    form = {"text": text, "tokens": f"{given}", "model": "base", "id": ID if is_page else ""}
    answer = httpx.post(f"{known_server}/know/recite", data=form, headers={"accept": "text/html"})
    (said,) = re.findall(r"greedily</h3><div class=.passage.>(.*?)</div>", answer.text, re.DOTALL)
    tokens = found.tokens[:-1] if found.stopped else found.tokens
    plain = html.unescape(re.sub(r"<[^>]*>", "", said))
    assert plain == tokenizer.decode(ids[:given]) + tokenizer.decode(tokens)


def test_a_text_that_nobody_has_read(known_server: str) -> None:
    text = "Zebras juggle " * 30
    form = {"text": text, "tokens": "10", "model": "base", "id": ""}
    answer = httpx.post(f"{known_server}/know/recite", data=form, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "of the page's own tokens recited</dt><dd>0%" in answer.text


def test_figures_begin_with_the_control(known_server: str) -> None:
    text = httpx.get(f"{known_server}/know/recite", headers={"accept": "text/html"}).text
    places = [text.index(f"<td>{task}") for task in ("not seen", "seen 1", "seen 4 to 15")]
    assert places == sorted(places)


def test_hostile_texts_stay_text(known_server: str) -> None:
    with httpx.Client(base_url=known_server, headers={"accept": "text/html"}) as client:

        def shown(text: str, tokens: int) -> set[tuple[str, tuple[str, ...]]]:
            form = {"text": text, "tokens": str(tokens), "model": "base"}
            answer = client.post("/know/recite", data=form)
            assert answer.status_code == 200
            return kinds_of_elements(answer.text)

        # With and without something to hold the words against, and pages that they come from.
        plain = shown(BY_HEART, 9) | shown(BY_HEART, 200) | shown("harmless words", 1)
        assert shown(ALL, 4) <= plain
        for text in joined(200):
            odd = client.get("/know/recite", params={"model": text})
            assert (odd.status_code, strange_elements(odd.text)) == (200, [])
            assert client.get("/know/recite", params={"id": text[:64]}).status_code == 404


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"text": "x", "tokens": "0", "model": "base"}, 400),
        ({"text": "x", "tokens": "²", "model": "base"}, 400),
        ({"text": "x", "tokens": "99999", "model": "base"}, 400),
        ({"text": " ", "tokens": "5", "model": "base"}, 400),
        ({"text": "x" * 9000, "tokens": "5", "model": "base"}, 400),
        ({"text": "x", "tokens": "5", "model": "nobody"}, 404),
        ({"id": "nothing", "tokens": "5", "model": "base"}, 400),
    ],
)
def test_what_is_refused(known_server: str, form: dict[str, str], status: int) -> None:
    answer = httpx.post(f"{known_server}/know/recite", data=form, headers={"accept": "text/html"})
    assert answer.status_code == status
    assert "<h1>" in answer.text
