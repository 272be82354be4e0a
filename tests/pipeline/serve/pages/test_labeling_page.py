"""Labeling: raters who don't collide, keys that leave typing alone, answers as they were meant."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from labeling import check_counts, compared, states, store_with, written
from model_server import listening, make_served
from pages_browser import OpenBrowser, Visits
from playwright.sync_api import Page, Route, expect
from rater_client import as_rater

from pipeline.labels import task_queue
from pipeline.labels.config import LabelsConfig
from pipeline.labels.finished_work import finished
from pipeline.labels.labeling_task import LabelingTask, task_of
from pipeline.labels.rater_figures import figures
from pipeline.labels.task_store import TaskStore, opened
from pipeline.serve.people_work import PeopleWork


@pytest.fixture(scope="module")
def root(work: PeopleWork, model_folder: Path) -> Iterator[str]:
    with listening(make_served(model_folder, work=work)) as address:
        yield address


@pytest.fixture
def tasks(work: PeopleWork) -> Path:
    """Where the store is to be; none is there yet."""
    work.tasks.unlink(missing_ok=True)
    return work.tasks


@pytest.fixture
def rate(chromium: OpenBrowser, root: str) -> Visits:
    return Visits(chromium, root)


def filled(tasks: Path, given: Sequence[LabelingTask], **more: Any) -> None:
    with store_with(tasks, given, **more):
        pass


def sent(client: httpx.Client, store: Path, do: str, rater: str = "mara", **more: str) -> str:
    """The page after a form of the task in hand."""
    with opened(store) as opened_store:
        given = task_queue.take(opened_store, rater, 1e9)
    assert given is not None
    return client.post("/labeling/answer", data={"task": given.task.id, "do": do, **more}).text


def press(page: Page, key: str) -> None:
    """Once the script listens."""
    expect(page.locator("kbd").first).to_be_visible()
    page.keyboard.press(key)


def came(page: Page, words: str) -> None:
    """Wait for the page after a form."""
    expect(page.locator("[role=status]")).to_have_text(words)


def test_two_raters_at_once_do_not_collide(rate: Visits, tasks: Path) -> None:
    filled(tasks, [compared(number) for number in range(6)])
    meant: dict[str, str] = {}  # question -> the answer that was chosen
    with rate("/labeling") as mara, rate("/labeling") as tom:
        for page, name in ((mara, "mara"), (tom, "tom")):
            page.get_by_role("button", name=name, exact=True).click()
            expect(page.locator("#task")).to_be_visible()
        for number in range(3):
            asked = [page.inner_text(".talk .words") for page in (mara, tom)]
            assert asked[0] != asked[1]
            for page, question, key in ((mara, asked[0], "1"), (tom, asked[1], "2")):
                answers = page.locator(".sides .words").all_inner_texts()
                meant[question] = answers[int(key) - 1]
                press(page, key)
                expect(page.locator(".status")).to_contain_text(f"{number + 1} by you")
                came(page, "Saved.")
        for page in (mara, tom):
            expect(page.locator("#nothing")).to_be_visible()
        rate.check(tom)
    with opened(tasks) as store:
        check_counts(store)
        rows = list(finished(store))
        assert sorted(row["rater"] for row in rows) == ["mara"] * 3 + ["tom"] * 3
        for row in rows:
            shown = task_of(row["shown"], "test")
            chosen = shown.answers["ab".index(row["answer"])]
            assert meant[shown.prompt.messages[-1].content] == chosen


def test_keys_are_never_taken_from_who_types(rate: Visits, tasks: Path) -> None:
    filled(tasks, [written(number) for number in range(3)])
    with rate("/labeling") as page:
        page.get_by_role("button", name="mara").click()
        field = page.locator("#text")
        expect(field).to_be_focused()
        page.keyboard.type("s1=2b?k g")
        expect(field).to_have_value("s1=2b?k g")
        first = page.inner_text(".talk .words")
        page.reload()  # what was begun is still there
        expect(field).to_have_value("s1=2b?k g")
        page.keyboard.press("Control+Enter")
        came(page, "Saved.")
        expect(field).to_have_value("")
        expect(field).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.locator("#guideline")).to_be_focused()
        page.uncheck("#keys")
        page.keyboard.press("b")
        page.reload()
        expect(page.locator("#keys")).not_to_be_checked()
        page.check("#keys")
        page.keyboard.press("b")
        expect(field).to_have_value("s1=2b?k g")
        assert page.inner_text(".talk .words") == first
        rate.check(page)
        rate.screenshots(page, "labeling-write")
        page.keyboard.press("Escape")
        page.keyboard.press("k")
        came(page, "Saved.")
        expect(field).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        came(page, "Skipped: somebody else may have it.")
        expect(page.locator(".status")).to_contain_text("1 by you")
    with opened(tasks) as store:
        assert [row["answer"] for row in finished(store)] == ["s1=2b?k g"]


def test_a_key_that_is_pressed_twice_is_one_answer(rate: Visits, tasks: Path) -> None:
    filled(tasks, [compared(number) for number in range(4)])
    with rate("/labeling") as page:
        page.get_by_role("button", name="mara").click()
        expect(page.locator("kbd").first).to_be_visible()
        held: list[Route] = []  # the first answer is still on its way when the key comes again
        page.route("**/labeling/answer", lambda route: held.append(route))
        with page.expect_request("**/labeling/answer"):
            page.keyboard.press("=")
        page.keyboard.press("=")
        page.keyboard.press("1")
        page.wait_for_timeout(100)  # for what must not come
        assert len(held) == 1
        held[0].continue_()
        came(page, "Saved.")
        expect(page.locator(".status")).to_contain_text("1 by you")
        rate.check(page)
        rate.screenshots(page, "labeling")
    with opened(tasks) as store:
        assert [row["answer"] for row in finished(store)] == ["tie"]


def test_it_works_without_scripts(rate: Visits, tasks: Path) -> None:
    filled(tasks, [compared(0), written(1, answer="Two\nlines")])
    with rate("/labeling", scripts=False) as page:
        page.get_by_role("button", name="mara").click()
        assert page.locator("kbd:visible").count() == 0
        page.get_by_role("button", name="Answer 2").click()
        came(page, "Saved.")
        page.fill("#text", "Three\nother\n\nlines 你好")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#nothing")).to_be_visible()
        with opened(tasks) as store:
            assert "Three\nother\n\nlines 你好" in [row["answer"] for row in finished(store)]
        page.get_by_role("button", name="Go back to the last one").click()
        expect(page.locator("[aria-labelledby=earlier] .words")).to_be_visible()
        assert page.text_content("[aria-labelledby=earlier] .words") == "Three\nother\n\nlines 你好"
        page.get_by_role("button", name="Good as it is").click()
        expect(page.locator("#nothing")).to_be_visible()
    with opened(tasks) as store:
        kinds = {row["kind"]: row["answer"] for row in finished(store)}
    assert kinds == {"compare": kinds["compare"], "correct": "Two\nlines"}
    assert kinds["compare"] in ("a", "b")


def test_who_leaves_gives_the_task_back(root: str, tasks: Path) -> None:
    filled(tasks, [written(1)])
    with as_rater(root) as client, as_rater(root, "tom") as other:
        assert "Write the answer" in client.get("/labeling").text
        assert "in others' hands" in other.get("/labeling").text
        assert "in others" not in client.get("/labeling").text
        assert "Who are you?" in client.post("/labeling/leave").text
        assert "Write the answer" in other.get("/labeling").text


def test_what_came_too_late_is_kept_and_said(root: str, tasks: Path) -> None:
    filled(tasks, [written(1)])
    task = written(1).id
    with as_rater(root) as client, as_rater(root, "tom") as other:
        client.get("/labeling")
        with opened(tasks) as store:
            store.connection.execute("UPDATE work SET until = 0")
        other.get("/labeling")
        form = {"task": task, "do": "save", "text": "Mine"}
        assert "Saved." in other.post("/labeling/answer", data=form).text
        assert "Saved aside: others" in client.post("/labeling/answer", data=form).text
    with opened(tasks) as store:
        assert states(store, task) == {"mara": "surplus", "tom": "done"}


def test_another_window_undoes_nothing_and_what_was_written_is_shown(
    root: str, tasks: Path
) -> None:
    filled(tasks, [written(1), written(2)])
    with as_rater(root) as client:
        client.get("/labeling")
        form = {"task": written(1).id, "do": "save", "text": "First."}
        client.post("/labeling/answer", data=form)
        again = client.post("/labeling/answer", data={**form, "text": "Second <b>."})
        assert again.status_code == 400
        assert "is done already: go back to it" in again.text
        assert "What you had written" in again.text
        assert "Second &lt;b&gt;." in again.text
        skipped = client.post("/labeling/answer", data={**form, "do": "skip"})
        assert skipped.status_code == 400
    with opened(tasks) as store:
        assert [row["answer"] for row in finished(store)] == ["First."]


@pytest.mark.parametrize(
    ("do", "text", "words"),
    [
        ("save", " \r\n ", "an empty answer"),
        ("first", "", "no answer to a task of this kind"),
        ("good", "", "no answer to a task of this kind"),
        ("keep", "", "no answer to a task of this kind"),
        ("<b>", "", "&lt;b&gt;"),
        ("", "", "no answer to a task of this kind"),
    ],
)
def test_what_is_no_answer_is_said(root: str, tasks: Path, do: str, text: str, words: str) -> None:
    filled(tasks, [written(1)])
    with as_rater(root) as client:
        assert words in sent(client, tasks, do, text=text)


def test_back_at_the_start_says_so(root: str, tasks: Path) -> None:
    filled(tasks, [written(1)])
    with as_rater(root) as client:
        assert "There is nothing before this one." in sent(client, tasks, "back")


def test_agreement_as_the_command_line_says_it(rate: Visits, tasks: Path) -> None:
    pairs = [compared(number) for number in range(8)]
    with store_with(tasks, pairs, raters=("mara", "tom"), overlap_share=1.0, overlap_raters=2) as s:
        for rater, winners in (("mara", "aabbaabt"), ("tom", "aabbabba")):
            for number in range(len(pairs)):
                given = task_queue.take(s, rater, number)
                assert given is not None
                winner = {"a": "a", "b": "b", "t": "tie"}[winners[number]]
                task_queue.finish(s, rater, given.task.id, winner, number + 4.0)
        found = figures(list(finished(s)), LabelsConfig())["agreement"]
    assert found["alpha"] is not None
    with rate("/labeling/agreement") as page:
        said = page.inner_text(".big")
        assert f"alpha {found['alpha']:.2f}" in said
        assert f"{found['low']:.2f} to {found['high']:.2f}" in said
        assert "8 comparisons, 16 answers" in said
        cells = page.locator("[aria-label='Figures of raters'] tbody tr").first.inner_text()
        assert cells.split("\t")[:3] == ["mara", "8", "4"]
        progress = page.locator("[aria-label='Tasks by kind'] tbody").inner_text()
        assert progress.split("\t") == ["compare", "8", "8", "0", "4"]
        rate.check(page)
        rate.screenshots(page, "labeling-agreement")
        with opened(tasks) as store:  # who changes their mind changes the figures
            task_queue.back(store, "tom", 50.0)
            given = task_queue.take(store, "tom", 51.0)
            assert given is not None
            task_queue.finish(store, "tom", given.task.id, "tie", 52.0)
            found = figures(list(finished(store)), LabelsConfig())["agreement"]
        page.reload()
        assert f"alpha {found['alpha']:.2f}" in page.inner_text(".big") != said


@pytest.mark.parametrize("path", ["/labeling", "/labeling/agreement"])
def test_what_is_not_there_yet_is_said(rate: Visits, tasks: Path, path: str) -> None:
    with rate(path) as page:
        assert "crawl2chat label add" in page.inner_text("main")
        rate.check(page)
    filled(tasks, [], raters=())
    with rate(path) as page:
        rate.check(page, axe=False)


def test_a_name_is_one_of_the_raters(root: str, tasks: Path) -> None:
    filled(tasks, [written(1)], raters=("Mara Ö;=\"'<b class=injected>", "tom"))
    with httpx.Client(base_url=root, follow_redirects=True) as client:
        client.headers.update({"accept": "text/html", "origin": root})
        asked = client.get("/labeling").text
        assert "Who are you?" in asked
        assert "Write the answer" not in asked
        form = {"rater": "Mara Ö;=\"'<b class=injected>"}
        welcomed = client.post("/rater?to=https://evil.invalid/", data=form)
        assert welcomed.url == f"{root}/labeling"
        assert "Write the answer" in welcomed.text
        assert "Nobody here is called mary" in client.post("/rater", data={"rater": "mary"}).text
        with opened(tasks) as store:
            assert set(states(store, written(1).id)) == {form["rater"]}
        for odd in ("", " ", "a\tb", "x" * 61):
            assert client.post("/rater", data={"rater": odd}).status_code == 400
        elsewhere = {"origin": "http://evil.invalid"}
        for path in ("/rater", "/labeling/answer", "/labeling/leave"):
            assert client.post(path, data=form, headers=elsewhere).status_code == 403


def test_what_is_in_hand_is_held_as_it_was_shown(tasks: Path) -> None:
    with store_with(tasks, [compared(1)]) as store:
        given = task_queue.take(store, "mara", 1.0)
        assert given is not None
        assert task_queue.held(store, "mara", given.task.id) == given
        assert isinstance(store, TaskStore)
        task_queue.finish(store, "mara", given.task.id, "b", 2.0)
        with pytest.raises(Exception, match="done already"):
            task_queue.held(store, "mara", given.task.id)
        task_queue.back(store, "mara", 3.0)
        assert task_queue.held(store, "mara", given.task.id).earlier == "b"
        with pytest.raises(Exception, match="was not given"):
            task_queue.held(store, "tom", given.task.id)
