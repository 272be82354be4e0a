"""Our layout is the chat template's text, and a sampled reply is read or refused."""

import json

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from random_conversations import conversations, drawn, openai

from pipeline.chat import layout
from pipeline.chat.conversation import (
    Conversation,
    ToolCall,
    assistant,
    check,
    normal,
    tool,
    user,
)
from pipeline.export.hf_folder import without_marks
from pipeline.tokenizer.special import CHAT_TEMPLATE
from storage.errors import UserError

# What Qwen3's own template makes of it (Qwen/Qwen3-0.6B), where no turn is the last after a user's.
QWEN3 = """\
<|im_start|>system
Be brief.

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{"type": "function", "function": {"name": "add"}}
{"type": "function", "function": {"name": "é"}}
</tools>

For each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
<|im_start|>user
What is 1 + 2?<|im_end|>
<|im_start|>assistant
One moment.
<tool_call>
{"name": "add", "arguments": {"a": 1, "b": [2, null]}}
</tool_call>
<tool_call>
{"name": "é", "arguments": {}}
</tool_call><|im_end|>
<|im_start|>user
<tool_response>
3
</tool_response>
<tool_response>

</tool_response><|im_end|>
<|im_start|>assistant
<tool_call>
{"name": "add", "arguments": {}}
</tool_call><|im_end|>
<|im_start|>user
<tool_response>
0
</tool_response><|im_end|>
<|im_start|>assistant
3<|im_end|>
<|im_start|>user
Thanks<|im_end|>
"""


@pytest.fixture(scope="module")
def template() -> jinja2.Template:
    """As programs with plain Jinja run it: Jinja2ChatFormatter of llama-cpp-python, say."""
    jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    jinja.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return jinja.from_string(without_marks(CHAT_TEMPLATE))


@drawn
@given(talk=conversations())
def test_the_layout_is_the_templates_text(template, talk):
    messages, tools = openai(normal(talk))
    text = "".join(piece.text for piece in layout.pieces(talk))
    assert template.render(messages=messages, tools=tools) == text


def test_the_text_is_qwen3s(template):
    talk = layout.conversation(layout.spelled(QWEN3))
    assert [m.role for m in talk.messages] == [
        *["system", "user", "assistant", "tool", "tool"],
        *["assistant", "tool", "assistant", "user"],
    ]
    assert "".join(piece.text for piece in layout.pieces(talk)) == QWEN3
    messages, tools = openai(talk)
    assert template.render(messages=messages, tools=tools) == QWEN3
    header = template.render(messages=messages, tools=tools, add_generation_prompt=True)
    assert header == QWEN3 + "<|im_start|>assistant\n"


def test_other_programs_messages_are_rendered_as_well(template):
    """Content of null beside calls, arguments as text, calls without a function's wrapper."""
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": "{}"}]},
        {"role": "tool", "content": "1"},
    ]
    assert template.render(messages=messages, tools=None) == (
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
        '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n1\n</tool_response><|im_end|>\n"
    )


def test_a_prompt_closes_a_turn_whose_outputs_are_missing(template):
    calls = [{"name": "f", "arguments": {}}] * 2
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "1"},
    ]
    text = template.render(messages=messages)
    assert text.endswith("\n</tool_response>")
    header = "<|im_end|>\n<|im_start|>assistant\n"
    assert template.render(messages=messages, add_generation_prompt=True) == text + header
    asked = assistant("", [ToolCall("f", "{}")] * 2)
    open_ = Conversation((user("hi"), asked, tool("1")))
    assert "".join(piece.text for piece in layout.pieces(open_)) == text


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("\n3\n", "3"),
        ("\n3\n", "\n3"),
        ("\n3\n", "3\n"),
        ("\n3\n", "\n"),
        ("\n3\n", ""),
        ("</tool_response>\n<tool", "</tool_response><tool"),
        ("</tool_response>\n<tool", "</tool_response>\n\n<tool"),
        ("\n\n</tool_response><", "\n\n</tool_response>\n<"),
        ("</tool_response>\n<tool", "</tool_response><|im_end|>\n<|im_start|>user\n<tool"),
        ("<tool_response>\n3", "<tool_call>\n3"),
        ("\n3\n</tool_response>", "\n3\n</tool_call>"),
        ("user\n<tool_response>\n0\n</tool_response>", "tool\n0"),
        ("Be brief.\n\n#", "Be brief.\n#"),
        ("<tools>\n", "<tools>x\n"),
        (QWEN3[QWEN3.index("\n{") : QWEN3.index("\n</tools>")], ""),
        ("</tools>\n\nFor", "</tools>\nFor"),
        ("<args-json-object>}\n</tool_call>", "<args-json-object>}</tool_call>"),
        ("Thanks<|im_end|>\n", "Thanks<|im_end|>"),
        ("Thanks<|im_end|>\n", "Thanks<|im_end|>\n\n"),
        ("<|im_start|>user\nThanks", "user\nThanks"),
        ("user\nThanks", "user"),
    ],
)
def test_another_form_is_refused(part, other):
    """Which rendered again would be another text."""
    assert QWEN3.count(part) == 1
    with pytest.raises(UserError):
        layout.conversation(layout.spelled(QWEN3.replace(part, other)))


def joined(parts):
    """Texts that follow each other as one, as `decode` reads them of tokens."""
    found: list[layout.TurnPart] = []
    for piece in parts:
        if found and not piece.control and not found[-1].control:
            found[-1] = layout.TurnPart(found[-1].text + piece.text)
        elif piece.text:
            found.append(layout.TurnPart(piece.text, piece.control))
    return found


BROKEN = st.sampled_from(
    ["", "\n", " ", "\n\n", "x", "x\n", "\nx\n", "user\n", "tool\nx", "system"]
)
CONTROL = st.sampled_from([layout.START, layout.STOP, layout.CALL, layout.OUTPUT_END])


@drawn
@given(talk=conversations(), data=st.data())
def test_pieces_of_another_form_are_refused_and_never_read_as_something_else(talk, data):
    """What is read of damaged pieces is what they say: rendered again it begins with them."""
    parts = [*layout.pieces(normal(talk))]
    # not what an assistant wrote, where white space is free
    free = [at for at, piece in enumerate(parts) if not piece.learned]
    at = data.draw(st.sampled_from([at for at in free if parts[at].text != "assistant\n"]))
    old = parts[at]
    where = 0 if old.control else data.draw(st.integers(0, len(old.text)))
    new = data.draw(
        st.sampled_from(["dropped", "twice"])
        | BROKEN
        | BROKEN.map(lambda text: old.text[:where] + text + old.text[where:])
        | CONTROL.map(lambda name: layout.TurnPart(name, control=True))
    )
    if new in ("dropped", "twice"):
        parts[at : at + 1] = [old] * (2 * (new == "twice"))
    else:
        parts[at] = layout.TurnPart(new) if isinstance(new, str) else new
    given = joined(parts)
    try:
        found = layout.conversation(given)
        check(found)
    except UserError:
        return
    again = joined(layout.pieces(found))
    if given and not given[-1].control:  # a last turn that lacks its stop token
        assert again[len(given) - 1].text.startswith(given[-1].text)
        given.pop()
    assert again[: len(given)] == given


ADD = ToolCall("add", '{"a": 1}')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", assistant("")),
        ("Hi.\n", assistant("Hi.\n")),
        ('<tool_call>{"name":"add","arguments":{"a":1}}</tool_call>', assistant("", [ADD])),
        ('a\n\n<tool_call>\n{"arguments": {"a": 1}, "name": "add"}\n</tool_call>\n \n',
         assistant("a\n", [ADD])),
        ('a<tool_call>{"name":"add","arguments":{"a":1}}</tool_call>  '
         '<tool_call>{"name":"add","arguments":{"a":1}}</tool_call>', assistant("a", [ADD, ADD])),
    ],
)  # fmt: skip
def test_white_space_around_calls_does_not_matter(text, said):
    assert layout.reply(layout.spelled(text)) == said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<tool_call>{}", "among or after"),
        ("<tool_call></tool_call>", "among or after"),
        ("<tool_call>{</tool_call>", "no JSON"),
        ("<tool_call>[1]</tool_call>", "needs a name and arguments"),
        ('<tool_call>{"name": "a"}</tool_call>', "needs a name and arguments"),
        ('<tool_call>{"name": "a", "arguments": "{}"}</tool_call>', "a name and an object"),
        ('<tool_call>{"name": 1, "arguments": {}}</tool_call>', "a name and an object"),
        ('<tool_call>{"name": "a", "arguments": {"x": NaN}}</tool_call>', "JSON"),
        ('<tool_call>{"name": "a", "arguments": {}}</tool_call> So.', "' So.' among or after"),
        ("a</tool_call>", "holds </tool_call>"),
        ("a<|im_end|>b", "holds <|im_end|>"),
        ("<tool_response>", "holds <tool_response>"),
    ],
)
def test_a_malformed_reply_is_one_line(text, why):
    with pytest.raises(UserError, match=why.replace("|", r"\|")) as caught:
        layout.reply(layout.spelled(text))
    assert "\n" not in str(caught.value)
