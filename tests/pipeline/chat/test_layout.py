"""Our layout is the chat template's text, and a sampled reply is read or refused."""

import json

import jinja2
import pytest
from hypothesis import given
from jinja2.sandbox import ImmutableSandboxedEnvironment
from random_conversations import conversations, drawn, openai

from pipeline.chat import layout
from pipeline.chat.conversation import ToolCall, assistant, normal
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
