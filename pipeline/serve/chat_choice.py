"""A choice of a chat completion: as chunks of a stream while it grows, and whole.

In: what happens in a reply. Out: OpenAI's objects; the chunks' deltas joined are the whole message.
Calls that the server answered itself have no place in OpenAI's form: they stand in `tool_events`
beside the content, a list of {id, name, arguments, output, ending}, in chunks by their `index` as
tool calls are. Texts of several rounds are one content, each on a line of its own.
"""

from typing import Any

from pipeline.chat.messages import ToolCall
from pipeline.serve.reply_events import (
    CallAnswered,
    CallBegun,
    CallMade,
    CallPiece,
    FinishReason,
    ReplyEvent,
    ReplyOver,
    TextPiece,
)
from pipeline.serve.token_logprobs import token_logprobs
from pipeline.tokenizer import Tokenizer


class ChatChoice:
    """One choice under way.

    Args:
        index: of the choice.
        tokenizer: of the model; None: no log-probabilities are asked for.
    """

    def __init__(self, index: int, tokenizer: Tokenizer | None = None) -> None:
        self.index, self.tokenizer = index, tokenizer
        self._texts: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._tool_events: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] = []
        self._reason: FinishReason | None = None
        self._new_line = False  # the next text begins a round
        self._growing = False  # a call is told as it is written

    def begin(self) -> dict[str, Any]:
        """The first chunk's choice."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def take(self, event: ReplyEvent) -> list[dict[str, Any]]:
        """The choices of the chunks that an event makes."""
        if isinstance(event, TextPiece):
            return self._take_text(event)
        if isinstance(event, CallBegun):
            return [self._begin_call(event.call)]
        if isinstance(event, CallPiece):
            return [self._grow_call(event.arguments)]
        if isinstance(event, CallMade):
            return self._take_call(event)
        if isinstance(event, CallAnswered):
            return [self._take_answer(event)]
        return [self._take_end(event)]

    def whole(self) -> dict[str, Any]:
        """The choice once the reply is over."""
        text = "".join(self._texts) or (None if self._calls else "")
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self._calls:
            message["tool_calls"] = self._calls
        if self._tool_events:
            message["tool_events"] = self._tool_events
        return {
            "index": self.index,
            "message": message,
            "logprobs": self._of(self._logprobs),
            "finish_reason": self._reason,
        }

    def _take_text(self, event: TextPiece) -> list[dict[str, Any]]:
        text = event.text
        if text and self._new_line:
            self._new_line = False
            if self._texts and not self._texts[-1].endswith("\n"):
                text = f"\n{text}"
        if text:
            self._texts.append(text)
        if self.tokenizer is None:
            return [self._chunk({"content": text})] if text else []
        found = token_logprobs(event.tokens, self.tokenizer)
        self._logprobs += found
        return [self._chunk({"content": text}, found)] if text or found else []

    def _take_call(self, event: CallMade) -> list[dict[str, Any]]:
        call = event.call
        if event.served:
            self._new_line = True
            said = {"id": call.id, "name": call.name, "arguments": call.arguments}
            self._tool_events.append(dict(said))
            index = len(self._tool_events) - 1
            return [self._chunk({"tool_events": [{"index": index, **said}]})]
        if self._growing:  # all of it is told
            self._growing = False
            return []
        chunks = [self._begin_call(call), self._grow_call(call.arguments)]
        self._growing = False
        return chunks

    def _begin_call(self, call: ToolCall) -> dict[str, Any]:
        self._growing = True
        self._calls.append(_empty_call(call))
        part = {"index": len(self._calls) - 1, **_empty_call(call)}
        return self._chunk({"tool_calls": [part]})

    def _grow_call(self, arguments: str) -> dict[str, Any]:
        self._calls[-1]["function"]["arguments"] += arguments
        part = {"index": len(self._calls) - 1, "function": {"arguments": arguments}}
        return self._chunk({"tool_calls": [part]})

    def _take_answer(self, event: CallAnswered) -> dict[str, Any]:
        ids = [one["id"] for one in self._tool_events]
        index = ids.index(event.call.id)
        given = {"output": event.output.text, "ending": event.output.ending}
        self._tool_events[index] |= given
        return self._chunk({"tool_events": [{"index": index, **given}]})

    def _take_end(self, event: ReplyOver) -> dict[str, Any]:
        self._reason = event.reason
        return self._chunk({}, reason=event.reason)

    def _chunk(
        self,
        delta: dict[str, Any],
        logprobs: list[dict[str, Any]] | None = None,
        reason: FinishReason | None = None,
    ) -> dict[str, Any]:
        return {
            "index": self.index,
            "delta": delta,
            "logprobs": None if logprobs is None else self._of(logprobs),
            "finish_reason": reason,
        }

    def _of(self, logprobs: list[dict[str, Any]]) -> dict[str, Any] | None:
        return None if self.tokenizer is None else {"content": logprobs, "refusal": None}


def _empty_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": ""}
    return {"id": call.id, "type": "function", "function": function}
