"""`litellm`, unmodified, and without its price list from the net: chat, streams, tools, pages."""

import asyncio
import json
from typing import Any

import pytest
from serve_process import ServeProcess
from tool_model import STATED

ASKED = [{"role": "user", "content": "What is 3 + 4?"}]
TOOLS = [json.loads(STATED[0])]


@pytest.fixture(scope="module")
def litellm() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        return pytest.importorskip("litellm", reason="litellm isn't installed")


@pytest.fixture
def asked(server: ServeProcess, model: str) -> dict[str, Any]:
    return {
        "model": f"hosted_vllm/{model}",  # which is OpenAI's API under another name
        "api_base": server.url,
        "api_key": "any",
        "temperature": 0,
        "max_tokens": 60,
        "num_retries": 0,
    }


def test_chat_whole_streamed_and_asynchronous(litellm: Any, asked: dict[str, Any]) -> None:
    whole = litellm.completion(messages=ASKED, **asked)
    text = whole.choices[0].message.content
    assert text
    stream = litellm.completion(messages=ASKED, stream=True, **asked)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == text

    async def later() -> str:
        found = await litellm.acompletion(messages=ASKED, **asked)
        return str(found.choices[0].message.content)

    assert asyncio.run(later()) == text


@pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
def test_tools(litellm: Any, asked: dict[str, Any], model: str, provider: str) -> None:
    asked["model"] = f"{provider}/{model}"
    found = litellm.completion(messages=ASKED, tools=TOOLS, tool_choice="auto", **asked)
    (call,) = found.choices[0].message.tool_calls
    assert call.function.name == "calculator"
    answered = {"role": "tool", "tool_call_id": call.id, "content": "7"}
    talk = [*ASKED, found.choices[0].message.model_dump(), answered]
    again = litellm.completion(messages=talk, tools=TOOLS, **asked)
    assert again.choices[0].message.content.startswith("It is")


def test_pages_and_embeddings(
    litellm: Any, asked: dict[str, Any], server: ServeProcess, model: str
) -> None:
    page = asked | {"model": f"text-completion-openai/{model}"}
    assert litellm.text_completion(prompt="What is", **page).choices[0].text
    found = litellm.embedding(
        model=f"openai/{model}", input=["Hello!"], api_base=server.url, api_key="any"
    )
    assert len(found.data[0]["embedding"]) > 0


def test_mistakes_are_its_own_errors(litellm: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(messages=ASKED, **asked | {"temperature": 9})
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(messages=ASKED, **asked | {"model": "hosted_vllm/nobody"})
