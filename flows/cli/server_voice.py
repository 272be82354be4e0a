"""A server that speaks OpenAI's API as a `Voice`.

Tools run here, not there: the server is told what there is, and its calls are answered as those of
a model in this process are. What the server says of calls that it has answered itself is shown.
"""

import argparse
import dataclasses
import json
import math
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from flows.cli.openai_messages import openai_message
from flows.cli.openai_server import OpenAIServer, server_url
from flows.cli.voice import Said, SamplingOptions, TokenChoice, TokenStep
from pipeline.chat.messages import Message, ToolCall, assistant
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import Toolbox, messages
from storage.errors import UserError

MOST_ROUNDS = 4  # of calls that are answered, as with a model here (`pipeline.tools.tool_batch`)


def server_of(chosen: argparse.Namespace) -> OpenAIServer:
    """The server that a command line names.

    Raises:
        UserError: the address is none, or there is no key where it names one.
    """
    url, name = server_url(chosen.url), chosen.api_key_env or ""
    key = os.environ.get(name, "").strip() if name else ""
    if name and not key:
        raise UserError(f"--api-key-env {name}: there is no such environment variable")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UserError(f"{name}: holds characters that are in no key")
    return OpenAIServer(url, key, name)


@dataclasses.dataclass(frozen=True)
class ServerVoice:
    """A model of a server."""

    server: OpenAIServer
    name: str
    toolbox: Toolbox | None = None

    @classmethod
    def of(cls, server: OpenAIServer, name: str | None, toolbox: Toolbox | None) -> "ServerVoice":
        """A model by name, else the server's first.

        Raises:
            UserError: the server can't be reached, or has no such model.
        """
        there = server.models()
        if name is None and not there:
            raise UserError(f"{server.url}: names no models: say which by --model NAME")
        # A server may know names that it doesn't list: its own answer says more than we could.
        return cls(server, name or there[0], toolbox)

    def other(self, name: str) -> "ServerVoice":
        """See `Voice`."""
        there = self.server.models()
        if there and name not in there:
            raise UserError(f"no model {name!r} there: {', '.join(there)[:300]}")
        return dataclasses.replace(self, name=name)

    def reply(
        self, asked: Sequence[Message], options: SamplingOptions
    ) -> Generator[Said, None, list[Message]]:
        """See `Voice`."""
        said = list(asked)
        body = self._body(options)
        if self.toolbox is not None:
            body["tools"] = [json.loads(one) for one in self.toolbox.definitions]
        rounds = 0
        while True:
            request = {**body, "messages": [openai_message(message) for message in said]}
            content, calls = yield from self._turn(request)
            said.append(assistant(content, calls))
            if not calls or self.toolbox is None:
                return said
            if rounds == MOST_ROUNDS:
                raise UserError(f"{self.name} calls tools again and again: ask in another way")
            rounds += 1
            yield from calls
            outputs = self.toolbox.answer_all(calls)
            yield from outputs
            said.extend(messages(calls, outputs))

    def _turn(
        self, request: Mapping[str, Any]
    ) -> Generator[Said, None, tuple[str, list[ToolCall]]]:
        """One message of the assistant: its text as it comes, and its calls."""
        content, pieces = "", dict[int, dict[str, str]]()
        for event in self.server.stream("/chat/completions", request):
            delta = _first(event).get("delta") or {}
            piece = delta.get("content") or delta.get("refusal")
            if isinstance(piece, str) and piece:
                content += piece
                yield piece
            for call in delta.get("tool_calls") or []:
                _gather(pieces, call)
            yield from _served(delta.get("tool_events"))
        calls = [
            ToolCall(call["name"], call["arguments"], call["id"] or f"call_{number}")
            for number, call in sorted(pieces.items())
        ]
        return content, calls

    def complete(self, text: str, options: SamplingOptions) -> Iterator[str]:
        """See `Voice`."""
        for event in self.server.stream("/completions", {**self._body(options), "prompt": text}):
            piece = _first(event).get("text")
            if isinstance(piece, str) and piece:
                yield piece

    def steps(self, text: str, options: SamplingOptions, top: int) -> Iterator[TokenStep]:
        """See `Voice`."""
        body = {**self._body(options), "prompt": text, "logprobs": top}
        seen = False
        for event in self.server.stream("/completions", body):
            for step in _steps(_first(event).get("logprobs"), top):
                seen = True
                yield step
        if not seen:
            raise UserError(f"{self.server.url}: {self.name} gives no log-probabilities")

    def _body(self, options: SamplingOptions) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "max_tokens": options["max_new_tokens"],
            "temperature": options["temperature"],
            "seed": options["seed"],
        }
        if options["top_k"]:  # OpenAI's own models refuse what they don't know
            body["top_k"] = options["top_k"]
        return body


def _first(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first choice of an event; the last event may have none (it tells the usage)."""
    choices = event.get("choices")
    found = choices[0] if isinstance(choices, list) and choices else {}
    return found if isinstance(found, dict) else {}


def _gather(pieces: dict[int, dict[str, str]], call: Any) -> None:
    """A piece of a call joins the others of its index."""
    if not isinstance(call, dict):
        return
    index, function = call.get("index"), call.get("function") or {}
    whole = pieces.setdefault(
        index if isinstance(index, int) else len(pieces), {"name": "", "arguments": "", "id": ""}
    )
    whole["id"] = whole["id"] or str(call.get("id") or "")
    whole["name"] += str(function.get("name") or "")
    whole["arguments"] += str(function.get("arguments") or "")


def _served(events: Any) -> Iterator[Said]:
    """Calls that the server answered itself: `tool_events`, which are ours (docs/serving.md)."""
    for told in events if isinstance(events, list) else []:
        if "name" in told:
            yield ToolCall(str(told["name"]), str(told.get("arguments")), str(told.get("id")))
        if "output" in told:
            yield ToolOutput(str(told["output"]), told.get("ending", "done"))


def _steps(logprobs: Any, top: int) -> Iterator[TokenStep]:
    """Steps out of either of the forms in which servers give log-probabilities of completions.

    Beside the `top` likely ones some name the token that was drawn.
    """
    if not isinstance(logprobs, dict):
        return
    if isinstance(logprobs.get("content"), list):  # as chat completions do (llama.cpp)
        for entry in logprobs["content"]:
            likely = [_choice(e["token"], e["logprob"]) for e in entry.get("top_logprobs") or []]
            yield TokenStep(_choice(entry["token"], entry["logprob"]), tuple(likely))
        return
    tops = logprobs.get("top_logprobs") or []
    for number, (token, logprob) in enumerate(
        zip(logprobs.get("tokens") or [], logprobs.get("token_logprobs") or [])
    ):
        found = tops[number] if number < len(tops) else None
        best = sorted((found or {}).items(), key=lambda pair: -pair[1])
        yield TokenStep(_choice(token, logprob), tuple(_choice(*pair) for pair in best[:top]))


def _choice(text: str, logprob: float | None) -> TokenChoice:
    """A token as a server writes it; bytes that are no text come as `bytes:\\xe4` (OpenAI)."""
    value = -math.inf if logprob is None else float(logprob)
    if text.startswith("bytes:\\x"):
        raw = text.removeprefix("bytes:").encode("latin-1", "replace").decode("unicode_escape")
        return TokenChoice(None, raw.encode("latin-1", "replace"), value)
    return TokenChoice(text, text.encode("utf-8", "replace"), value)
