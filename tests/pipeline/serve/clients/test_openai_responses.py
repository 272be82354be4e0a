"""The `openai` package's responses, and each answer and event held to Open Responses' own types."""

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, TypeAdapter
from serve_process import ServeProcess
from tool_model import STATED

openai = pytest.importorskip("openai", reason="the openai package isn't installed")
types = pytest.importorskip("openresponses_types", reason="openresponses-types isn't installed")

FUNCTION = json.loads(STATED[0])["function"]
TOOLS: list[Any] = [{"type": "function", **FUNCTION}]
ASKED = "What is 3 + 4?"


class Answer(BaseModel):
    right: bool
    digits: list[Literal["one", "two"]]


@pytest.fixture
def client(server: ServeProcess) -> Any:
    with openai.OpenAI(base_url=server.url, api_key="any", max_retries=0) as found:
        yield found


def test_a_text_and_what_follows_it(client: Any, model: str) -> None:
    first = client.responses.create(model=model, input=ASKED, temperature=0)
    assert first.status == "completed"
    assert first.output_text
    again = client.responses.retrieve(first.id)
    assert again.output_text == first.output_text
    asked = {"model": model, "temperature": 0, "instructions": "Be brief."}
    chained = client.responses.create(
        **asked, input="Hello!", previous_response_id=first.id, store=False
    )
    whole = [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": first.output_text},
        {"role": "user", "content": "Hello!"},
    ]
    assert chained.output_text == client.responses.create(**asked, input=whole).output_text
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(chained.id)  # it wasn't to be stored
    client.responses.delete(first.id)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(**asked, input="Hello!", previous_response_id=first.id)
    assert raised.value.param == "previous_response_id"


def test_events_are_those_of_the_standard_and_make_the_response(client: Any, model: str) -> None:
    events = []
    asked = {"model": model, "input": ASKED, "temperature": 1.2, "extra_body": {"seed": 1}}
    with client.responses.stream(**asked) as stream:
        for happened in stream:
            events.append(happened)
        final = stream.get_final_response()
    kinds = [happened.type for happened in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [happened.sequence_number for happened in events] == list(range(len(events)))
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text
    whole = client.responses.create(**asked)
    assert whole.output_text == final.output_text


def test_a_call_and_its_output(client: Any, model: str) -> None:
    asked: dict[str, Any] = {"model": model, "tools": TOOLS, "temperature": 0}
    first = client.responses.create(input=ASKED, **asked)
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert list(json.loads(call.arguments)) == ["expression"]
    given = {"type": "function_call_output", "call_id": call.call_id, "output": "7"}
    chained = client.responses.create(input=[given], previous_response_id=first.id, **asked)
    assert chained.output_text.startswith("It is")
    whole = [{"role": "user", "content": ASKED}, call.to_dict(), given]
    assert client.responses.create(input=whole, **asked).output_text == chained.output_text


def test_a_stream_of_calls_makes_the_response(client: Any, model: str) -> None:
    asked: dict[str, Any] = {"model": model, "input": ASKED, "tools": TOOLS, "temperature": 1.5}
    asked |= {"tool_choice": "required", "extra_body": {"seed": 2}, "max_output_tokens": 120}
    whole = client.responses.create(**asked)
    with client.responses.stream(**asked) as stream:
        told = [one for one in stream if one.type == "response.function_call_arguments.delta"]
        final = stream.get_final_response()
    for index, (item, other) in enumerate(zip(final.output, whole.output, strict=True)):
        assert item.arguments == other.arguments
        deltas = [one.delta for one in told if one.output_index == index]
        assert "".join(deltas) == item.arguments
        assert deltas


def test_structured_outputs_are_parsed(client: Any, model: str) -> None:
    for seed in range(3):
        parsed = client.responses.parse(
            model=model, input=ASKED, text_format=Answer, temperature=2, extra_body={"seed": seed}
        )
        assert isinstance(parsed.output_parsed, Answer)


@pytest.mark.parametrize("more", [{}, {"tools": TOOLS}, {"max_output_tokens": 2}])
def test_answers_are_of_the_standards_types(
    more: dict[str, Any], server: ServeProcess, model: str
) -> None:
    import httpx

    asked = {"model": model, "input": ASKED, "temperature": 0, **more}
    body = httpx.post(f"{server.url}/responses", json=asked).json()
    TypeAdapter(types.ResponseResource).validate_python(body)
    sent = httpx.post(f"{server.url}/responses", json={**asked, "stream": True}).text
    events = [json.loads(line[6:]) for line in sent.splitlines() if line.startswith("data: {")]
    assert events[-1]["type"] in ("response.completed", "response.incomplete")
    TypeAdapter(types.ResponseResource).validate_python(events[-1]["response"])
    for happened in events:
        name = "".join(part.title() for part in happened["type"].replace(".", "_").split("_"))
        kind = getattr(types, f"{name}StreamingEvent", None)
        assert kind is not None, happened["type"]
        TypeAdapter(kind).validate_python(happened)
