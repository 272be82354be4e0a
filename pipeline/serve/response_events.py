"""A response as it grows: the semantic events of its stream, and the object that they end with.

In: what happens in a reply. Out: events in OpenAI's order, each with its `sequence_number`:
created, in_progress; for each message output_item.added, content_part.added, output_text.delta …,
output_text.done, content_part.done, output_item.done; for each call output_item.added,
function_call_arguments.delta, .done, output_item.done; for each output of the server's own tools
output_item.added, .done; completed, incomplete or failed. A response that isn't streamed is the
object alone.
"""

import copy
import time
from typing import Any

from pipeline.chat.messages import ToolCall
from pipeline.serve.reply_events import (
    CallAnswered,
    CallBegun,
    CallMade,
    CallPiece,
    ReplyEvent,
    ReplyOver,
    TextPiece,
)
from pipeline.serve.response_items import (
    Item,
    ItemStatus,
    call_item,
    message_item,
    output_item,
    text_part,
)
from pipeline.serve.token_logprobs import token_logprobs
from pipeline.tokenizer import Tokenizer

Event = dict[str, Any]


class GrowingResponse:
    """A response under way.

    Args:
        body: of the response, in progress, without output.
        prompt_tokens: that the model reads first.
        tokenizer: of the model; None: no log-probabilities are asked for.
    """

    def __init__(
        self, body: dict[str, Any], prompt_tokens: int, tokenizer: Tokenizer | None = None
    ) -> None:
        self.body, self.prompt_tokens, self.tokenizer = body, prompt_tokens, tokenizer
        self._number = 0
        self._texts: list[str] | None = None  # of the message under way; None: there is none
        self._logprobs: list[dict[str, Any]] = []
        self._growing = False  # a call is told as it is written

    @property
    def items(self) -> list[Item]:
        """That are done, and the one under way."""
        found: list[Item] = self.body["output"]
        return found

    def begin(self) -> list[Event]:
        """The first events."""
        return [
            self._event("response.created", response=self._snapshot()),
            self._event("response.in_progress", response=self._snapshot()),
        ]

    def take(self, event: ReplyEvent) -> list[Event]:
        """The events that something makes."""
        if isinstance(event, TextPiece):
            return self._take_text(event)
        if isinstance(event, CallBegun):
            return self._begin_call(event.call)
        if isinstance(event, CallPiece):
            return [self._grow_call(event.arguments)]
        if isinstance(event, CallMade):
            return self._take_call(event)
        if isinstance(event, CallAnswered):
            return self._take_answer(event)
        return self._take_end(event)

    def fail(self, code: str, message: str) -> list[Event]:
        """The last event of a response that an error ends."""
        self.body["status"] = "failed"
        self.body["error"] = {"code": code, "message": message}
        return [self._event("response.failed", response=self._snapshot())]

    def _take_text(self, event: TextPiece) -> list[Event]:
        if not event.text and not event.tokens:
            return []
        made = self._open() if self._texts is None else []
        found = [] if self.tokenizer is None else token_logprobs(event.tokens, self.tokenizer)
        self._logprobs += found
        if self._texts is not None:
            self._texts.append(event.text)
        if event.text or found:
            more = {"delta": event.text, "logprobs": found, **self._part_place}
            made.append(self._event("response.output_text.delta", **more))
        return made

    def _open(self) -> list[Event]:
        """A message begins."""
        self._texts, self._logprobs = [], []
        self.items.append(message_item(self._id("msg"), [], "in_progress"))
        added = self._item_event("added")
        part = text_part("", [])
        return [added, self._event("response.content_part.added", part=part, **self._part_place)]

    def _close(self, status: ItemStatus) -> list[Event]:
        """The message under way is done."""
        if self._texts is None:
            return []
        text = "".join(self._texts)
        part = text_part(text, self._logprobs)
        self.items[-1] = message_item(self.items[-1]["id"], [part], status)
        said = {"text": text, "logprobs": self._logprobs, **self._part_place}
        self._texts = None
        return [
            self._event("response.output_text.done", **said),
            self._event("response.content_part.done", part=part, **self._part_place),
            self._item_event("done"),
        ]

    def _begin_call(self, call: ToolCall) -> list[Event]:
        """A call begins, without arguments."""
        made = self._close("completed")
        self._growing = True
        self.items.append(call_item(self._id("fc"), ToolCall(call.name, "", call.id)))
        return [*made, self._item_event("added")]

    def _grow_call(self, arguments: str) -> Event:
        self.items[-1]["arguments"] += arguments
        name = "response.function_call_arguments.delta"
        return self._event(name, delta=arguments, **self._item_place)

    def _take_call(self, event: CallMade) -> list[Event]:
        made: list[Event] = []
        if not self._growing:
            made += self._begin_call(event.call)
            made.append(self._grow_call(event.call.arguments))
        self._growing = False
        self.items[-1]["status"] = "incomplete" if event.cut else "completed"
        said = {"name": event.call.name, "arguments": event.call.arguments}
        name = "response.function_call_arguments.done"
        made.append(self._event(name, **said, **self._item_place))
        return [*made, self._item_event("done")]

    def _take_answer(self, event: CallAnswered) -> list[Event]:
        self.items.append(output_item(self._id("fco"), event.call, event.output))
        return [self._item_event("added"), self._item_event("done")]

    def _take_end(self, event: ReplyOver) -> list[Event]:
        cut = event.reason == "length"
        made = [] if self.items else self._open()
        made += self._close("incomplete" if cut else "completed")
        read = self.prompt_tokens + event.forced
        self.body["status"] = "incomplete" if cut else "completed"
        if cut:
            self.body["incomplete_details"] = {"reason": "max_output_tokens"}
        else:
            self.body["completed_at"] = int(time.time())
        self.body["usage"] = {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": event.sampled,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + event.sampled,
        }
        name = f"response.{self.body['status']}"
        return [*made, self._event(name, response=self._snapshot())]

    @property
    def _item_place(self) -> dict[str, Any]:
        return {"item_id": self.items[-1]["id"], "output_index": len(self.items) - 1}

    @property
    def _part_place(self) -> dict[str, Any]:
        return {**self._item_place, "content_index": 0}

    def _item_event(self, what: str) -> Event:
        index, item = len(self.items) - 1, copy.deepcopy(self.items[-1])
        return self._event(f"response.output_item.{what}", output_index=index, item=item)

    def _id(self, kind: str) -> str:
        own = self.body["id"].removeprefix("resp_")
        return f"{kind}_{own}_{len(self.items)}"

    def _snapshot(self) -> dict[str, Any]:
        return copy.deepcopy(self.body)

    def _event(self, type_: str, **fields: Any) -> Event:
        event = {"type": type_, "sequence_number": self._number, **fields}
        self._number += 1
        return event
