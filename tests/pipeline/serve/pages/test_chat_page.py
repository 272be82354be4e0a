"""The chat: side by side, tools, branches, tokens' alternatives, export; output stays text."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asgi_calls import calls
from model_server import listening, make_served, until_true
from pages_browser import OpenBrowser, Visits
from playwright.sync_api import Locator, Page, Route, expect

from flows.cli.serve import model_sources
from pipeline.chat.conversation import STOP, prompt, system, user
from pipeline.tokenizer import Tokenizer
from storage import Lake

SUM = "What is 3 + 4?"
ODD = "It's $(touch injected) `x` \\ \"quoted\" 'and' so; on\n&& 你好"


def say(page: Page, text: str, temperature: str = "0") -> None:
    """Send a message, and wait for the replies."""
    if not page.locator("#settings").get_attribute("open"):
        page.evaluate("document.querySelector('#settings').open = true")
    page.locator("#temperature").fill(temperature)
    page.fill("#prompt", text)
    page.press("#prompt", "Enter")
    expect(page.locator(".message[aria-busy=true]")).to_have_count(0)
    expect(page.locator("#send")).to_be_visible()


def column(page: Page, name: str) -> Locator:
    return page.locator(f"section[aria-label={name}]")


def test_models_side_by_side_with_a_tool(visit: Visits) -> None:
    with visit("/chat") as page:
        say(page, SUM)
        names = page.locator(".column h2").all_inner_texts()
        assert names == ["base", "sft"]  # in the order of training
        sft = column(page, "sft")
        expect(sft.locator(".call code")).to_have_text("calculator")
        a, b = re.findall(r"\d+", sft.locator(".call pre").first.inner_text())  # what it understood
        expect(sft.locator(".call .output")).to_have_text(str(int(a) + int(b)))
        expect(sft.locator(".assistant .said")).to_contain_text("It is ")
        expect(sft.locator(".context")).to_contain_text(" of 320 tokens")
        assert column(page, "base").locator(".assistant .said").inner_text() != ""
        visit.check(page)
        visit.screenshots(page, "chat")
        page.uncheck("input[value=base]")
        assert page.locator(".column").count() == 1
        say(page, "Hello!")
        expect(sft.locator(".message")).to_have_count(4)


def test_regenerate_edit_and_branches(visit: Visits) -> None:
    with visit("/chat") as page:
        page.uncheck("input[value=base]")
        say(page, "Hello!")
        sft = column(page, "sft")
        first = sft.locator(".assistant .said").inner_text()
        sft.get_by_role("button", name="Regenerate").click()
        expect(sft.locator(".assistant .tools")).to_contain_text("2 of 2")
        expect(sft.locator(".assistant .said")).to_have_text(first)  # at temperature 0
        sft.get_by_role("button", name="Edit").click()
        sft.get_by_label("Your message, changed").fill(SUM)
        visit.check(page)
        sft.get_by_role("button", name="Ask this instead").click()
        expect(sft.locator(".user .tools")).to_contain_text("2 of 2")
        expect(sft.locator(".call .output")).to_be_visible()
        sft.locator(".user").get_by_role("button", name="The branch before").click()
        expect(sft.locator(".user .said")).to_have_text("Hello!")
        expect(sft.locator(".assistant .tools")).to_contain_text("2 of 2")
        visit.check(page)


def test_every_token_has_alternatives_to_branch_at(visit: Visits) -> None:
    with visit("/chat") as page:
        say(page, SUM)
        for view in ("entropy", "probability"):
            page.check(f"[value={view}]")
            expect(page.locator("#legend .tok")).to_have_count(6)
        sft = column(page, "sft")
        tokens = sft.locator(".assistant .tok")
        before = tokens.all_inner_texts()
        assert "".join(before).startswith("It is ")
        tokens.first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        rows = sft.locator(".alternatives li")
        expect(rows).to_have_count(10)
        assert rows.locator(".same").count() == 1
        visit.check(page)
        visit.screenshots(page, "chat-tokens")
        other = rows.locator("button").first
        chosen = other.locator(".mono").inner_text().replace("␣", " ")
        other.click()
        expect(sft.locator(".assistant .tools")).to_contain_text("2 of 2")
        expect(sft.locator(".message[aria-busy=true]")).to_have_count(0)
        after = tokens.all_inner_texts()
        assert after[0] == before[0]
        assert after[1] == chosen != before[1]
        expect(sft.locator(".call .output")).to_be_visible()  # before the place: it stays
        assert visit.problems == []
        base = column(page, "base")
        base.locator(".tok").nth(2).click()
        # Also where the reply is longer than the window.
        expect(base.locator(".alternatives li").last).to_be_in_viewport()
        base.locator(".alternatives button").first.click()
        expect(base.locator(".assistant .tools")).to_contain_text("2 of 2")
        assert visit.problems == []


def test_a_branch_with_the_same_token_is_the_same_reply(page_lake: Lake) -> None:
    """So a branch goes on from exactly what the model had read."""
    with calls(make_served(*model_sources(page_lake, ())).app) as asked:
        body = {"temperature": 0, "max_tokens": 24, "logprobs": True, "model": "sft"}
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hm?"}]
        (choice,) = asked.post("/v1/chat/completions", {**body, "messages": messages})["choices"]
        tokens = [token["bytes"] for token in choice["logprobs"]["content"]]
        assert len(tokens) > 3
        place = {"model": "sft", "messages": messages, "tokens": tokens[:2]}
        ids = asked.post("/chat/branch", place)["prompt"]
        tokenizer = Tokenizer.load(page_lake.local("sft", page_lake.heads()["sft"]))
        talk = [system("Be brief."), user("Hm?")]
        assert ids[:-2] == prompt(talk, tokenizer)
        more = {"model": "sft", "prompt": ids, "temperature": 0, "max_tokens": 22, "stop": [STOP]}
        (rest,) = asked.post("/v1/completions", more)["choices"]
        begun = b"".join(map(bytes, tokens[:2])).decode()
        assert begun + rest["text"] == choice["message"]["content"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": "sft", "messages": [], "tokens": []}, "at least one message"),
        ({"model": "sft", "messages": [{"role": "user"}], "tokens": []}, "must be a text"),
        ({"model": "sft", "page": "x", "tokens": [[255, 254, 253]]}, "tokens.0"),
        ({"model": "sft", "page": "x", "tokens": [[]]}, "tokens.0"),
        ({"model": "sft", "page": "x", "tokens": [[256]]}, "tokens.0.0"),
        ({"model": "no", "page": "x", "tokens": []}, "does not exist"),
        ({"model": "base", "page": "x" * 100_000, "tokens": []}, "page"),
        ({"model": "base", "messages": [{"role": "user", "content": "x"}], "tokens": []}, "token"),
    ],
)
def test_what_no_branch_can_begin_with(page_lake: Lake, body: dict[str, Any], words: str) -> None:
    with calls(make_served(*model_sources(page_lake, ())).app) as asked:
        status, error = asked.refused("/chat/branch", body)
        assert status in (400, 404)
        assert words in error["message"]


def test_stop_ends_what_runs(chromium: OpenBrowser, model_folder: Path) -> None:
    served = make_served(model_folder)  # whose context has room for four thousand tokens
    ends = Tokenizer.load(model_folder).special_tokens.values()

    def endless(route: Route) -> None:
        asked = {
            **(route.request.post_data_json or {}),
            "logit_bias": dict.fromkeys(map(str, ends), -100),
        }
        route.continue_(post_data=json.dumps(asked))

    with listening(served) as root:
        visits = Visits(chromium, root)
        with visits("/chat") as page:
            page.route("**/v1/chat/completions", endless)
            page.evaluate("document.querySelector('#settings').open = true")
            page.fill("#max_tokens", "4000")
            page.fill("#prompt", "x")
            page.press("#prompt", "Enter")
            expect(page.locator(".assistant .said")).to_be_visible()
            page.evaluate("document.querySelector('#stop').click()")  # at once
            expect(page.locator(".assistant")).to_contain_text("Stopped.")
            expect(page.locator("#send")).to_be_visible()
            until_true(lambda: served.rows == 0)
            assert visits.problems == []


def test_what_the_server_refuses_is_said(visit: Visits) -> None:
    with visit("/chat") as page:
        page.uncheck("input[value=base]")
        say(page, "x " * 500)
        assert "maximum context length" in page.inner_text(".assistant .error")
        visit.problems.clear()  # the browser's own words about the status
        visit.check(page)


def test_the_exported_command_asks_the_same(visit: Visits, tmp_path: Path) -> None:
    with visit("/chat") as page:
        page.uncheck("input[value=base]")
        page.evaluate("document.querySelector('#settings').open = true")
        page.fill("#system", ODD)
        page.fill("#max_tokens", "8")
        say(page, ODD)
        shown = page.inner_text(".assistant .said")
        page.click(".column >> text=Export")
        told = json.loads(page.input_value("#exported"))
        assert told["system"] == told["conversation"][0]["text"] == ODD
        assert (
            told["conversation"][0]["children"][0]["segments"][0]["text"].strip() == shown.strip()
        )
        page.check("[name=form][value=curl]")
        visit.check(page)
        visit.screenshots(page, "chat-export")
        line = page.input_value("#exported")
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "conversation.sh"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"].strip() == shown.strip()
    assert list(tmp_path.iterdir()) == []


def test_without_scripts_it_says_what_to_do(visit: Visits) -> None:
    with visit("/chat", scripts=False) as page:
        assert "crawl2chat chat" in page.inner_text("noscript")
