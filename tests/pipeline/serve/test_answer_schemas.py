"""The OpenAPI document and the server's true answers say the same, each field of both."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from asgi_calls import AsgiCalls, calls
from tool_model import STATED, tool_model  # noqa: F401

from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from pipeline.serve.server_tools import ServerTools
from pipeline.tools.config import ToolLimits
from pipeline.tools.tool import Tool
from pipeline.tools.toolbox import Toolbox

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema isn't installed")

CALCULATOR = json.loads(STATED[0])
FLAT = {"type": "function", **CALCULATOR["function"]}
ASKED = [{"role": "user", "content": "What is 3 + 4?"}]
CHAT: list[dict[str, Any]] = [
    {"messages": ASKED, "max_tokens": 6},
    {"messages": ASKED, "logprobs": True, "top_logprobs": 2, "n": 2, "max_tokens": 4},
    {"messages": ASKED, "tools": [CALCULATOR], "tool_choice": "required"},
    {"messages": ASKED, "temperature": 0},  # the server's own calculator
]
PAGES: list[dict[str, Any]] = [
    {"prompt": "What is", "max_tokens": 4},
    {"prompt": ["What", "Hm"], "max_tokens": 4, "logprobs": 2, "echo": True, "n": 2},
    {"prompt": "What is", "max_tokens": 4, "logprobs": 0},
]
RESPONSES: list[dict[str, Any]] = [
    {"input": "What is 3 + 4?", "max_output_tokens": 3, "metadata": {"a": "b"}},
    {"input": "What is 3 + 4?", "tools": [FLAT], "tool_choice": "required", "instructions": "Be."},
    {
        "input": "What is 3 + 4?",
        "temperature": 0,
        "top_logprobs": 2,
        "include": ["message.output_text.logprobs"],
    },
]
OTHERS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/tiny", None),
    ("POST", "/v1/embeddings", {"input": ["a", "b"]}),
    ("POST", "/v1/embeddings", {"input": "a", "encoding_format": "base64"}),
    ("POST", "/tokenize", {"prompt": "What", "return_token_strs": True}),
    ("POST", "/tokenize", {"prompt": "<|endoftext|>", "add_special_tokens": False}),
    ("POST", "/detokenize", {"tokens": [1, 2]}),
    ("GET", "/tokenizer_info", None),
    ("GET", "/health", None),
    ("GET", "/ready", None),
]
# Fields that no answer of this server ever fills: an error ends a response, a key asks for one.
NEVER = {("FailureFields", "code"), ("FailureFields", "message")}


@pytest.fixture(scope="module")
def served(tool_model: Path) -> Iterator[AsgiCalls]:  # noqa: F811
    function = CALCULATOR["function"]
    tool = Tool(function["name"], "", function["parameters"], lambda _: "7", ToolLimits())
    models = LoadedModels([ModelSource("tiny", lambda: tool_model)], ServeConfig())
    with calls(create_app(models, tools=ServerTools(Toolbox((tool,))))) as made:
        yield made


class Document:
    """The OpenAPI document, which remembers what of it was seen in answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.seen: set[tuple[str, str]] = set()

    def hold(self, method: str, path: str, answer: Any, status: str = "200") -> None:
        """An answer in one piece is of the route's schema."""
        content = self.document["paths"][path][method.lower()]["responses"][status]["content"]
        self.check(answer, content["application/json"]["schema"])

    def hold_event(self, path: str, data: Any) -> None:
        """So are an event's data."""
        content = self.document["paths"][path]["post"]["responses"]["200"]["content"]
        event = content["text/event-stream"]["schema"]
        self.check(data, event["properties"]["data"]["anyOf"][1]["contentSchema"])

    def check(self, value: Any, schema: dict[str, Any]) -> None:
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(whole).validate(value)
        self._see(value, schema)

    def _see(self, value: Any, schema: Mapping[str, Any]) -> None:
        """Note each field that is there, by the name of its object."""
        for one in self._fitting(value, schema):
            if isinstance(value, dict):
                for name, inner in one.get("properties", {}).items():
                    if name in value:
                        self.seen.add((one["title"], name))
                        self._see(value[name], inner)
            elif isinstance(value, list):
                for item in value:
                    self._see(item, one.get("items", {}))

    def _fitting(self, value: Any, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self.document["components"]["schemas"][name]
        for one in schema.get("anyOf", ()):
            whole = {**one, "components": self.document["components"]}
            if jsonschema.Draft202012Validator(whole).is_valid(value):
                yield from self._fitting(value, one)
        if "anyOf" not in schema:
            yield schema

    def fields(self) -> set[tuple[str, str]]:
        """All that answers of the API have, by the document."""
        found: set[tuple[str, str]] = set()

        def collect(schema: Any) -> None:
            if isinstance(schema, list):
                for one in schema:
                    collect(one)
            elif isinstance(schema, dict):
                if "$ref" in schema:
                    name = schema["$ref"].rpartition("/")[2]
                    collect(self.document["components"]["schemas"][name])
                if schema.get("additionalProperties") is False:
                    found.update((schema["title"], name) for name in schema["properties"])
                for one in schema.values():
                    collect(one)

        for path in self.document["paths"].values():
            for operation in path.values():
                collect(operation["responses"])
        return found


def stream(served: AsgiCalls, path: str, asked: dict[str, Any]) -> list[Any]:
    lines = served.send("POST", path, {**asked, "stream": True}).text.split("\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    return [json.loads(one) for one in data[:-1]]


def test_answers_are_what_the_document_says_and_no_more(served: AsgiCalls) -> None:
    document = Document(served.send("GET", "/openapi.json").json())
    asked = [("/v1/chat/completions", one) for one in CHAT]
    asked += [("/v1/completions", one) for one in PAGES]
    for path, body in asked:
        document.hold("POST", path, served.post(path, body))
        usage = {**body, "stream_options": {"include_usage": True}}
        for event in stream(served, path, usage):
            document.hold_event(path, event)
    for body in RESPONSES:
        path = "/v1/responses"
        made = served.post(path, body)
        document.hold("POST", path, made)
        for event in stream(served, path, body):
            document.hold_event(path, event)
        own, one = f"{path}/{made['id']}", path + "/{response_id}"
        document.hold("GET", one, served.send("GET", own).json())
        document.hold("DELETE", one, served.send("DELETE", own).json())
    for method, path, body in OTHERS:
        answer = served.send(method, path, body)
        assert answer.status_code == 200, answer.text
        document.hold(method, path.replace("/tiny", "/{id}"), answer.json())
    for path in ("/v1/chat/completions", "/tokenize"):
        answer = served.send("POST", path, {"model": "nobody"})
        document.hold("POST", path, answer.json(), "4XX")
        document.hold("POST", path, answer.json(), "429")
    assert document.seen | NEVER == document.fields()


def test_every_route_says_what_it_answers(served: AsgiCalls) -> None:
    paths = served.send("GET", "/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                assert answer.get("content"), (path, status)
                for kind, content in answer["content"].items():
                    assert content["schema"], (path, status, kind)
            assert set(operation["responses"]) == {"200", "4XX", "429", "5XX"}, path
