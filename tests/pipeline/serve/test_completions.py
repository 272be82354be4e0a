"""POST /v1/completions as clients use it: prompts of all forms, samples, scores, streams."""

import asyncio
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from model_server import CONTEXT, LONG, Served, asking, make_served, until
from random_models import byte_tokenizer

from pipeline.export import load
from pipeline.model.engine import Engine
from pipeline.serve.config import ServeConfig

GREEDY = {"temperature": 0, "max_tokens": 12}


def ask(served: Served, *bodies: dict[str, Any]) -> list[Any]:
    """The answers to requests that are made together."""

    async def gather() -> list[Any]:
        async with asking(served) as client:
            asked = (client.post("/v1/completions", json=body) for body in bodies)
            return list(await asyncio.gather(*asked))

    return asyncio.run(gather())


def told(answer: Any) -> Any:
    """What does not differ from one time to the next."""
    body = answer.json()
    return body["choices"], body.get("usage")


def events(answer: Any) -> list[dict[str, Any]]:
    """The chunks of a stream, which ends as it should."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    *chunks, last, end = answer.text.split("\n\n")
    assert (last, end) == ("data: [DONE]", "")
    return [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]


def test_prompts_of_all_forms_are_the_same_prompts(model_folder: Path) -> None:
    served = make_served(model_folder)
    one, two, ids, lists, mixed = ask(
        served,
        {"prompt": "the cat", **GREEDY},
        {"prompt": ["the cat", "a dog"], **GREEDY},
        {"prompt": [0, *b_ids("the cat")], **GREEDY},
        {"prompt": [[0, *b_ids("the cat")], [0, *b_ids("a dog")]], **GREEDY},
        {"prompt": ["a dog", "the cat"], **GREEDY, "n": 2},
    )
    text = one.json()["choices"][0]["text"]
    assert len(text) > 3
    assert ids.json()["choices"][0]["text"] == text
    assert told(two) == told(lists)
    found = {c["index"]: c["text"] for c in mixed.json()["choices"]}
    dog = two.json()["choices"][1]["text"]
    assert found == {0: dog, 1: dog, 2: text, 3: text}
    assert one.json()["usage"] == {
        "prompt_tokens": 1 + len(b_ids("the cat")),
        "completion_tokens": 12,
        "total_tokens": 13 + len(b_ids("the cat")),
    }
    assert one.json()["object"] == "text_completion"
    assert one.json()["model"] == "tiny"


def b_ids(text: str) -> list[int]:
    return byte_tokenizer().encode(text)


def test_a_seed_gives_the_same_samples_and_none_gives_others(model_folder: Path) -> None:
    hot = {"prompt": "x", "temperature": 1.2, "max_tokens": 20, "n": 3}
    seeded, again, free, other, twice = ask(
        make_served(model_folder),
        {**hot, "seed": 5},
        {**hot, "seed": 5},
        hot,
        hot,
        {**hot, "n": 1, "prompt": ["x", "x"]},
    )
    texts = [choice["text"] for choice in seeded.json()["choices"]]
    assert len(set(texts)) == 3
    assert told(again) == told(seeded)
    assert told(free)[0] != told(other)[0]
    assert len({choice["text"] for choice in twice.json()["choices"]}) == 2


def test_echo_with_scores_is_what_the_engine_says(model_folder: Path) -> None:
    served = make_served(model_folder)
    ids = [0, *b_ids("the cat sat")]
    scored = {"echo": True, "logprobs": 2, "max_tokens": 1, "temperature": 0}
    by_ids, by_text, nothing, plain = ask(
        served,
        {"prompt": [ids], **scored},
        {"prompt": "the cat sat", **scored},
        {"prompt": [ids], **scored, "max_tokens": 0},
        {"prompt": "the cat sat", "echo": True, **GREEDY},
    )
    model = Engine(load(model_folder)[0], frozen=True)
    (wanted,) = model.prompt_logprobs([ids], 2)
    found = by_ids.json()["choices"][0]["logprobs"]
    assert found["token_logprobs"][: len(ids)] == wanted.logprobs
    assert found["token_logprobs"][0] is None
    assert found["top_logprobs"][0] is None
    assert len(found["tokens"]) == len(ids) + 1
    # lm-evaluation-harness takes a token for the greedy one if it equals the best exactly
    for own, best in zip(found["token_logprobs"][1:], found["top_logprobs"][1:]):
        assert own in best.values()
        assert own <= max(best.values())
    assert found["token_logprobs"][-1] == max(found["top_logprobs"][-1].values())
    # a text's first token is the one that begins a page; it is no part of the text
    text = by_text.json()["choices"][0]
    assert text["logprobs"]["token_logprobs"] == found["token_logprobs"]
    assert text["logprobs"]["tokens"][:4] == ["<|endoftext|>", "th", "e", " "]
    assert text["logprobs"]["text_offset"][:5] == [0, 0, 2, 3, 4]
    assert text["text"].startswith("the cat sat")
    assert by_ids.json()["choices"][0]["text"].startswith("<|endoftext|>the cat sat")
    told_nothing = nothing.json()["choices"][0]
    assert told_nothing["text"] == "<|endoftext|>the cat sat"
    assert told_nothing["logprobs"]["token_logprobs"] == wanted.logprobs
    assert told_nothing["finish_reason"] == "length"
    assert nothing.json()["usage"]["completion_tokens"] == 0
    assert plain.json()["choices"][0]["text"].startswith("the cat sat")
    assert plain.json()["choices"][0]["logprobs"] is None


def test_scores_of_what_is_sampled(model_folder: Path) -> None:
    hot = {"prompt": "x", "temperature": 0.7, "top_k": 5, "seed": 1, "max_tokens": 8}
    none, zero, three = ask(
        make_served(model_folder), hot, {**hot, "logprobs": 0}, {**hot, "logprobs": 3}
    )
    choice = three.json()["choices"][0]
    assert none.json()["choices"][0]["text"] == choice["text"]
    assert zero.json()["choices"][0]["logprobs"]["top_logprobs"] is None
    found = choice["logprobs"]
    assert zero.json()["choices"][0]["logprobs"]["token_logprobs"] == found["token_logprobs"]
    for token, own, best in zip(found["tokens"], found["token_logprobs"], found["top_logprobs"]):
        assert best[token] == own
        assert 3 <= len(best) <= 4
        assert sum(map(math.exp, best.values())) <= 1 + 1e-6  # nothing left out, nothing scaled


def test_the_best_of_several(model_folder: Path) -> None:
    hot = {"prompt": "x", "temperature": 1.5, "seed": 1, "max_tokens": 10, "logprobs": 0}
    every, best, two = ask(
        make_served(model_folder),
        {**hot, "n": 6},
        {**hot, "best_of": 6},
        {**hot, "best_of": 6, "n": 2},
    )

    def mean(choice: Any) -> float:
        scores = choice["logprobs"]["token_logprobs"]
        return sum(scores) / len(scores)

    ranked = sorted(every.json()["choices"], key=mean, reverse=True)
    assert [c["text"] for c in best.json()["choices"]] == [ranked[0]["text"]]
    assert [c["text"] for c in two.json()["choices"]] == [c["text"] for c in ranked[:2]]
    assert [c["index"] for c in two.json()["choices"]] == [0, 1]
    assert best.json()["usage"]["completion_tokens"] == 60


def test_stop_strings_and_what_goes_on(model_folder: Path) -> None:
    free = {"prompt": "x", "temperature": 0, "max_tokens": 40}
    (plain,) = ask(make_served(model_folder), free)
    text = plain.json()["choices"][0]["text"]
    at = next(
        n for n in range(8, 30) if text[n : n + 2].isascii() and text[n : n + 2] not in text[:n]
    )
    stop = text[at : at + 2]
    one, many, stream, eos = ask(
        make_served(model_folder),
        {**free, "stop": stop},
        {**free, "stop": ["\N{SNOWMAN}", stop]},
        {**free, "stop": stop, "stream": True},
        {**free, "ignore_eos": True, "logit_bias": {"0": 100}, "max_tokens": 5},
    )
    for answer in (one, many):
        assert answer.json()["choices"][0]["text"] == text[:at]
        assert answer.json()["choices"][0]["finish_reason"] == "stop"
    chunks = events(stream)
    assert "".join(c["choices"][0]["text"] for c in chunks) == text[:at]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert eos.json()["usage"]["completion_tokens"] == 5
    assert eos.json()["choices"][0]["finish_reason"] == "length"
    forced = {**free, "logit_bias": {"0": 100}}
    ended, silent = ask(
        make_served(model_folder), forced | {"logprobs": 1}, forced | {"stream": True}
    )
    (only,) = events(silent)
    assert (only["choices"][0]["text"], only["choices"][0]["finish_reason"]) == ("", "stop")
    choice = ended.json()["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == ("", "stop")
    assert choice["logprobs"]["tokens"] == ["<|endoftext|>"]


@pytest.mark.parametrize("more", [{}, {"logprobs": 2}, {"logprobs": 1, "echo": True}])
def test_a_stream_says_what_the_whole_answer_says(model_folder: Path, more: Any) -> None:
    body = {"prompt": ["x\N{SNOWMAN}", "yy"], "n": 2, "seed": 3, "max_tokens": 50, **more}
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    whole, stream, plain = ask(
        make_served(model_folder), body, {**body, **usage}, {**body, "stream": True}
    )
    *chunks, last = events(stream)
    assert last["choices"] == []
    assert last["usage"] == whole.json()["usage"]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert not any("usage" in chunk for chunk in events(plain))
    for choice in whole.json()["choices"]:
        own = [c for chunk in chunks for c in chunk["choices"] if c["index"] == choice["index"]]
        assert "".join(c["text"] for c in own) == choice["text"]
        assert [c["finish_reason"] for c in own][-1] == choice["finish_reason"]
        assert all(c["finish_reason"] is None for c in own[:-1])
        if choice["logprobs"]:
            for name, values in choice["logprobs"].items():
                parts = [c["logprobs"][name] for c in own if c["logprobs"]]
                assert [value for part in parts for value in part] == values
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_answers_are_the_same_to_the_bit_whatever_the_load(model_folder: Path) -> None:
    rng = random.Random(0)

    def drawn(number: int) -> dict[str, Any]:
        return {
            "prompt": rng.choice(["a", ["b", "cc"], [5, 6, 7], "the cat " * rng.randrange(30)]),
            "seed": number,
            "max_tokens": rng.randrange(1, 60),
            "temperature": rng.choice([0, 0.8, 1.4]),
            "logprobs": rng.choice([None, 0, 2]),
            "echo": rng.random() < 0.3,
            "n": rng.choice([1, 2]),
            "stop": rng.choice([None, "e", ["q", "zz"]]),
        }

    bodies = [drawn(number) for number in range(16)]
    crowded = ServeConfig(max_rows=6, tokens_per_step=24)
    together = ask(make_served(model_folder, config=crowded), *bodies)
    for body, answer in zip(bodies, together):
        assert answer.status_code == 200
        (alone,) = ask(make_served(model_folder), body)
        assert told(answer) == told(alone)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "prompt"),
    ({"prompt": ""} | {"prompt": None}, "prompt"),
    ({"prompt": []}, "prompt"),
    ({"prompt": [[]]}, "prompt"),
    ({"prompt": ["a", [1]]}, "prompt"),
    ({"prompt": [1, "a"]}, "prompt"),
    ({"prompt": [True]}, "prompt"),
    ({"prompt": [1.5]}, "prompt"),
    ({"prompt": [-1]}, "prompt"),
    ({"prompt": [10**30]}, "prompt"),
    ({"prompt": [10_000]}, "prompt"),
    ({"prompt": {"text": "a"}}, "prompt"),
    ({"prompt": [1] * CONTEXT}, "prompt"),
    ({"prompt": "x " * CONTEXT}, "prompt"),
    ({"prompt": ["x"] * 300}, "prompt"),
    ({"prompt": "x", "max_tokens": -1}, "max_tokens"),
    ({"prompt": "x", "max_tokens": 0}, "max_tokens"),
    ({"prompt": "x", "max_tokens": "5"}, "max_tokens"),
    ({"prompt": "x", "max_tokens": 1.5}, "max_tokens"),
    ({"prompt": "x", "max_tokens": True}, "max_tokens"),
    ({"prompt": "x", "temperature": 2.1}, "temperature"),
    ({"prompt": "x", "temperature": "hot"}, "temperature"),
    ({"prompt": "x", "top_p": 1.5}, "top_p"),
    ({"prompt": "x", "top_k": -1}, "top_k"),
    ({"prompt": "x", "min_p": 2}, "min_p"),
    ({"prompt": "x", "n": 0}, "n"),
    ({"prompt": "x", "n": 1_000}, "n"),
    ({"prompt": "x", "n": 3, "best_of": 2}, "best_of"),
    ({"prompt": "x", "best_of": 2, "stream": True}, "best_of"),
    ({"prompt": "x", "best_of": 1_000}, "best_of"),
    ({"prompt": "x", "logprobs": 21}, "logprobs"),
    ({"prompt": "x", "logprobs": True}, "logprobs"),
    ({"prompt": "x", "stop": ["a"] * 17}, "stop"),
    ({"prompt": "x", "stop": ""}, "stop"),
    ({"prompt": "x", "stop": [1]}, "stop"),
    ({"prompt": "x", "stop": "a" * 300}, "stop"),
    ({"prompt": "x", "seed": 2**70}, "seed"),
    ({"prompt": "x", "suffix": "end"}, "suffix"),
    ({"prompt": "x", "presence_penalty": 0.5}, "presence_penalty"),
    ({"prompt": "x", "frequency_penalty": 0.5}, "frequency_penalty"),
    ({"prompt": "x", "logit_bias": {"a": 1}}, "logit_bias"),
    ({"prompt": "x", "logit_bias": {"99999": 1}}, "logit_bias"),
    ({"prompt": "x", "logit_bias": {"5": 101}}, "logit_bias"),
    ({"prompt": "x", "logit_bias": {"5": "x"}}, "logit_bias.5"),
    ({"prompt": "x", "logit_bias": [1]}, "logit_bias"),
    ({"prompt": "x", "stream": "yes"}, "stream"),
    ({"prompt": "x", "stream_options": {"include_usage": 3}}, "stream_options.include_usage"),
    ({"prompt": "x", "model": 5}, "model"),
]


def test_wrong_values_are_named(model_folder: Path) -> None:
    answers = ask(make_served(model_folder), *(body for body, _ in WRONG))
    for (body, param), answer in zip(WRONG, answers):
        shown = str(body)[:200]
        assert answer.status_code == 400, shown
        error = answer.json()["error"]
        assert error["param"] == param, shown
        assert error["type"] == "invalid_request_error"
        assert param.split(".")[0] in error["message"], shown
        assert len(error["message"]) < 300
        assert set(error) == {"message", "type", "param", "code"}


def test_what_may_be_left_out_or_is_not_known(model_folder: Path) -> None:
    odd = {"user": "u", "store": True, "metadata": {"a": 1}, "suffix": "", "stop": None}
    odd |= {"logit_bias": None, "presence_penalty": 0, "n": None, "temperature": None}
    odd |= {"max_tokens": None, "best_of": None, "top_p": 0, "stream": None}
    (answer,) = ask(make_served(model_folder), {"prompt": "x", **odd})
    assert answer.status_code == 200
    assert answer.json()["usage"]["completion_tokens"] <= 16


def test_logit_bias_bans_and_forces(model_folder: Path) -> None:
    (token,) = b_ids("q")
    always = {"prompt": "x", "logit_bias": {str(token): 100}, "max_tokens": 5}
    forced, held, banned = ask(
        make_served(model_folder),
        always,
        always | {"stop": "q\N{SNOWMAN}"},
        {"prompt": "x", **GREEDY, "logprobs": 0},
    )
    # what might have become a stop string is text in the end
    assert [a.json()["choices"][0]["text"] for a in (forced, held)] == ["qqqqq"] * 2
    first = banned.json()["choices"][0]["logprobs"]["tokens"][0]
    (id,) = [n for n, own in enumerate(byte_tokenizer().token_bytes) if as_told(own) == first]
    (other,) = ask(
        make_served(model_folder),
        {"prompt": "x", **GREEDY, "logprobs": 0, "logit_bias": {str(id): -100}},
    )
    assert other.json()["choices"][0]["logprobs"]["tokens"][0] != first


def as_told(own: bytes) -> str:
    """A token of one byte, as `logprobs` write it."""
    return own.decode() if own.isascii() else f"bytes:\\x{own[0]:02x}"


def test_a_full_queue_is_said_with_when_to_come_again(model_folder: Path) -> None:
    config = ServeConfig(max_rows=1, max_queued=1, max_queued_per_client=1)
    long = {"prompt": "x", "max_tokens": LONG, "ignore_eos": True}
    for stream in (False, True):
        answers = ask(make_served(model_folder, config=config), *[long | {"stream": stream}] * 4)
        refused = [answer for answer in answers if answer.status_code != 200]
        assert len(refused) in (2, 3)  # one may come before the thread has taken the first
        for answer in refused:
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["error"]["code"] == "queue_full"


def test_a_request_that_takes_too_long(model_folder: Path) -> None:
    served = make_served(model_folder, config=ServeConfig(request_timeout_seconds=0.02))
    long = {"prompt": "x", "max_tokens": LONG, "n": 20, "ignore_eos": True}

    async def both() -> tuple[Any, Any]:
        async with asking(served) as client:
            await served.models.get(None)
            answers = [
                await client.post("/v1/completions", json=long | {"stream": stream})
                for stream in (False, True)
            ]
            await until(lambda: not served.rows)
            return answers[0], answers[1]

    whole, stream = asyncio.run(both())
    assert whole.status_code == 504
    assert whole.json()["error"]["code"] == "timeout"
    last = json.loads(stream.text.split("\n\n")[-2].removeprefix("data: "))
    assert last["error"]["code"] == "timeout"


def test_a_broken_step_is_500_without_a_word_of_the_inside(poisoned_folder: Path) -> None:
    served = make_served(poisoned_folder)
    well = {"prompt": "x", "logit_bias": {str(b_ids("\0")[0]): -100}}
    whole, stream = ask(
        served, {**well, "prompt": "a\0"}, {**well, "prompt": "a\0", "stream": True}
    )
    assert whole.status_code == 500
    error = whole.json()["error"]
    assert error["type"] == "server_error"
    for secret in ("Traceback", "finite", "Error(", "/"):
        assert secret not in whole.text
        assert secret not in stream.text.replace("text/", "")
    assert json.loads(stream.text.split("\n\n")[-2].removeprefix("data: "))["error"] == error
    (after,) = ask(make_served(poisoned_folder), well)
    assert after.status_code == 200
