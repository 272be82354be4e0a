"""`langchain-openai`, unmodified: chat, streams, tools, structured outputs, embeddings."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field
from serve_process import ServeProcess

langchain = pytest.importorskip("langchain_openai", reason="langchain-openai isn't installed")

ASKED = "What is 3 + 4?"


class Sky(BaseModel):
    """What the sky is like."""

    colour: Literal["blue", "grey"] = Field(description="of it")
    high: bool


class Calculator(BaseModel):
    """Works something out."""

    expression: str


@pytest.fixture
def chat(server: ServeProcess, model: str) -> Any:
    return langchain.ChatOpenAI(
        base_url=server.url,
        api_key="any",
        model=model,
        max_retries=0,
        temperature=0,
        max_completion_tokens=120,
        seed=1,
        stream_usage=True,
    )


def test_chat_whole_and_streamed(chat: Any) -> None:
    whole = chat.invoke([("system", "Be brief."), ("human", ASKED)])
    chunks = list(chat.stream([("system", "Be brief."), ("human", ASKED)]))
    assert "".join(chunk.content for chunk in chunks) == whole.content
    assert whole.content
    usage = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert usage[-1]["total_tokens"] == whole.usage_metadata["total_tokens"]


def test_tools_are_bound_called_and_answered(chat: Any) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    bound = chat.bind_tools([Calculator], tool_choice="Calculator", parallel_tool_calls=False)
    said = bound.invoke([HumanMessage(ASKED)])
    (call,) = said.tool_calls
    assert call["name"] == "Calculator"
    assert set(call["args"]) == {"expression"}
    streamed = None
    for chunk in bound.stream([HumanMessage(ASKED)]):
        streamed = chunk if streamed is None else streamed + chunk
    assert streamed is not None
    assert streamed.tool_calls == said.tool_calls
    answered = ToolMessage("7", tool_call_id=call["id"])
    assert chat.bind_tools([Calculator]).invoke([HumanMessage(ASKED), said, answered])


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_outputs(chat: Any, method: str) -> None:
    found = chat.with_structured_output(Sky, method=method).invoke(ASKED)
    assert isinstance(found, Sky)


def test_the_responses_api(server: ServeProcess, model: str) -> None:
    chat = langchain.ChatOpenAI(
        base_url=server.url, api_key="any", model=model, use_responses_api=True, temperature=0
    )
    whole = chat.invoke(ASKED)
    chunks = list(chat.stream(ASKED))
    assert whole.text
    assert "".join(chunk.text for chunk in chunks) == whole.text


def test_a_base_models_completions(server: ServeProcess, model: str) -> None:
    page = langchain.OpenAI(
        base_url=server.url, api_key="any", model=model, temperature=0, max_tokens=8
    )
    whole = page.invoke("What is")
    assert "".join(page.stream("What is")) == whole


def test_embeddings(server: ServeProcess, model: str) -> None:
    """LangChain counts tokens with OpenAI's tokenizer unless it is told to send texts."""
    vectors = langchain.OpenAIEmbeddings(
        base_url=server.url, api_key="any", model=model, check_embedding_ctx_length=False
    ).embed_documents(["Hello!", ASKED])
    assert len(vectors) == 2
    assert vectors[0] != vectors[1]
