"""Random conversations for property tests: tools, several calls at a time, odd characters.

`CRAWL2CHAT_CONVERSATIONS=10000 pytest …` (`make fuzz`) draws so many in each test with `drawn`.
"""

import json
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pipeline.chat.conversation import (
    Conversation,
    Message,
    ToolCall,
    assistant,
    canonical_json,
    system,
    tool,
    user,
)
from pipeline.tokenizer.special import CONVERSATION_TOKENS

EXAMPLES = int(os.environ.get("CRAWL2CHAT_CONVERSATIONS", "20" if "CI" in os.environ else "60"))
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
drawn = settings(deadline=None, suppress_health_check=SLOW, max_examples=EXAMPLES)

# What confuses encoders, parsers and templates, of people's reports: line separators of JSON and
# of Unicode, byte order marks, joined emoji, white space of every kind, code of templates.
ODD = [
    *["\n", "\n\n", " ", "  ", "\t", "\r\n", "\r", "\u2028", "\u2029", "\u0085", "\u00a0"],
    *["\u3000", "\x00", "\x7f", "\ufffd", "\U0010ffff", "\ufeff", "\u200d", "\u0301", "é", "日本"],
    *["\U0001f469\u200d\U0001f467", "\U0001f3f3\ufe0f\u200d\U0001f308", '"', "'", "\\", "\\n"],
    *["{", "}", "{{ messages }}", "{% endgeneration %}", "&lt;", "</tools>", "# Tools\n\n", "12"],
    *["assistant\n", "user\n", "system", "<think>\n", "</think>\n\n"],
]  # fmt: skip
SPELLED = (*CONVERSATION_TOKENS, "<|endoftext|>")
TYPED = [*SPELLED, "<tool_call>\n{}", "\n</tool_response>"]

unicode_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=24)
odd_text = st.one_of(unicode_text, st.lists(st.sampled_from(ODD), max_size=5).map("".join))
# Without names of control tokens, which programs that render to text read as the tokens; hypothesis
# draws them by itself, since it finds them in the source.
plain_text = odd_text.filter(lambda text: not any(name in text for name in SPELLED))
typed_text = st.one_of(odd_text, st.lists(st.sampled_from([*ODD, *TYPED]), max_size=6).map("".join))
# A template in text form makes one token of the header's line break and a reply's own.
plain_reply = plain_text.filter(lambda text: text.lstrip() == text or "\n" not in text)
plain_reply = plain_reply.filter(lambda text: text.lstrip() == text or "\r" not in text)


def json_objects(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    )
    inner = st.lists(leaves, max_size=2) | st.dictionaries(texts, leaves, max_size=2)
    return st.dictionaries(texts, leaves | inner, max_size=2)


@st.composite
def conversations(
    draw: st.DrawFn,
    texts: st.SearchStrategy[str] = typed_text,
    replies: st.SearchStrategy[str] = typed_text,
) -> Conversation:
    """A conversation in order, cut anywhere: it may end among tools' outputs."""
    names = st.sampled_from(["search", "get_weather", "a.b/c-d", "名前", "two words", "\u2028"])
    messages: list[Message] = [system(draw(texts))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages.append(user(draw(texts)))
        for _ in range(draw(st.integers(0, 2))):
            named = draw(st.booleans())
            calls = [
                ToolCall(
                    draw(names),
                    canonical_json(draw(json_objects(texts))),
                    f"call_{n}" if named else "",
                )
                for n in range(draw(st.integers(1, 3)))
            ]
            messages.append(assistant(draw(replies), calls))
            order = draw(st.permutations(calls)) if named else calls
            messages += [tool(draw(texts), call.id) for call in order]
        messages.append(assistant(draw(replies)))
    tools = [
        canonical_json(
            {"type": "function", "function": {"name": draw(names), **draw(json_objects(texts))}}
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    tools = [text for text in tools if isinstance(json.loads(text)["function"]["name"], str)]
    kept = draw(st.integers(1, len(messages)) | st.just(len(messages)))
    return Conversation(tuple(messages[:kept]), tuple(tools))


def openai(talk: Conversation) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Messages and tools as OpenAI's API and transformers take them."""
    messages: list[dict[str, Any]] = []
    for said in talk.messages:
        row: dict[str, Any] = {"role": said.role, "content": said.content}
        if said.tool_calls:
            row["tool_calls"] = [
                {
                    "type": "function",
                    "id": call.id,
                    "function": {"name": call.name, "arguments": json.loads(call.arguments)},
                }
                for call in said.tool_calls
            ]
        messages.append(row)
    return messages, [json.loads(text) for text in talk.tools]
