"""A fact's page: with and without scripts the same answers, and nothing of them is markup."""

from urllib.parse import urlencode

import httpx
import pytest
from injection_strings import joined, kinds_of_elements
from known_lake import ADMITTED, HOSTILE, RIGHT, WRONG
from pages_browser import Visits
from playwright.sync_api import Route, expect

from pipeline.serve.pages.know_page import MOST_CHARACTERS


def at(**fields: str) -> str:
    return "/know?" + urlencode(fields)


def test_a_fact_is_chosen_and_models_are_asked(quiz: Visits) -> None:
    with quiz("/know") as page:
        quiz.check(page)
        page.fill("#q", "ada abel")
        page.keyboard.press("Enter")
        page.get_by_role("link", name=RIGHT).click()
        expect(page.locator("#fact-title")).to_have_text(RIGHT)
        counts = page.locator(".counts dd").all_inner_texts()
        assert counts == ["4", "3", "2"]
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("article.told")).to_have_count(2)
        assert page.locator(".verdict").all_inner_texts() == ["knows it", "knows it"]
        page.locator("article.told summary").last.click()
        quiz.check(page)
        quiz.screenshots(page, "know")


def test_scripts_and_the_server_show_the_same(quiz: Visits) -> None:
    for question in (RIGHT, HOSTILE):
        texts = []
        for scripts in (True, False):
            with quiz(at(fact=question), scripts=scripts) as page:
                page.locator("#ask button").click()
                expect(page.locator("article.told")).to_have_count(2)
                told = page.locator("#told")
                samples = told.locator(".samples li").all_text_contents()
                texts.append([" ".join(text.split()) for text in (told.inner_text(), *samples)])
        assert texts[0] == texts[1]


def test_bars_are_the_shares_of_samples(quiz: Visits) -> None:
    """The script's and the server's."""
    mixed = "Was Ada born?"  # which nobody taught it: some samples are right, some admit
    for scripts in (True, False):
        with quiz(at(fact=mixed, answer="Hale"), scripts=scripts) as page:
            page.locator("#ask button").click()
            expect(page.locator("article.told")).to_have_count(2)
            rects = page.locator("article.told").last.locator(".shares rect")
            found = [
                [float(rects.nth(n).get_attribute(name) or 0) for name in ("x", "width")]
                for n in range(3)
            ]
            kinds = page.locator("article.told").last.locator(".kind").all_text_contents()
            right, wrong = (100 * kinds.count(kind) / len(kinds) for kind in ("right", "wrong"))
            rest = 100 - right - wrong
            assert found == [[0, right], [right, wrong], [right + wrong, rest]]


def test_verdicts_of_the_models(quiz: Visits) -> None:
    for question, verdict in ((WRONG, "gets it wrong"), (ADMITTED, "says that it doesn't know")):
        with quiz(at(fact=question)) as page:
            page.uncheck("#ask input[value=base]")
            page.locator("#ask button").click()
            expect(page.locator(".verdict")).to_have_text([verdict])


def test_hostile_texts_stay_text(known_server: str) -> None:
    """Facts, pages, labels and scores of the lake, and what an address says."""
    with httpx.Client(base_url=known_server, headers={"accept": "text/html"}) as client:

        def shown(**fields: str) -> set[tuple[str, tuple[str, ...]]]:
            answer = client.get(at(**fields))
            assert answer.status_code == 200
            return kinds_of_elements(answer.text)

        plain = shown(fact=RIGHT) | shown() | shown(fact="Who is Bob?", answer="x")
        # Around more than four documents, and in what an error says.
        plain |= {("details", ()), ("summary", ("class",)), ("p", ())}
        assert shown(fact="Who is Edda Farrow?") <= plain  # pages full of them
        for text in joined(MOST_CHARACTERS):
            assert shown(fact=text, subject=text, answer=text) <= plain, text
            assert shown(fact=text) <= plain, text
            assert shown(q=text) <= plain, text


def test_hostile_answers_stay_text(quiz: Visits) -> None:
    with quiz(at(fact=HOSTILE)) as page:
        page.locator("#ask button").click()
        expect(page.locator("article.told")).to_have_count(2)
        assert "<script>" in page.locator("article.told", has_text="sft").inner_text()
        quiz.check(page, axe=False)


def test_honesty_of_the_facts_class_is_marked(known_server: str) -> None:
    answer = httpx.get(known_server + at(fact=RIGHT), headers={"accept": "text/html"}).text
    assert answer.count("here") >= 3
    assert "80% " in answer
    assert "[70, 90]" in answer


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"fact": ""}, 400),
        ({"fact": "x" * (MOST_CHARACTERS + 1)}, 400),
        ({"fact": RIGHT, "model": "/etc/passwd"}, 200),  # told in its place
        ({"fact": RIGHT}, 200),
    ],
)
def test_what_a_form_may_ask(known_server: str, form: dict[str, str], status: int) -> None:
    answer = httpx.post(f"{known_server}/know", data=form, headers={"accept": "text/html"})
    assert answer.status_code == status
    assert answer.text.count("does not exist") == ("model" in form)


def test_what_a_script_may_ask(known_server: str) -> None:
    for body in ({"model": "sft"}, {"model": "sft", "fact": ""}, {"model": 1, "fact": "x"}):
        assert httpx.post(f"{known_server}/know/answers", json=body).status_code in (400, 422)


def test_other_sites_ask_no_model(known_server: str) -> None:
    for path in ("/know", "/know/answers", "/know/recite"):
        answer = httpx.post(
            known_server + path,
            data={"fact": RIGHT, "model": "sft"},
            headers={"origin": "https://evil.invalid", "sec-fetch-site": "cross-site"},
        )
        assert answer.status_code == 403


def test_without_facts_and_without_an_index(page_server: str) -> None:
    for path in (at(), at(fact="Who is Ada Abel?", answer="Hale"), "/know/recite"):
        answer = httpx.get(page_server + path, headers={"accept": "text/html"})
        assert answer.status_code == 200


def test_another_fact_ends_what_was_asked(quiz: Visits) -> None:
    held: list[Route] = []
    with quiz(at(fact=RIGHT)) as page:
        page.route("**/know/answers", lambda route: held.append(route))
        page.locator("#ask button").click()
        expect(page.locator("#told")).to_contain_text("…")
        page.locator("#q").fill("where")
        page.locator("#q").press("Enter")
        expect(page.locator("#facts-title")).to_be_visible()
        held[0].abort()
        page.wait_for_timeout(200)  # the next model would be asked now
        assert len(held) == 1
        quiz.problems.clear()
