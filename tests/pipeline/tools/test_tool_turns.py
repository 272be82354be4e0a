"""A reply that calls tools: what is shown and answered, and what the conversation then holds."""

import json
from collections.abc import Generator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.chat.conversation import assistant, check, prompt, render, user
from pipeline.chat.messages import Conversation, Message, ToolCall
from pipeline.model.engine import Engine
from pipeline.tokenizer import Tokenizer
from pipeline.tools import tool_turns
from pipeline.tools.calculator import calculator
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import Toolbox
from storage.errors import UserError

BOX = Toolbox((calculator(CalculatorConfig()),))
QUESTION = [user("What is 12 * 12?")]


def call(expression: str) -> ToolCall:
    return ToolCall("calculator", json.dumps({"expression": expression}))


class Script:
    """An engine whose model says these messages, one a round; it keeps the prompts."""

    def __init__(self, tokenizer: Tokenizer, said: Sequence[Message | list[int]]) -> None:
        self.tokenizer, self.left = tokenizer, list(said)
        self.model = SimpleNamespace(config=SimpleNamespace(max_context=4_000))
        self.prompts: list[list[int]] = []

    def stream(self, ids: list[int], **_: Any) -> Generator[int, None, None]:
        self.prompts.append(ids)
        said = self.left.pop(0)
        if not isinstance(said, list):
            whole, mask = render([user("x"), said], self.tokenizer)
            said = [token for token, learned in zip(whole, mask) if learned]
        yield from said


def turn(
    tokenizer: Tokenizer, said: Sequence[Message | list[int]], **more: Any
) -> tuple[list[tool_turns.Said], Conversation, list[list[int]]]:
    engine: Any = Script(tokenizer, said)
    events: list[tool_turns.Said] = []
    replied = tool_turns.reply(engine, tokenizer, QUESTION, BOX, **more)
    while True:
        try:
            events.append(next(replied))
        except StopIteration as end:
            assert not engine.left
            return events, end.value, engine.prompts


def test_a_call_is_answered_and_the_model_goes_on(chat_tokenizer: Tokenizer) -> None:
    first, last = assistant("Let me see.", [call("12 * 12")]), assistant("It is 144.")
    events, talk, prompts = turn(chat_tokenizer, [first, last])
    text = "".join(event for event in events if isinstance(event, str))
    assert text == "Let me see.\nIt is 144."
    assert [e for e in events if not isinstance(e, str)] == [call("12 * 12"), ToolOutput("144")]
    assert [said.role for said in talk.messages] == ["user", "assistant", "tool", "assistant"]
    assert talk.messages[1:] == (first, Message("tool", "144"), last)
    assert talk.tools == BOX.definitions
    check(talk)
    # the second prompt goes on from the first, with the call and its output
    assert prompts[1][: len(prompts[0])] == prompts[0]
    assert prompts[1] == prompt(Conversation(talk.messages[:3], talk.tools), chat_tokenizer)


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
    events, talk, _ = turn(chat_tokenizer, [[*chat_tokenizer.encode("Hm."), *tokens]])
    assert "".join(map(str, events)) == "Hm."
    assert talk.messages[-1] == assistant("Hm.\n{nonsense\n")
    check(talk)


def test_a_base_model_is_refused(post_training: Any) -> None:
    from pipeline import model as models

    base, tokenizer = models.load(post_training.base)
    with pytest.raises(UserError, match="conversation tokens"):
        next(tool_turns.reply(Engine(base), tokenizer, QUESTION, BOX))


def test_a_real_model_ends_its_turn(post_training: Any) -> None:
    """Whatever it says: its context has no room for the tools' definitions, and that is said."""
    from pipeline import model as models

    model, tokenizer = models.load(post_training.chat)
    with pytest.raises(UserError, match=r"with the tools' definitions .* the model's context is"):
        list(tool_turns.reply(Engine(model), tokenizer, QUESTION, BOX))
