"""What scripted models write, with rounds of calls: events as `tool_batch` has the same talks."""

import asyncio
import dataclasses
import functools
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from random_conversations import drawn, typed_text
from random_models import byte_tokenizer
from scripted_model import ScriptedEngine

from pipeline.chat.conversation import STOP, Conversation, assistant, prompt, user
from pipeline.chat.messages import Message, ToolCall
from pipeline.model.rows import Sampling
from pipeline.serve.config import ServeConfig
from pipeline.serve.generation import Generation
from pipeline.serve.inference_loop import InferenceLoop
from pipeline.serve.message_ends import message_ends
from pipeline.serve.reply_events import (
    CallAnswered,
    CallMade,
    ReplyEvent,
    ReplyOver,
    TextPiece,
    call_id,
)
from pipeline.serve.reply_rounds import RunningReply
from pipeline.serve.server_tools import MOST_CALLS, ServerTools
from pipeline.serve.wanted_reply import PreparedReply
from pipeline.tokenizer import Tokenizer
from pipeline.tools.config import ToolLimits
from pipeline.tools.tool import Tool, ToolOutput
from pipeline.tools.tool_batch import MOST_ROUNDS, TOO_MANY, ToolReply, replies
from pipeline.tools.toolbox import Toolbox

TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}
BOX = Toolbox((Tool("echo", "", TEXT, lambda given: given["text"], ToolLimits()),))
TALK = Conversation((user("Question?"),), BOX.definitions)

Row = Sequence[Message | list[int]]


@functools.cache
def tokenizer() -> Tokenizer:
    return byte_tokenizer().with_conversation_tokens()


class BatchEngine(ScriptedEngine):
    """One that an inference loop may use."""

    def __init__(self, rows: Sequence[Row], max_context: int) -> None:
        super().__init__(tokenizer(), rows, max_context)
        self.model.config.vocab_size = 100_000

    def batch(self, *, max_rows: int = 64, tokens_per_step: int = 512, **_: Any) -> Any:
        return super().batch(max_rows=max_rows, tokens_per_step=tokens_per_step)


def call(text: str, name: str = "echo") -> ToolCall:
    return ToolCall(name, json.dumps({"text": text}, ensure_ascii=False))


def happened(
    rows: Sequence[Row],
    *,
    served: bool = True,
    parallel: bool = True,
    max_context: int = 4_000,
    max_new_tokens: int = 2_000,
) -> list[list[ReplyEvent]]:
    """The events of each row, samples of one reply."""
    engine: Any = BatchEngine(rows, max_context)
    stop, *others = message_ends(tokenizer())
    ends = (stop,) if parallel else (stop, tokenizer().special("</tool_call>"))
    sampling = Sampling(
        max_new_tokens,
        stop_tokens=tuple(others) if served else (*ends, *others),
        pause_tokens=ends if served else (),
        untruncated_logprobs=False,
    )
    generation = Generation(tuple(prompt(TALK, tokenizer())), sampling, samples=len(rows))
    prepared = PreparedReply(
        generation,
        tokenizer(),
        stop_tokens=(stop, *others),
        served=served,
        reads_calls=True,
        tells_tokens=False,
        context=max_context,
    )
    loop = InferenceLoop(engine, tokenizer(), ServeConfig(flush_seconds=1e-4))
    tools = ServerTools(BOX)

    async def listen() -> list[list[ReplyEvent]]:
        found: list[list[ReplyEvent]] = [[] for _ in rows]
        async for events in RunningReply(prepared, loop, tools).events():
            for sample, event in events:
                found[sample].append(event)
        return found

    try:
        return asyncio.run(listen())
    finally:
        loop.close()
        tools.close()


def in_batch(rows: Sequence[Row], max_context: int, max_new_tokens: int) -> list[ToolReply]:
    engine: Any = ScriptedEngine(tokenizer(), rows, max_context)
    (found,) = replies(
        engine, tokenizer(), [TALK], BOX, samples=len(rows), max_new_tokens=max_new_tokens
    )
    return found


def told(events: list[ReplyEvent]) -> list[Any]:
    """Texts joined where nothing stands between them; calls without ids."""
    found: list[Any] = []
    for event in events:
        if isinstance(event, TextPiece):
            if found and isinstance(found[-1], str):
                found[-1] += event.text
            else:
                found.append(event.text)
        elif isinstance(event, CallMade):
            found.append(("call", dataclasses.replace(event.call, id="")))
        elif isinstance(event, CallAnswered):
            found.append(("output", event.output.text))
    return [one for one in found if one]


def expected(reply: ToolReply) -> list[Any]:
    found: list[Any] = []
    for said in reply.messages:
        if said.role == "tool":
            found.append(("output", said.content))
        else:
            found += [said.content] if said.content else []
            found += [("call", one) for one in said.tool_calls]
    return found


texts = st.lists(typed_text, min_size=1, max_size=3)
rounds = st.lists(st.tuples(typed_text, texts), max_size=MOST_ROUNDS + 2)
rows = st.lists(st.tuples(rounds, typed_text, st.booleans()), min_size=1, max_size=3)


@drawn
@given(rows, st.sampled_from([4_000, 720, 600]), st.sampled_from([2_000, 60]))
def test_rounds_are_those_of_a_tool_batch(
    drawn_rows: list[tuple[list[tuple[str, list[str]]], str, bool]],
    max_context: int,
    max_new_tokens: int,
) -> None:
    """Whatever the context and the limit of tokens, and calls that can't be read among them."""
    control = tokenizer().special("<tool_call>"), tokenizer().special(STOP)
    scripts: list[Row] = [
        [
            *(assistant(text, [call(t) for t in texts]) for text, texts in rounds),
            *([[control[0], *tokenizer().encode("{nonsense"), control[1]]] if broken else []),
            assistant(last),
        ]
        for rounds, last, broken in drawn_rows
    ]
    found = happened(scripts, max_context=max_context, max_new_tokens=max_new_tokens)
    for events, reply in zip(found, in_batch(scripts, max_context, max_new_tokens), strict=True):
        assert told(events) == expected(reply)
        over = events[-1]
        assert isinstance(over, ReplyOver)
        limited = reply.ended in ("length", "context", "rounds")
        assert over.reason == ("length" if limited else "stop")
        assert over.sampled == sum(reply.sampled)
        assert over.forced == len(reply.sampled) - sum(reply.sampled)
        assert sum(isinstance(event, ReplyOver) for event in events) == 1


def test_who_answers_calls_itself_gets_them_at_the_end() -> None:
    calls = [call("a"), call("b", "other")]
    (events,) = happened([[assistant("So: ", calls)]], served=False)
    made = [event.call for event in events if isinstance(event, CallMade)]
    assert [(one.name, one.arguments) for one in made] == [(o.name, o.arguments) for o in calls]
    assert len({one.id for one in made}) == 2
    assert isinstance(events[-1], ReplyOver)
    assert events[-1].reason == "tool_calls"
    assert told(events)[0] == "So: "


def test_calls_have_the_ids_of_their_row() -> None:
    rounds = [assistant("", [call("a"), call("b")]), assistant("", [call("c")]), assistant("x")]
    for events in happened([rounds, rounds]):
        made = [event.call.id for event in events if isinstance(event, CallMade)]
        answered = [event.call.id for event in events if isinstance(event, CallAnswered)]
        assert made == answered
        assert len(set(made)) == 3
    assert call_id(5, 0) == call_id(5, 0) != call_id(5, 1) != call_id(6, 1)


def test_a_row_may_pause_after_each_call() -> None:
    """`parallel_tool_calls` false: what the model writes after a call's end is never read."""
    one = tokenizer().encode('\n{"name": "echo", "arguments": {"text": "a"}}\n')
    script = [tokenizer().special("<tool_call>"), *one, tokenizer().special("</tool_call>")]
    (events,) = happened([[script, assistant("done")]], parallel=False)
    assert told(events) == [("call", call("a")), ("output", "a"), "done"]
    over = events[-1]
    assert isinstance(over, ReplyOver)
    turn = Conversation((*TALK.messages, assistant("", [call("a")])), BOX.definitions)
    answered = (*turn.messages, Message("tool", "a"))
    read = prompt(Conversation(answered, BOX.definitions), tokenizer())
    assert len(prompt(TALK, tokenizer())) + len(script) + over.forced == len(read)


def test_of_very_many_calls_the_first_are_answered() -> None:
    calls = [call(str(n)) for n in range(MOST_CALLS + 2)]
    (events,) = happened([[assistant("", calls), assistant("x")]])
    given_ = [event.output for event in events if isinstance(event, CallAnswered)]
    assert given_[:MOST_CALLS] == [ToolOutput(str(n)) for n in range(MOST_CALLS)]
    assert given_[MOST_CALLS:] == [TOO_MANY] * 2
