"""The `openai` package, unmodified: completions, chat, tools, structured outputs, errors."""

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from serve_process import ServeProcess
from tool_model import STATED, tool_model  # noqa: F401

from pipeline.model import load
from pipeline.model.engine import Engine

openai = pytest.importorskip("openai", reason="the openai package isn't installed")

ASKED: list[Any] = [{"role": "user", "content": "What is 3 + 4?"}]
TOOLS: list[Any] = [json.loads(STATED[0])]


class Weather(BaseModel):
    """With a number, a text and a list, which a poor model would never end."""

    sky: Literal["clear", "cloudy"]
    degrees: int
    words: str
    winds: list[Literal["north", "south"]]


@pytest.fixture
def client(server: ServeProcess) -> Any:
    with openai.OpenAI(base_url=server.url, api_key="any", max_retries=0) as found:
        yield found


def test_models(client: Any, model: str) -> None:
    assert [found.id for found in client.models.list()] == [model]
    assert client.models.retrieve(model).owned_by == "crawl2chat"


def test_completions_are_the_engines(client: Any, model: str, tool_model: Path) -> None:  # noqa: F811
    weights, tokenizer = load(tool_model)
    prompt = [tokenizer.document_token, *tokenizer.encode("What is")]
    ((greedy,),) = Engine(weights).generate(
        [prompt],
        max_new_tokens=12,
        temperature=0,
        stop_tokens=tokenizer.stop_tokens,
        tokenizer=tokenizer,
    )
    for form in ("What is", ["What is"], prompt, [prompt]):
        asked = {"model": model, "prompt": form, "max_tokens": 12, "temperature": 0}
        assert client.completions.create(**asked).choices[0].text == greedy.text
        stream = client.completions.create(**asked, stream=True)
        assert "".join(chunk.choices[0].text for chunk in stream) == greedy.text


def test_log_probabilities_of_completions(client: Any, model: str) -> None:
    found = client.completions.create(
        model=model, prompt="What is", max_tokens=4, temperature=0, logprobs=3, echo=True
    ).choices[0]
    told = found.logprobs
    assert told.token_logprobs[0] is None
    assert len(told.tokens) == len(told.token_logprobs) == len(told.text_offset)
    for token, logprob, top in list(zip(told.tokens, told.token_logprobs, told.top_logprobs))[-4:]:
        assert top[token] == logprob == max(top.values())
    assert found.text.startswith("What is")


def test_several_samples_of_several_prompts(client: Any, model: str) -> None:
    asked = {"model": model, "max_tokens": 8, "temperature": 1.5, "seed": 4}
    many = client.completions.create(prompt=["What", "Hello"], n=3, **asked).choices
    assert [choice.index for choice in many] == list(range(6))
    assert len({choice.text for choice in many}) > 2
    again = client.completions.create(prompt=["What", "Hello"], n=3, **asked).choices
    assert [choice.text for choice in again] == [choice.text for choice in many]
    alone = client.completions.create(prompt="Hello", n=3, **asked).choices
    assert [choice.text for choice in alone] == [choice.text for choice in many[3:]]


def test_chat_whole_and_streamed(client: Any, model: str) -> None:
    asked = {"model": model, "messages": ASKED, "temperature": 1.2, "seed": 3}
    whole = client.chat.completions.create(**asked, max_completion_tokens=30)
    assert whole.choices[0].message.role == "assistant"
    with client.chat.completions.stream(
        **asked, max_completion_tokens=30, stream_options={"include_usage": True}
    ) as stream:
        for _ in stream:
            pass
        found = stream.get_final_completion()
    assert found.choices[0].message.content == whole.choices[0].message.content
    assert found.usage == whole.usage
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens


def test_log_probabilities_of_chat(client: Any, model: str) -> None:
    found = client.chat.completions.create(
        model=model, messages=ASKED, temperature=0, logprobs=True, top_logprobs=2
    ).choices[0]
    for entry in found.logprobs.content:
        assert entry.logprob == entry.top_logprobs[0].logprob
        assert entry.bytes == list(entry.token.encode())
    written = "".join(entry.token for entry in found.logprobs.content)
    assert written.startswith(found.message.content)


def test_a_tool_is_called_and_answered(client: Any, model: str) -> None:
    asked: dict[str, Any] = {"model": model, "temperature": 0, "tools": TOOLS}
    first = client.chat.completions.create(messages=ASKED, **asked).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls
    assert call.function.name == "calculator"
    assert list(json.loads(call.function.arguments)) == ["expression"]
    talk = [
        *ASKED,
        first.message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "7"},
    ]
    second = client.chat.completions.create(messages=talk, **asked).choices[0]
    assert second.finish_reason == "stop"
    assert second.message.content.startswith("It is")


def test_a_tool_can_be_asked_for_and_forbidden(client: Any, model: str) -> None:
    named = {"type": "function", "function": {"name": "calculator"}}
    for choice in ("required", named):
        found = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "Hello!"}],
            tools=TOOLS,
            tool_choice=choice,
            parallel_tool_calls=False,
            temperature=0,
        )
        assert len(found.choices[0].message.tool_calls) == 1
    found = client.chat.completions.create(
        model=model, messages=ASKED, tools=TOOLS, tool_choice="none", max_tokens=20
    )
    assert not found.choices[0].message.tool_calls


def test_structured_outputs_are_parsed(client: Any, model: str) -> None:
    """Whatever the model would like to say."""
    for seed in range(4):
        asked = {"model": model, "messages": ASKED, "temperature": 2.0, "seed": seed}
        asked["max_completion_tokens"] = 100
        parsed = client.chat.completions.parse(**asked, response_format=Weather)
        assert isinstance(parsed.choices[0].message.parsed, Weather)


def test_a_tool_of_a_model_is_parsed(client: Any, model: str) -> None:
    class Look(BaseModel):
        """Look out of a window."""

        window: Literal["left", "right"]

    parsed = client.chat.completions.parse(
        model=model,
        messages=ASKED,
        tools=[openai.pydantic_function_tool(Look)],
        tool_choice="required",
    )
    (call, *_) = parsed.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Look)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("most", [120, 14])
def test_a_stream_of_calls_is_the_whole(client: Any, model: str, parallel: bool, most: int) -> None:
    """By the package's own helper, and chunk by chunk; also where a limit cuts the call."""
    asked: dict[str, Any] = {"model": model, "messages": ASKED, "tools": TOOLS, "seed": 2}
    asked |= {"tool_choice": "required", "parallel_tool_calls": parallel, "temperature": 1.5}
    asked["max_completion_tokens"] = most
    whole = client.chat.completions.create(**asked).choices[0]
    calls = [call.function for call in whole.message.tool_calls]
    assert whole.finish_reason == ("tool_calls" if most == 120 else "length")
    pieces: list[list[str]] = []
    for chunk in client.chat.completions.create(**asked, stream=True):
        for part in chunk.choices[0].delta.tool_calls or ():
            if part.index == len(pieces):
                assert (part.type, part.function.arguments) == ("function", "")
                assert part.function.name == calls[part.index].name
                pieces.append([])
            pieces[-1].append(part.function.arguments)
    assert ["".join(one) for one in pieces] == [call.arguments for call in calls]
    assert len(pieces[0]) > 1
    told: list[Any] = []
    with client.chat.completions.stream(**asked) as stream:
        try:
            told += (one for one in stream if one.type == "tool_calls.function.arguments.delta")
            found = stream.get_final_completion().choices[0]
        except openai.LengthFinishReasonError as cut:  # which the package makes of a cut one
            found = cut.completion.choices[0]
    assert found.finish_reason == whole.finish_reason
    assert [c.function.arguments for c in found.message.tool_calls] == [c.arguments for c in calls]
    deltas = [[one.arguments_delta for one in told if one.index == n] for n in range(len(calls))]
    assert ["".join(one) for one in deltas] == [call.arguments for call in calls]


def test_embeddings_in_both_encodings(client: Any, model: str) -> None:
    asked: dict[str, Any] = {"model": model, "input": ["Hello!", "What is 3 + 4?"]}
    packed = client.embeddings.create(**asked).data  # base64, which the package asks for
    plain = client.embeddings.create(**asked, encoding_format="float").data
    for one, other in zip(packed, plain):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
        assert sum(value**2 for value in one.embedding) == pytest.approx(1, abs=1e-5)
    assert packed[0].embedding != packed[1].embedding


def test_many_at_a_time_get_what_each_gets_alone(server: ServeProcess, model: str) -> None:
    """Also the asynchronous client; to the bit, whatever the load."""

    async def ask(client: Any, number: int) -> Any:
        found = await client.chat.completions.create(
            model=model,
            messages=ASKED,
            temperature=1.3,
            seed=number,
            logprobs=True,
            max_completion_tokens=40,
        )
        return found.choices[0].message.content, [
            e.logprob for e in found.choices[0].logprobs.content
        ]

    async def all_of_them(at_a_time: int) -> list[Any]:
        async with openai.AsyncOpenAI(base_url=server.url, api_key="any", max_retries=0) as client:
            gate = asyncio.Semaphore(at_a_time)

            async def one(number: int) -> Any:
                async with gate:
                    return await ask(client, number)

            return await asyncio.gather(*map(one, range(24)))

    assert asyncio.run(all_of_them(24)) == asyncio.run(all_of_them(1))


def test_an_asynchronous_stream_that_is_left_early(server: ServeProcess, model: str) -> None:
    async def some() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.url, api_key="any", max_retries=0) as client:
            stream = await client.completions.create(
                model=model, prompt="What", max_tokens=300, stream=True, temperature=1
            )
            found = []
            async for chunk in stream:
                found.append(chunk.choices[0].text)
                break
            await stream.close()
            return found

    assert len(asyncio.run(some())) == 1


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str | None]] = {
    "a model that isn't there": ({"model": "nobody"}, openai.NotFoundError, "model"),
    "too hot": ({"temperature": 9}, openai.BadRequestError, "temperature"),
    "no messages": ({"messages": []}, openai.BadRequestError, "messages"),
    "a role that there isn't": (
        {"messages": [{"role": "robot", "content": "x"}]},
        openai.BadRequestError,
        "messages[0].role",
    ),
    "an image": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": ""}}]}
            ]
        },
        openai.BadRequestError,
        "messages[0].content[0].type",
    ),
    "too long": (
        {"messages": [{"role": "user", "content": "word " * 500}]},
        openai.BadRequestError,
        "messages",
    ),
    "a penalty": ({"presence_penalty": 1}, openai.BadRequestError, "presence_penalty"),
    "a schema that is none": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        openai.BadRequestError,
        "response_format.json_schema.schema",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_mistakes_raise_the_packages_own_errors(mistake: str, client: Any, model: str) -> None:
    more, kind, param = WRONG[mistake]
    with pytest.raises(kind) as raised:
        client.chat.completions.create(**{"model": model, "messages": ASKED, **more})
    assert raised.value.param == param  # type: ignore[attr-defined]
    assert raised.value.type  # type: ignore[attr-defined]


def test_a_key_that_is_wrong_raises_too(tool_model: Path) -> None:  # noqa: F811
    from serve_process import serve_process

    with serve_process("--model", tool_model, key="sk-right") as server:
        for key, fine in (("sk-wrong", False), ("sk-right", True)):
            with openai.OpenAI(base_url=server.url, api_key=key, max_retries=0) as client:
                if fine:
                    assert client.models.list().data
                    continue
                with pytest.raises(openai.AuthenticationError):
                    client.models.list()
        assert "sk-" not in server.log.read_text()
