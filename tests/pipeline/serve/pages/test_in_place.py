"""What in_place.js does of a browser's work: addresses, history, focus, what it can't do."""

import re

import pytest
from explorer_lake import COPY, FIRST
from known_lake import RIGHT
from pages_browser import Visits
from playwright.sync_api import Page, Route, expect

RECORDS = "/corpus/records"
# Is there as long as the document is.
MARK = "window.kept = true"
MARKED = "window.kept === true"
SAID = "body > [role=status]"


def show(page: Page, outcome: str) -> None:
    """The list of those records alone."""
    page.select_option("#outcome", outcome)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**{RECORDS}?outcome={outcome}&*")


def test_a_form_and_a_link_stay_in_the_document(explore: Visits) -> None:
    with explore(RECORDS) as page:
        page.evaluate(MARK)
        show(page, "dropped")
        expect(page.locator("#outcome option[selected]")).to_have_text("dropped")
        expect(page.get_by_role("button", name="Show")).to_be_focused()
        explore.check(page, axe=False)  # hostile addresses are among them
        link = page.get_by_role("link", name=COPY, exact=True)
        page.evaluate("document.body.style.minHeight = '5000px'; scrollTo(0, 300)")
        link.click()
        expect(page.locator("h1")).to_have_text("Dropped by dedup: minhash")
        assert page.evaluate(MARKED)
        assert page.evaluate("scrollY") == 0
        assert page.title().startswith("Page")
        expect(page.locator("main")).to_be_focused()
        expect(page.locator(SAID)).to_have_text("Dropped by dedup: minhash")
        explore.check(page)
        page.reload()  # the address is this page's
        expect(page.locator("h1")).to_have_text("Dropped by dedup: minhash")
        assert not page.evaluate(MARKED)


def test_back_and_forward(explore: Visits) -> None:
    with explore(RECORDS) as page:
        page.evaluate(MARK)
        show(page, "dropped")
        show(page, "kept")
        page.get_by_role("button", name="Show").click()  # the same again is no entry of its own
        expect(page.locator("main[aria-busy]")).to_have_count(0)
        page.get_by_role("link", name=FIRST, exact=True).click()
        expect(page.locator("h1")).to_have_text("Kept")
        for outcome in ("kept", "dropped"):
            page.go_back()
            expect(page.locator("#outcome option[selected]")).to_have_text(outcome)
        page.go_forward()
        expect(page.locator("#outcome option[selected]")).to_have_text("kept")
        assert page.evaluate(MARKED)


def test_going_back_ends_where_one_was(explore: Visits) -> None:
    with explore(RECORDS) as page:
        page.set_viewport_size({"width": 390, "height": 400})
        page.evaluate(MARK)
        page.evaluate("scrollTo(0, 500)")
        page.evaluate("""() => {
            const form = document.querySelector("main form");
            form.elements.host.value = "nobody-has-this-address";
            form.requestSubmit();
        }""")
        expect(page.locator("main")).to_contain_text("There is no such record")  # a short page
        page.go_back()
        expect(page.locator("tbody tr").first).to_be_attached()
        assert page.evaluate("scrollY") == 500
        assert page.evaluate(MARKED)


def test_what_stands_around_the_content_follows(explore: Visits) -> None:
    with explore("/lineage") as page:
        current = page.locator("header [aria-current]")
        expect(current).to_have_attribute("aria-current", "page")
        page.locator("main td a").first.click()
        expect(current).to_have_attribute("aria-current", "true")
    with explore("/corpus/sql") as page:
        page.set_viewport_size({"width": 240, "height": 400})
        page.evaluate(MARK)
        page.get_by_role("link", name="How long are the documents that were kept?").click()
        answer = page.locator("#answer")
        expect(answer).to_be_in_viewport()  # where the link points
        page.evaluate("scrollTo(0, 0)")
        expect(answer).not_to_be_in_viewport()
        expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=0.9)  # the last one
        assert page.evaluate(MARKED)


def test_a_page_with_another_script_is_a_new_document(quiz: Visits) -> None:
    with quiz("/know") as page:
        page.evaluate(MARK)
        page.get_by_role("link", name=RIGHT).click()
        expect(page.locator("#fact-title")).to_have_text(RIGHT)
        assert page.evaluate(MARKED)
        page.get_by_role("link", name="is it recited?").first.click()
        page.wait_for_url("**/know/recite?id=*")
        assert not page.evaluate(MARKED)


def test_the_rest_is_the_browsers(explore: Visits) -> None:
    with explore(RECORDS) as page:
        page.evaluate(MARK)
        with page.context.expect_page() as opened:
            page.get_by_role("link", name=FIRST, exact=True).click(modifiers=["Control"])
        expect(opened.value.locator("h1")).to_have_text("Kept")
        opened.value.close()
        assert page.url.endswith(RECORDS)
        page.locator(".tabs").get_by_role("link", name="SQL").click()
        expect(page.locator("#q")).to_be_visible()
        assert not page.evaluate(MARKED)
        page.evaluate(MARK)
        page.fill("#q", "SELECT count(*) AS n FROM corpus")
        page.locator("main form button").click()
        expect(page.locator("[aria-labelledby=answer] th")).to_have_text(["n"])
        expect(page.locator("#answer")).to_be_in_viewport()
        assert page.evaluate(MARKED)
        explore.check(page, axe=False)


@pytest.mark.parametrize("to", ["/corpus/search", "/"])
def test_a_redirection_is_followed_by_the_browser(explore: Visits, to: str) -> None:
    """A login that has ended leads elsewhere, say."""
    with explore(RECORDS) as page:
        page.evaluate(MARK)
        sent = {"status": 303, "headers": {"location": to}}
        page.route(re.compile(r"outcome=kept"), lambda route: route.fulfill(**sent))
        page.select_option("#outcome", "kept")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url(explore.root + to)
        assert not page.evaluate(MARKED)


def test_the_last_of_several_clicks_counts(explore: Visits) -> None:
    held: list[Route] = []
    with explore(RECORDS) as page:
        page.evaluate(MARK)
        page.route(re.compile(r"outcome=dropped"), lambda route: held.append(route))
        page.select_option("#outcome", "dropped")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("main[aria-busy]")).to_have_count(1)
        show(page, "kept")
        for route in held:
            route.abort()
        expect(page.locator("#outcome option[selected]")).to_have_text("kept")
        assert page.url.count("outcome=kept")
        assert page.evaluate(MARKED)
        explore.problems.clear()
