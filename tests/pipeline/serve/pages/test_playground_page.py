"""The playground: choosing tokens, dials, lens and attention, with and without scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from asgi_calls import AsgiCalls, calls
from injection_strings import ALL, joined, kinds_of_elements, strange_elements
from model_server import make_served, tiny_folder
from pages_browser import Visits
from playwright.sync_api import expect

from flows.cli.serve import model_sources
from pipeline import model as models
from pipeline.model import sampling
from pipeline.model.forward_state import forward_state
from pipeline.serve.config import ServeConfig
from pipeline.serve.pages.playground_page import MOST_CHARACTERS, MOST_TOKENS
from pipeline.tokenizer import Tokenizer
from storage import Lake

STATE = "/playground/state"
TEXT = "Ada Abel was born in"
ROOM = 150  # bytes, of which each may be a token


@pytest.fixture(scope="module")
def asked(page_lake: Lake) -> Iterator[AsgiCalls]:
    with calls(make_served(*model_sources(page_lake, ())).app) as made:
        yield made


@pytest.fixture(scope="module")
def base(page_lake: Lake) -> tuple[Any, Tokenizer]:
    return models.load(page_lake.local("base", page_lake.heads()["base"]))


def test_choosing_tokens_goes_on(visit: Visits) -> None:
    with visit("/playground") as page:
        assert page.input_value("#model") == "base"
        count = page.locator("#document .tok").count()
        first = page.locator("#next a").first
        token = first.get_attribute("data-pick")
        first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#document .tok")).to_have_count(count + 1)
        assert page.input_value("#ids").split(".")[-1] == token
        expect(page.locator("#next a").first).to_be_focused()  # from choice to choice by keyboard
        second = page.locator("#next a").nth(1).get_attribute("data-pick")
        page.keyboard.press("2")
        expect(page.locator("#document .tok")).to_have_count(count + 2)
        assert page.input_value("#ids").split(".")[-1] == second
        page.click("#many")
        expect(page.locator("#document .tok")).to_have_count(count + 22)
        page.click("#back")
        expect(page.locator("#document .tok")).to_have_count(count + 21)
        assert f"{count + 21} of " in page.inner_text("#room")
        # An earlier token: what came is marked, and another one branches off there.
        page.locator("#document .chosen").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#next .came")).to_have_count(1)
        expect(page.locator("#document .chosen")).to_be_focused()
        before = page.input_value("#ids").split(".")[:-1]
        other = page.locator("#next a:not(.came)").first
        wanted = [*before, other.get_attribute("data-pick") or ""]
        other.click()
        expect(page.locator("#ids")).to_have_value(".".join(wanted))
        expect(page.locator("#document .chosen")).to_have_attribute("data-at", str(count + 21))
        address, shown = page.url, page.inner_text("main")
        visit.check(page)
        visit.screenshots(page, "playground")
        page.goto(address)  # is the page's own
        expect(page.locator("#map td").first).to_be_visible()
        assert page.inner_text("main") == shown


def test_dials_reshape_what_is_drawn(visit: Visits) -> None:
    with visit("/playground") as page:
        models_own = page.locator("#next meter:not(.drawn)")
        before = models_own.evaluate_all("all => all.map(one => one.value)")
        page.fill("#top_k", "3")
        expect(page.locator("#open")).to_contain_text(" 3 of ")
        drawn = page.locator("#next meter.drawn").evaluate_all("all => all.map(one => one.value)")
        assert sum(value > 0 for value in drawn) == 3
        assert sum(drawn) == pytest.approx(1, abs=1e-3)
        page.locator("#temperature").fill("0")
        expect(page.locator("#next li:first-child")).to_contain_text("100.0%")
        after = models_own.evaluate_all("all => all.map(one => one.value)")
        assert after[:15] == before[:15]  # what the model says stays


def test_attention_tells_its_numbers(visit: Visits, base: tuple[Any, Tokenizer]) -> None:
    model, tokenizer = base
    ids = [tokenizer.document_token, *tokenizer.encode(TEXT)]
    shares = forward_state(model, ids).attention
    with visit("/playground") as page:
        page.fill("#text", TEXT)
        expect(page.locator("#document .tok")).to_have_count(len(ids))
        cells = page.locator("#map td")
        expect(cells).to_have_count(shares.numel())
        found = cells.evaluate_all("all => all.map(one => Number(one.dataset.share))")
        torch.testing.assert_close(torch.tensor(found), shares.flatten(), atol=1e-3, rtol=0)
        cells.first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        heads = shares.shape[1]
        layer, head = divmod(1, heads)
        said = f"Layer {layer + 1}, head {head + 1} takes "
        expect(page.locator("#look")).to_contain_text(said)
        expect(page.locator("#look")).to_contain_text("from token 2 ")
        expect(page.locator("#document .looked")).to_have_attribute("data-at", "2")
        visit.check(page)


def test_the_same_without_scripts(visit: Visits) -> None:
    with visit("/playground", scripts=False) as page:
        page.fill("#text", TEXT)
        page.fill("#top_k", "3")
        page.click("#go")
        assert page.input_value("#text") == TEXT
        count = page.locator("#document .tok").count()
        page.locator("#next a").first.click()
        expect(page.locator("#document .tok")).to_have_count(count + 1)
        assert " 3 of " in page.inner_text("#open")
        page.click("#draw")
        expect(page.locator("#document .tok")).to_have_count(count + 2)
        assert page.input_value("#seed") == "1"
        page.locator("#document .tok").nth(count - 1).click()
        expect(page.locator("#next .came")).to_have_count(1)
        assert page.locator("#heads tr").count() > 1
        page.click("#back")
        expect(page.locator("#document .tok")).to_have_count(count + 1)


def test_scripts_and_the_server_show_the_same(visit: Visits) -> None:
    shown = {}
    for scripts in (True, False):
        with visit("/playground?ids=0.70.71.72&at=2&top_k=9", scripts=scripts) as page:
            parts = ("#document", "#open", "#next", "#rest", "#lens", "#heads", "#room")
            texts = [page.locator(part).text_content() or "" for part in parts]
            shown[scripts] = ["".join(text.split()) for text in texts]
    assert shown[True] == shown[False]


def test_the_numbers_are_the_models(asked: AsgiCalls, base: tuple[Any, Tokenizer]) -> None:
    model, tokenizer = base
    found = asked.post(STATE, {"model": "base", "text": TEXT, "temperature": 0.7, "top_k": 9})
    ids = [tokenizer.document_token, *tokenizer.encode(TEXT)]
    assert (found["ids"], found["at"], found["text"]) == (ids, len(ids), TEXT)
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0, -1]
    own, drawn = logits.softmax(-1), sampling.log_probs(logits, 0.7, 9).exp()
    for row in found["next"]["rows"]:
        assert row["p"] == pytest.approx(float(own[row["id"]]), abs=1e-4)
        assert row["q"] == pytest.approx(float(drawn[row["id"]]), abs=1e-4)
        assert row["rank"] == int((own > own[row["id"]]).sum()) + 1
    assert found["next"]["kept"] == 9
    assert found["next"]["entropy"] == pytest.approx(
        torch.distributions.Categorical(own).entropy().item() / 0.693147, abs=1e-3
    )
    last = found["lens"][-1]
    assert [one["id"] for one in last["top"]] == own.topk(5).indices.tolist()
    assert last["said"] == last["top"][0]["p"]
    assert len(found["lens"]) == model.config.layers + 1


def test_the_draw_is_the_engines(asked: AsgiCalls) -> None:
    for seed in range(12):
        dials = {"seed": seed, "temperature": 0.9, "top_p": 0.95}
        body = {"model": "base", "prompt": TEXT, "max_tokens": 1, "logprobs": 0, **dials}
        said = asked.post("/v1/completions", body)["choices"][0]["text"]
        state = asked.post(STATE, {"model": "base", "text": TEXT, **dials})
        drawn = state["next"]["drawn"]["text"]
        assert said == ("\ufffd" if drawn is None else drawn)  # a part of a character


def test_an_earlier_token_is_read_alone(asked: AsgiCalls) -> None:
    """No token sees a later one: the state at a place is that of a document that ends there."""
    whole = asked.post(STATE, {"model": "base", "text": TEXT})
    early = asked.post(STATE, {"model": "base", "ids": whole["ids"], "at": 3})
    alone = asked.post(STATE, {"model": "base", "ids": whole["ids"][:3]})
    assert early["lens"] == alone["lens"]
    assert early["attention"] == alone["attention"]
    assert early["next"]["after"] == whole["ids"][3]
    assert early["ids"] == whole["ids"]


def test_far_tokens_are_one_column(asked: AsgiCalls) -> None:
    found = asked.post(STATE, {"model": "base", "ids": [0] + [70, 71] * 50})
    attention = found["attention"]
    assert attention["first"] == 101 - 64
    for layer, before in zip(attention["shares"], attention["earlier"]):
        for head, rest in zip(layer, before):
            assert len(head) == 64
            assert sum(head) + rest == pytest.approx(1, abs=0.01)


def test_a_stream_is_undisturbed(asked: AsgiCalls) -> None:
    body = {"model": "base", "prompt": TEXT, "max_tokens": 60, "seed": 5}
    alone = asked.post("/v1/completions", body)["choices"]

    async def together() -> Any:
        import asyncio

        states = (
            asked.client.post(STATE, json={"model": "base", "text": TEXT, "seed": n})
            for n in range(20)
        )
        stream, *told = await asyncio.gather(
            asked.client.post("/v1/completions", json=body), *states
        )
        assert {answer.status_code for answer in told} == {200}
        return stream.json()["choices"]

    assert asked.run(together()) == alone


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "x" * (MOST_CHARACTERS + 1)}, 400),
        ({"ids": [1] * (MOST_TOKENS + 1)}, 400),
        ({"ids": [-1]}, 400),
        ({"ids": [10**9]}, 400),
        ({"text": "x", "at": 0}, 400),
        ({"text": "x", "temperature": 3}, 400),
        ({"text": "x", "top_p": 0}, 400),
        ({"text": "x" * 4000, "model": "base"}, 400),  # more than its context
        ({"text": "x", "model": "../base"}, 404),
        ({"text": "x", "ids": "0.1"}, 400),
    ],
)
def test_what_is_refused(asked: AsgiCalls, body: dict[str, Any], status: int) -> None:
    found, error = asked.refused(STATE, body)
    assert found == status
    assert "\n" not in error["message"]


def test_a_large_body_is_not_read(page_lake: Lake) -> None:
    small = ServeConfig(max_body_bytes=1_000)
    with calls(make_served(*model_sources(page_lake, ()), config=small).app) as made:
        assert made.refused(STATE, {"text": "x" * 2_000})[0] == 413


def test_a_long_document_is_refused(tmp_path: Path) -> None:
    """Of a model that could read it: the pass would hold up everybody."""
    with calls(make_served(tiny_folder(tmp_path)).app) as made:
        assert made.send("POST", STATE, {"ids": [1] * MOST_TOKENS}).status_code == 200
        assert made.refused(STATE, {"ids": [1] * (MOST_TOKENS + 1)})[0] == 400
        assert made.refused(STATE, {"text": "x" * MOST_TOKENS})[0] == 400
        asked = {"ids": ".".join(["1"] * (MOST_TOKENS + 1))}
        assert made.run(made.client.get("/playground", params=asked)).status_code == 400


def test_what_an_address_says_stays_text(asked: AsgiCalls) -> None:
    def page(**query: str) -> str:
        html = {"accept": "text/html"}
        return asked.run(asked.client.get("/playground", params=query, headers=html)).text

    plain = kinds_of_elements(page(text="\u0001harmless\n"))
    for text in joined(ROOM // 4):  # of letters that may take four bytes
        assert kinds_of_elements(page(text=text)) <= plain, text
    for name in ("model", "ids", "at"):
        assert strange_elements(page(**{name: ALL})) == []
