"""Runs and their curves: from the lake, under way, side by side, with and without scripts."""

import re
import shutil
from collections.abc import Iterator

import httpx
import pytest
from injection_strings import kinds_of_elements
from pages_browser import Visits
from playwright.sync_api import expect
from training_lake import LIVE, STEPS, begin_live_run, live_row

from storage import Lake


@pytest.fixture
def running(training_lake: Lake) -> Iterator[None]:
    """A run is under way."""
    sink = begin_live_run(training_lake, range(1, 9))
    yield
    sink.close()
    shutil.rmtree(training_lake.runs)


def bases(lake: Lake) -> list[str]:
    folders = (lake.tree.root / "base").iterdir()  # type: ignore[union-attr]
    return sorted(folder.name for folder in folders)


def test_two_runs_side_by_side(train: Visits, training_lake: Lake) -> None:
    with train("/training") as page:
        expect(page.locator(".keys li")).to_have_count(1)  # the newest base model
        boxes = page.locator("tbody tr", has_text="base").locator("input")
        for box in (boxes.first, boxes.last):
            box.check()
        page.get_by_role("button", name="Draw").click()
        expect(page.locator(".keys li")).to_have_count(2)
        loss = page.locator("figure[data-column=loss]")
        expect(loss.locator("canvas")).to_be_visible()
        expect(loss.locator(".ends b")).to_have_text(["1", "0.5"])  # 40 / 40 and 20 / 40
        assert page.locator(".settings").first.locator("tbody tr").all_inner_texts() == [
            "optimizer.matrix_lr\t0.04\t0.02"
        ]
        columns = page.locator("#curves figure").evaluate_all(
            "all => all.map(o => o.dataset.column)"
        )
        assert columns[:3] == ["loss", "validation_bits_per_byte", "lr"]
        box = loss.locator(".u-over").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 1, box["y"] + 20)  # at the first step
        expect(loss.locator(".ends b")).to_have_text(["40", "20"])
        train.check(page)
        train.screenshots(page, "training-two")


def test_curves_by_tokens(train: Visits, training_lake: Lake) -> None:
    with train("/training") as page:
        page.select_option("#by", "tokens")
        page.get_by_role("button", name="Draw").click()
        page.wait_for_url("**by=tokens**")
        name = page.locator("figure[data-column=loss] .plot").get_attribute("aria-label")
        assert name is not None
        assert name.startswith("Loss by tokens")


def test_a_run_under_way_is_followed(train: Visits, training_lake: Lake, running: None) -> None:
    with train("/training") as page:
        page.clock.install()
        page.reload()
        row = page.locator("tr.live")
        expect(row).to_contain_text("running")
        expect(row.locator("input")).to_be_checked()
        expect(row.locator(".number")).to_have_text(["8", "800", "0.5", "0.2", "", "4 s", ""])
        loss = page.locator("figure[data-column=loss] .ends b")
        expect(loss).to_have_text("0.5")
        validation = page.locator("figure[data-column=validation_bits_per_byte]")
        expect(validation).to_have_count(0)  # one point is no curve
        sink = begin_live_run(training_lake, range(1, 11))  # resumed, and two steps on
        page.clock.run_for(5_500)
        expect(validation).to_have_count(1)  # a second one has come
        expect(loss).to_have_text("0.4")
        sink.add(live_row(16))
        sink.close()
        page.clock.run_for(5_500)
        expect(loss).to_have_text("0.25")
        expect(page.locator("#follows")).to_have_text("Curves follow the run.")
        train.check(page)  # its title and its settings would be markup


def test_all_of_it_without_scripts(train: Visits, training_lake: Lake) -> None:
    with train("/training", scripts=False) as page:
        page.locator("tbody tr", has_text="rlhf").locator("input").check()
        page.get_by_role("button", name="Draw").click()
        lines = page.locator("figure[data-column=loss] polyline")
        assert lines.count() == 2
        caption = page.locator("figure[data-column=loss] figcaption")
        assert caption.inner_text() == "Loss what each run minimises"  # nats a token are of one
        assert len((lines.first.get_attribute("points") or "").split()) == STEPS
        kl = page.locator("figure[data-column=kl]")
        assert kl.locator(".ends b").all_inner_texts() == ["4"]  # RLHF's own table
        page.click("summary")
        assert "loop.steps" in page.inner_text("main")


def test_numbers_of_the_list(ask: httpx.Client, training_lake: Lake) -> None:
    text = ask.get("/training").text
    (row,) = re.findall(r"<tr>(?:(?!</tr>).)*rlhf.*?</tr>", text, re.DOTALL)
    cells = re.findall(r'<td class="number">(.*?)</td>', row)
    assert cells == ["40", "4,000", "0.05", "0.025", "0.5", "9 s", "40 mWh"]


def test_the_same_numbers_as_the_tables(ask: httpx.Client, training_lake: Lake) -> None:
    first, second = bases(training_lake)
    found = ask.get("/training/curves", params={"run": [first, second], "by": "seconds"}).json()
    assert [run["artifact"] for run in found["runs"]] == [first, second]
    x, y = found["runs"][0]["curves"]["validation_bits_per_byte"]
    assert x == [5.0, 10.0, 15.0, 20.0]
    assert y == pytest.approx([0.1, 0.05, 0.0333333, 0.025])


def test_a_silent_run_is_not_said_to_run(
    ask: httpx.Client, training_lake: Lake, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "running" in ask.get("/training").text
    monkeypatch.setattr("pipeline.serve.pages.training_page.SILENT_SECONDS", -1.0)
    text = ask.get("/training").text
    assert "silent for" in text
    assert ">running<" not in text
    assert ask.get("/training/curves", params={"run": LIVE}).json()["runs"][0]["live"] is False


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("run=ffffffffffffffff", 404),
        ("run=../../etc", 400),
        ("run=" + "&run=".join(f"{n:016x}" for n in range(5)), 400),
        ("by=loss", 400),
        ("page=0", 400),
    ],
)
def test_what_is_refused(ask: httpx.Client, query: str, status: int) -> None:
    assert ask.get(f"/training?{query}").status_code == status


def test_what_a_recipe_says_stays_text(ask: httpx.Client, training_lake: Lake) -> None:
    artifact = training_lake.heads()["rl"][:16]
    plain = kinds_of_elements(ask.get("/training", params={"run": bases(training_lake)[0]}).text)
    assert kinds_of_elements(ask.get("/training", params={"run": artifact}).text) <= plain


def test_an_empty_lake(train: Visits, visit: Visits) -> None:
    with visit("/training") as page:  # models, but nothing was written of how they were trained
        visit.check(page)
