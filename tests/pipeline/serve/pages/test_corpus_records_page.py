"""The list of all records."""

import httpx
import pytest
from explorer_lake import COPY, EVIL_URL, FIRST, HOSTILE, OTHERS, SHORT
from pages_browser import Visits
from playwright.sync_api import expect

from pipeline.serve.pages import corpus_records_page


def listed(client: httpx.Client, **fields: str | int) -> list[str]:
    """The addresses of a page of the list."""
    answer = client.get("/corpus/records", params=fields)
    assert answer.status_code == 200
    return [line for line in (FIRST, COPY, SHORT, *HOSTILE, *OTHERS) if f">{line}<" in answer.text]


def test_every_page_with_what_became_of_it(explore: Visits) -> None:
    with explore("/corpus/records") as page:
        rows = page.locator("tbody tr")
        assert rows.count() == len(OTHERS) + len(HOSTILE) + 4
        assert rows.locator("a").all_inner_texts().count(EVIL_URL) == 1
        short = page.locator("tr", has_text=SHORT)
        assert short.locator("td").all_inner_texts()[1:] == [
            "dropped",
            "gopher_quality min_words",
            "39",
            "50",
            "en",
        ]
        explore.check(page)
        page.select_option("#outcome", "dropped")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("tbody a")).to_have_text([SHORT, COPY, HOSTILE[-1]])
        page.get_by_role("link", name=COPY).click()
        expect(page.locator("h1")).to_have_text("Dropped by dedup: minhash")


def test_records_by_outcome_rule_host_and_language(fetch: httpx.Client) -> None:
    assert listed(fetch, rule="dedup/minhash") == [COPY]
    assert listed(fetch, host="mirror.example") == [COPY]
    assert listed(fetch, host="mirror.example", outcome="kept") == []
    assert listed(fetch, host="arbour.example") == []
    assert listed(fetch, language="en", outcome="dropped") == [COPY, SHORT, HOSTILE[-1]]
    assert listed(fetch, language="de") == []
    assert listed(fetch, rule="read/record_type") == []  # no page
    assert FIRST in listed(fetch, rule="read/record_type", kind="all")


def test_the_list_is_paged_in_sql(fetch: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_records_page, "SIZE", 4)
    one, two, three, four = (listed(fetch, page=number) for number in (1, 2, 3, 4))
    assert len(one) == 4
    assert not {*one} & {*two}
    assert (
        len({*one, *two, *three, *four}) == len(OTHERS) + len(HOSTILE) + 3
    )  # all but the evil one, which has no line
    text = fetch.get("/corpus/records", params={"page": 2, "outcome": "kept"}).text
    assert 'rel="prev" href="/corpus/records?outcome=kept"' in text
    assert 'rel="next" href="/corpus/records?outcome=kept&amp;page=3"' in text
    assert (
        "rel=" not in fetch.get("/corpus/records", params={"page": 9}).text.split("<main")[1][:99]
    )


def test_what_is_no_page_number_is_refused(fetch: httpx.Client) -> None:
    for page in ("0", "-1", "x", "1e9", "99999999999999999999"):
        answer = fetch.get("/corpus/records", params={"page": page})
        assert answer.status_code in (400, 422)
