"""The first page, and through it what all pages have: layout, theme, headers, no JavaScript."""

from pages_browser import Visits
from playwright.sync_api import expect

from pipeline.serve.pages.model_descriptions import description
from pipeline.serve.pages.page_list import PAGES


def test_the_overview_leads_to_every_page(visit: Visits) -> None:
    with visit("/") as page:
        cards = page.locator(".cards a").all_inner_texts()
        listed = [other.title for other in PAGES if other.name]
        assert cards == listed
        assert page.locator("header nav a").all_inner_texts() == listed
        models = page.locator(".models dt").all_inner_texts()
        assert models == ["base", "sft"]  # in the order of training
        assert page.inner_text(".models dd >> nth=1") == description("sft") != ""
        visit.check(page)
        visit.screenshots(page, "overview")


def test_the_first_tab_stop_skips_to_the_content(visit: Visits) -> None:
    with visit("/") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_on_a_phone_the_current_entry_is_in_sight_and_stays_there(visit: Visits) -> None:
    phone = {"width": 390, "height": 844}
    with visit("/lineage", viewport=phone) as page:
        current = page.locator("header nav a[aria-current]")
        expect(current).to_be_in_viewport(ratio=1)
        page.evaluate("scrollTo(0, 400)")
        expect(current).to_be_in_viewport(ratio=1)
        expect(page.locator(".brand")).not_to_be_in_viewport()
    with visit("/training/scaling", viewport=phone) as page:
        expect(page.locator(".tabs a[aria-current]")).to_be_in_viewport(ratio=1)


def test_a_chosen_theme_stays(visit: Visits) -> None:
    with visit("/", color_scheme="light") as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.click("#theme")
        assert page.inner_text("#theme") == "Theme: dark"
        dark = page.evaluate(ground)
        assert dark != light
        page.reload()
        assert page.evaluate(ground) == dark
        page.click("#theme")
        assert page.evaluate(ground) == light
        page.click("#theme")
        assert page.inner_text("#theme") == "Theme: system"
        assert visit.problems == []


def test_the_overview_needs_no_script(visit: Visits) -> None:
    with visit("/", scripts=False) as page:
        assert page.locator(".models dt").count() == 2
        assert not page.is_visible("#theme")  # which could do nothing
