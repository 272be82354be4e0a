"""A reply that calls tools: what is shown and answered, and what the conversation then holds."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted_model import ScriptedEngine
from tool_model import sums

from pipeline import model as models
from pipeline.chat.conversation import STOP, assistant, check, prompt, user
from pipeline.chat.messages import Conversation, Message, ToolCall
from pipeline.model.engine import Engine
from pipeline.model.scheduler import Step
from pipeline.tokenizer import Tokenizer
from pipeline.tools import tool_turns
from pipeline.tools.calculator import calculator
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.tool import ToolOutput
from pipeline.tools.tool_batch import replies
from pipeline.tools.toolbox import Toolbox
from storage.errors import UserError

BOX = Toolbox((calculator(CalculatorConfig()),))
QUESTION = [user("What is 12 * 12?")]


def call(expression: str) -> ToolCall:
    return ToolCall("calculator", json.dumps({"expression": expression}))


def turn(
    tokenizer: Tokenizer, said: Sequence[Message | list[int]], **more: Any
) -> tuple[list[tool_turns.Said], Conversation, list[int]]:
    """The events, the conversation, and the tokens that the model has read."""
    engine: Any = ScriptedEngine(tokenizer, [said])
    events: list[tool_turns.Said] = []
    replied = tool_turns.reply(engine, tokenizer, QUESTION, BOX, **{"max_new_tokens": 900} | more)
    while True:
        try:
            events.append(next(replied))
        except StopIteration as end:
            return events, end.value, engine.decoder.read[0]


def test_a_call_is_answered_and_the_model_goes_on(chat_tokenizer: Tokenizer) -> None:
    first, last = assistant("Let me see.", [call("12 * 12")]), assistant("It is 144.")
    events, talk, read = turn(chat_tokenizer, [first, last])
    text = "".join(event for event in events if isinstance(event, str))
    assert text == "Let me see.\nIt is 144."
    assert [e for e in events if not isinstance(e, str)] == [call("12 * 12"), ToolOutput("144")]
    assert [said.role for said in talk.messages] == ["user", "assistant", "tool", "assistant"]
    assert talk.messages[1:] == (first, Message("tool", "144"), last)
    assert talk.tools == BOX.definitions
    check(talk)
    # it has read the question, the call and its output, each token once
    asked = prompt(Conversation(talk.messages[:3], talk.tools), chat_tokenizer)
    assert read[: len(asked)] == asked


def test_several_calls_of_a_round_are_answered_in_order(chat_tokenizer: Tokenizer) -> None:
    events, talk, _ = turn(
        chat_tokenizer, [assistant("", [call("1 + 1"), call("1 / 0")]), assistant("Two.")]
    )
    outputs = [event for event in events if isinstance(event, ToolOutput)]
    assert outputs[0] == ToolOutput("2")
    assert outputs[1].ending == "error"
    assert [m.content for m in talk.messages if m.role == "tool"] == [o.text for o in outputs]


def test_without_a_call_it_is_a_plain_reply(chat_tokenizer: Tokenizer) -> None:
    events, talk, _ = turn(chat_tokenizer, [assistant("144, I think.")])
    assert "".join(map(str, events)) == "144, I think."
    assert talk.messages == (*QUESTION, assistant("144, I think."))


def test_a_model_that_calls_for_ever_is_told_to_stop(chat_tokenizer: Tokenizer) -> None:
    again = assistant("", [call("1 + 1")])
    last = assistant("Well.", [call("1 + 1")])
    events, talk, _ = turn(chat_tokenizer, [again] * 3 + [last], most_rounds=2)
    outputs = [event for event in events if isinstance(event, ToolOutput)]
    assert [output.ending for output in outputs] == ["done", "done", "limit"]
    assert talk.messages[-1] == assistant("Well.")  # its last call is nobody's
    check(Conversation((*talk.messages, user("And now?")), talk.tools))


def test_a_call_that_cannot_be_read_is_text(chat_tokenizer: Tokenizer) -> None:
    tokens = [chat_tokenizer.special("<tool_call>"), *chat_tokenizer.encode("\n{nonsense\n")]
    said = [*chat_tokenizer.encode("Hm."), *tokens, chat_tokenizer.special(STOP)]
    events, talk, _ = turn(chat_tokenizer, [said])
    assert "".join(map(str, events)) == "Hm."
    assert talk.messages[-1] == assistant("Hm.\n{nonsense\n")
    check(talk)


def test_a_base_model_is_refused(post_training: Any) -> None:
    base, tokenizer = models.load(post_training.base)
    with pytest.raises(UserError, match="conversation tokens"):
        next(tool_turns.reply(Engine(base), tokenizer, QUESTION, BOX))


def test_a_real_model_ends_its_turn(post_training: Any) -> None:
    """Whatever it says: its context has no room for the tools' definitions, and that is said."""
    model, tokenizer = models.load(post_training.chat)
    with pytest.raises(UserError, match=r"with the tools' definitions .* the model's context is"):
        list(tool_turns.reply(Engine(model), tokenizer, QUESTION, BOX))


def test_calls_come_before_they_are_answered(chat_tokenizer: Tokenizer) -> None:
    """Who looks on sees a call while it runs."""
    engine: Any = ScriptedEngine(chat_tokenizer, [[assistant("Hm.", [call("2 + 2")])]])
    asked: list[Any] = []

    def noted(given: Any) -> str:
        asked.append(given)
        return "4"

    box = Toolbox((dataclasses.replace(BOX.tools[0], call=noted),))
    replied = tool_turns.reply(engine, chat_tokenizer, QUESTION, box, max_new_tokens=99)
    seen = []
    while not isinstance(said := next(replied), ToolCall):
        seen.append(said)
    assert "".join(map(str, seen)) == "Hm.\n"
    assert not asked
    assert isinstance(next(replied), ToolOutput)
    assert asked
    replied.close()


def test_outputs_that_leave_no_room_are_one_line(chat_tokenizer: Tokenizer) -> None:
    long = assistant("", [call("7 ** 900")])
    engine: Any = ScriptedEngine(chat_tokenizer, [[long]], max_context=1_000)
    replied = tool_turns.reply(engine, chat_tokenizer, QUESTION, BOX, max_new_tokens=99)
    with pytest.raises(UserError, match=r"no room for a reply in the model's context of 1000"):
        list(replied)


def finished(replied: Any) -> Conversation:
    while True:
        try:
            next(replied)
        except StopIteration as end:
            talk: Conversation = end.value
            return talk


def test_a_turn_alone_is_that_of_a_batch_to_the_bit(tool_model: Path) -> None:
    """A model that really calls: other rows, samples and lengths beside it change nothing."""
    model, tokenizer = models.load(tool_model)
    talks = list(dict.fromkeys(talk.messages[:1] for talk in sums(8, 5)))
    drawn: Any = {"max_new_tokens": 60, "temperature": 0.7, "seed": 3}
    together = replies(Engine(model), tokenizer, talks, BOX, samples=3, **drawn)
    calls = [answer for group in together for reply in group for answer in reply.calls]
    assert sum(answer.output.ending == "done" for answer in calls) > 5
    assert len({reply.ended for group in together for reply in group}) > 1
    engine = Engine(model, frozen=True)
    for talk, group in zip(talks, together):
        alone = finished(tool_turns.reply(engine, tokenizer, talk, BOX, **drawn))
        assert alone.messages[1:] == group[0].messages
        again = replies(Engine(model, max_rows=2), tokenizer, [talk], BOX, samples=3, **drawn)
        assert again == [group]


def test_a_frozen_engine_reads_a_turn_once(tool_model: Path) -> None:
    model, tokenizer = models.load(tool_model)
    engine = Engine(model, frozen=True)
    first = finished(tool_turns.reply(engine, tokenizer, [user("What is 3 + 4?")], BOX))
    read: list[int] = []
    with engine.talk() as batch:
        run = batch.decoder.run

        def noting(step: Step) -> None:
            read.extend(piece.end - piece.start for piece in step.reading)
            run(step)

        batch.decoder.run = noting  # type: ignore[method-assign]
    more = [*first.messages, user("Hello!")]
    ids = prompt(Conversation(tuple(more), first.tools), tokenizer)
    second = finished(tool_turns.reply(engine, tokenizer, more, BOX, max_new_tokens=40))
    assert second.messages[: len(more)] == tuple(more)
    assert 0 < read[0] < len(ids) / 2


def test_without_calls_the_tokens_are_the_engines(tool_model: Path) -> None:
    model, tokenizer = models.load(tool_model)
    talks = [Conversation((user("Hello!"),), BOX.definitions)] * 2
    drawn: Any = {"max_new_tokens": 30, "temperature": 0.5, "samples": 2, "seed": 1}
    found = replies(Engine(model), tokenizer, talks, BOX, **drawn)
    plain = Engine(model).generate(
        [prompt(talk, tokenizer) for talk in talks],
        stop_tokens=(tokenizer.special(STOP),),
        **drawn,
    )
    for group, same in zip(found, plain):
        for reply, completion in zip(group, same):
            assert not reply.calls
            assert (reply.tokens, reply.logprobs) == (completion.tokens, completion.logprobs)
            assert reply.stopped == completion.stopped
