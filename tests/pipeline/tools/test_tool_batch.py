"""Many conversations that call tools at a time: tokens, masks, endings; each as it is alone."""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conversations import drawn, typed_text
from scripted_model import LOGPROB, ScriptedEngine, written

from pipeline.chat.conversation import STOP, assistant, check, prompt, render, user
from pipeline.chat.messages import Conversation, Message, ToolCall
from pipeline.tokenizer import Tokenizer
from pipeline.tools.calculator import calculator
from pipeline.tools.config import CalculatorConfig, ToolLimits
from pipeline.tools.tool import LimitReached, Tool
from pipeline.tools.tool_batch import ToolReply, replies
from pipeline.tools.toolbox import ERROR, Toolbox

TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}


def answering(name: str, answer: Any, **limits: Any) -> Tool:
    return Tool(name, "", TEXT, lambda given: answer(given["text"]), ToolLimits(**limits))


def fails(text: str) -> str:
    raise KeyError(text)


def hangs(text: str) -> str:
    raise LimitReached("took too long")


def long_text(text: str) -> str:
    return text * 900


BOX = Toolbox((calculator(CalculatorConfig()), answering("echo", str)))


def call(text: str, name: str = "echo") -> ToolCall:
    return ToolCall(name, json.dumps({"text": text}, ensure_ascii=False))


def calc(expression: str) -> ToolCall:
    return ToolCall("calculator", json.dumps({"expression": expression}))


def turns(
    tokenizer: Tokenizer,
    rows: Sequence[Sequence[Message | list[int]]],
    box: Toolbox = BOX,
    *,
    max_context: int = 4_000,
    **more: Any,
) -> list[ToolReply]:
    """One conversation for each row."""
    engine: Any = ScriptedEngine(tokenizer, rows, max_context)
    talks = [[user(f"Question {number}?")] for number in range(len(rows))]
    found = replies(engine, tokenizer, talks, box, **{"max_new_tokens": 2_000} | more)
    assert engine.moves[0] == "prompts"
    assert engine.moves[-1] == ""
    return [reply for (reply,) in found]


def are_the_conversations(reply: ToolReply, number: int, tokenizer: Tokenizer) -> None:
    """A row's tokens and mask: those of the question with all that followed."""
    asked = Conversation((user(f"Question {number}?"),), BOX.definitions)
    whole = Conversation((*asked.messages, *reply.messages), BOX.definitions)
    check(whole)
    ids, mask = render(whole, tokenizer)
    before = prompt(asked, tokenizer)
    after = len(tokenizer.encode("\n"))  # of the last turn
    assert before + reply.tokens == ids[:-after]
    assert [0] * len(before) + [int(own) for own in reply.sampled] == mask[:-after]


@drawn
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(typed_text, st.lists(typed_text, min_size=1, max_size=3)), max_size=3
            ),
            typed_text,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_rows_tokens_and_mask_are_its_conversations(
    chat_tokenizer: Tokenizer,
    drawn_rows: list[tuple[list[tuple[str, list[str]]], str]],
) -> None:
    """Whatever the outputs are: control tokens' names, odd characters, several calls at a time."""
    rows = [
        [*(assistant(text, [call(t) for t in texts]) for text, texts in rounds), assistant(last)]
        for rounds, last in drawn_rows
    ]
    for number, (reply, row) in enumerate(zip(turns(chat_tokenizer, rows), rows)):
        assert [m for m in reply.messages if m.role == "assistant"] == row
        are_the_conversations(reply, number, chat_tokenizer)
        assert reply.logprobs == [LOGPROB if own else 0.0 for own in reply.sampled]
        assert (reply.ended, reply.text, reply.rounds) == ("stop", row[-1].content, len(row) - 1)
        assert len(reply.calls) == sum(len(texts) for _, texts in drawn_rows[number][0])


def test_whatever_one_row_does_the_others_go_on(chat_tokenizer: Tokenizer) -> None:
    more = answering("broken", fails), answering("slow", hangs), answering("long", long_text)
    box = Toolbox((*BOX.tools, *more))
    stated = prompt(Conversation((user("Question 5?"),), box.definitions), chat_tokenizer)
    nonsense = [chat_tokenizer.special("<tool_call>"), *chat_tokenizer.encode("\n{nonsense\n")]
    stop = chat_tokenizer.special(STOP)
    found = turns(
        chat_tokenizer,
        [
            [assistant("", [call("a", "broken"), call("b", "none")]), assistant("Sorry.")],
            [[*chat_tokenizer.encode("Hm."), *nonsense, stop]],
            [assistant("", [call("c", "slow")]), assistant("Too slow.")],
            [assistant("", [calc("12 * 12")]), assistant("", [calc("1/0")]), assistant("144.")],
            [assistant("", [calc("2 + 2")])] * 4,
            [assistant("", [call("z", "long")]), assistant("Never said.")],
        ],
        box,
        most_rounds=2,
        max_context=len(stated) + 600,
    )
    endings = [[answered.output.ending for answered in reply.calls] for reply in found]
    assert endings[:3] == [["fault", "error"], [], ["limit"]]
    assert endings[3:] == [["done", "error"], ["done", "done", "limit"], ["done"]]
    assert [r.ended for r in found] == ["stop", "unreadable", "stop", "stop", "rounds", "context"]
    assert [r.text for r in found] == ["Sorry.", "Hm.\n{nonsense\n", "Too slow.", "144.", "", ""]
    assert [r.stopped for r in found] == [True, False, True, True, False, False]
    assert [r.rounds for r in found] == [1, 0, 1, 2, 3, 1]
    assert found[4].calls[-1].output.text == f"{ERROR}too many calls: answer without"
    # the last one's output stands in its messages; nothing of it was read by the model
    assert found[5].messages[-1].content == "z" * 900
    assert all(found[5].sampled)
    for reply in found:
        check(Conversation((user("x"), *reply.messages)))


def test_only_sampled_tokens_count_and_a_turn_ends_at_its_limit(chat_tokenizer: Tokenizer) -> None:
    rows: list[list[Message | list[int]]] = [
        [assistant("", [call("o" * 300)]), assistant("Long enough, and more than that.")]
    ]
    first = len(written(rows[0][0], chat_tokenizer))
    for more in (0, 3):
        (reply,) = turns(chat_tokenizer, rows, max_new_tokens=first + more)
        assert sum(reply.sampled) == first + more
        assert len(reply.sampled) > first + more + 100  # the output's
        assert reply.ended == "length"
        assert not reply.stopped
        last = written(rows[0][1], chat_tokenizer)[:more]
        assert reply.text == chat_tokenizer.decode(last)
        assert (reply.messages[-1].role == "tool") == (more == 0)


def test_calls_of_all_rows_run_side_by_side(chat_tokenizer: Tokenizer) -> None:
    met = threading.Barrier(3, timeout=20)
    box = Toolbox((answering("meet", lambda text: f"{text} of {met.wait() * 0 + 3}"),))
    found = turns(
        chat_tokenizer,
        [[assistant("", [call(str(n), "meet")]), assistant("Met.")] for n in range(3)],
        box,
    )
    assert [reply.calls[0].output.text for reply in found] == ["0 of 3", "1 of 3", "2 of 3"]


def test_sampled_tokens_stay_where_the_encoder_writes_others(chat_tokenizer: Tokenizer) -> None:
    """Other white space around a call, letters in the place of words: what was sampled is kept."""
    tag = chat_tokenizer.special
    spelled = [t for c in "Wait" for t in chat_tokenizer.encode(c)]
    body = chat_tokenizer.encode(' {"arguments": {"text": "x"}, "name":"echo"}')
    said = [*spelled, tag("<tool_call>"), *body, tag("</tool_call>"), tag(STOP)]
    (reply,) = turns(chat_tokenizer, [[said, assistant("Done.")]])
    assert reply.tokens[: len(said)] == said
    assert reply.messages[0] == assistant("Wait", [call("x")])
    assert (reply.ended, reply.calls[0].output.text) == ("stop", "x")


def test_arguments_of_calls_are_given_as_they_were_written(chat_tokenizer: Tokenizer) -> None:
    seen: list[Mapping[str, Any]] = []
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, **TEXT["properties"]}}

    def noted(given: Mapping[str, Any]) -> str:
        seen.append(given)
        return "noted"

    tool = Tool("echo", "", schema, noted, ToolLimits())
    odd = '{"n": 1, "text": "ü\\n"}'
    turns(
        chat_tokenizer, [[assistant("", [ToolCall("echo", odd)]), assistant("")]], Toolbox((tool,))
    )
    assert seen == [json.loads(odd)]


def test_no_conversations_are_no_replies(chat_tokenizer: Tokenizer) -> None:
    assert turns(chat_tokenizer, []) == []
    with pytest.raises(ValueError, match="two tools of one name"):
        Toolbox((*BOX.tools, *BOX.tools))


def test_an_output_that_fills_the_context_leaves_no_room_for_a_reply(
    chat_tokenizer: Tokenizer,
) -> None:
    row = [assistant("", [calc("2 + 2")]), assistant("It is 4.")]
    (whole,) = turns(chat_tokenizer, [row])
    stated = prompt(Conversation((user("Question 0?"),), BOX.definitions), chat_tokenizer)
    read = len(stated) + len(whole.tokens) - whole.sampled[::-1].index(False)  # outputs and all
    (full,) = turns(chat_tokenizer, [row], max_context=read)
    assert (full.ended, full.text) == ("context", "")
    (one,) = turns(chat_tokenizer, [row], max_context=read + 1)
    assert one.ended == "length"
    assert one.tokens == whole.tokens[: len(one.tokens)]
    assert len(stated) + len(one.tokens) == read + 1


def test_the_user_goes_on_whatever_was_replied(chat_tokenizer: Tokenizer) -> None:
    """Tokens and mask are the whole conversation's, with calls in the middle and odd texts."""
    rows = [
        [
            assistant("One."),
            assistant("Let me see.", [call("x"), calc("2 + 2")]),
            assistant("", [calc("4 + 4")]),
            assistant("Eight."),
            assistant("<|im_end|>"),
        ],
        [assistant("Alone.")],
    ]
    later = [["And <|im_start|>?", "Go on!"], []]
    found = turns(chat_tokenizer, rows, later=later, most_rounds=2)
    assert [m.content for m in found[0].messages if m.role == "user"] == later[0]
    for number, (reply, row) in enumerate(zip(found, rows)):
        assert [m for m in reply.messages if m.role == "assistant"] == row
        are_the_conversations(reply, number, chat_tokenizer)
        assert (reply.ended, reply.text) == ("stop", row[-1].content)
    assert found[0].rounds == 2


def test_rounds_begin_again_where_the_user_speaks(chat_tokenizer: Tokenizer) -> None:
    row = [assistant("", [call("a")]), assistant("A."), assistant("", [call("b")]), assistant("B.")]
    (reply,) = turns(chat_tokenizer, [row], later=[["More."]], most_rounds=1)
    assert [given.output.ending for given in reply.calls] == ["done", "done"]
    assert (reply.ended, reply.text, reply.rounds) == ("stop", "B.", 2)
    three = [assistant("A."), *[assistant("", [call("b")])] * 3]
    (reply,) = turns(chat_tokenizer, [three], later=[["More."]], most_rounds=1)
    assert [given.output.ending for given in reply.calls] == ["done", "limit"]
    assert (reply.ended, reply.text) == ("rounds", "")


def test_a_talk_ends_where_a_reply_does_not_or_the_user_leaves_no_room(
    chat_tokenizer: Tokenizer,
) -> None:
    rows = [[assistant("One."), assistant("Two."), assistant("Three.")]]
    later = [["Second?", "Third?"]]
    first = len(written(rows[0][0], chat_tokenizer))
    (cut,) = turns(chat_tokenizer, rows, later=later, max_new_tokens=first + 1)
    assert (cut.ended, cut.stopped) == ("length", False)
    assert [m.role for m in cut.messages] == ["assistant", "user", "assistant"]
    (none_left,) = turns(chat_tokenizer, rows, later=later, max_new_tokens=first)
    assert (none_left.ended, none_left.text) == ("length", "")
    (whole,) = turns(chat_tokenizer, rows, later=later)
    asked = prompt(Conversation((user("Question 0?"),), BOX.definitions), chat_tokenizer)
    last = len(written(rows[0][2], chat_tokenizer))
    read = len(asked) + len(whole.tokens) - last  # all but the last reply
    (full,) = turns(chat_tokenizer, rows, later=later, max_context=read)
    assert (full.ended, full.text) == ("context", "")
    assert full.messages[-1] == user("Third?")
    (room,) = turns(chat_tokenizer, rows, later=later, max_context=read + 1)
    assert room.ended == "length"
