"""The mask covers exactly what the assistant wrote, its stop token included, whatever is said."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.chat.conversation import (
    START,
    STOP,
    Message,
    assistant,
    from_row,
    mask_of,
    prompt,
    render,
    spans,
    system,
    user,
)
from pipeline.tokenizer.special import CHAT_TEMPLATE, CONVERSATION_TOKENS
from storage.errors import UserError

# any text, and texts made of what could confuse an encoder
content = st.one_of(
    st.text(max_size=40).filter(lambda s: not any(0xD800 <= ord(c) <= 0xDFFF for c in s)),
    st.lists(
        st.sampled_from([*CONVERSATION_TOKENS, "<|endoftext|>", "\n", " ", "assistant\n", "12"]),
        max_size=6,
    ).map("".join),
)
plain = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    turns = draw(st.lists(st.tuples(content, content), min_size=1, max_size=3))
    messages = [m for ask, answer in turns for m in (user(ask), assistant(answer))]
    if draw(st.booleans()):
        messages.insert(0, system(draw(content)))
    return messages


@plain
@given(messages=conversations())
def test_mask_covers_the_assistant_and_its_stop_token_alone(chat_tokenizer, messages):
    ids, mask = render(messages, chat_tokenizer)
    stop = chat_tokenizer.special(STOP)
    learned = [[ids[i] for i in range(start, end)] for start, end in spans(mask)]
    said = [m.content for m in messages if m.role == "assistant"]
    assert len(ids) == len(mask)
    assert [chat_tokenizer.decode(part[:-1]) for part in learned] == said
    assert [part[-1] for part in learned] == [stop] * len(said)


@plain
@given(messages=conversations())
def test_no_content_can_forge_a_turn(chat_tokenizer, messages):
    ids, _ = render(messages, chat_tokenizer)
    special = {chat_tokenizer.special(name) for name in CONVERSATION_TOKENS}
    marks = [token for token in ids if token in special]
    one = [chat_tokenizer.special(START), chat_tokenizer.special(STOP)]
    assert marks == one * len(messages)
    assert chat_tokenizer.document_token not in ids


@plain
@given(messages=conversations())
def test_text_comes_back_and_generation_starts_where_training_did(chat_tokenizer, messages):
    ids, mask = render(messages, chat_tokenizer)
    whole = "".join(f"{START}{m.role}\n{m.content}{STOP}\n" for m in messages)
    assert chat_tokenizer.decode(ids) == whole
    start = prompt(messages[:-1], chat_tokenizer)
    assert ids[: len(start)] == start
    assert spans(mask)[-1][0] == len(start)


@given(st.lists(st.integers(0, 1), max_size=50))
def test_spans_and_masks_are_inverse(mask):
    assert mask_of(spans(mask), len(mask)) == mask


def test_ids_are_those_of_the_chat_template(chat_tokenizer, post_training):
    jinja2 = pytest.importorskip("jinja2")
    tokenizers = pytest.importorskip("tokenizers")
    messages = [system("Be brief."), user("What is 3 + 4?"), assistant("It is 7.")]
    rows = [{"role": m.role, "content": m.content} for m in messages]
    text = jinja2.Template(CHAT_TEMPLATE).render(messages=rows)
    rust = tokenizers.Tokenizer.from_file(str(post_training.chat / "tokenizer.json"))
    assert render(messages, chat_tokenizer)[0] == rust.encode(text).ids


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [assistant("Hello.")],
        [user("a"), user("b")],
        [user("a"), system("b")],
        [user("a"), Message("tool", "b")],
    ],
)
def test_turns_out_of_order_are_refused(chat_tokenizer, messages):
    with pytest.raises(UserError, match="conversation"):
        render(messages, chat_tokenizer)


def test_a_base_tokenizer_is_refused(post_training):
    from pipeline.tokenizer import Tokenizer

    with pytest.raises(UserError, match="im_start"):
        render([user("Hello.")], Tokenizer.load(post_training.tokenizer))


def test_rows_of_the_table_become_messages():
    assert from_row({"messages": [{"role": "user", "content": "Hello."}]}).messages == (
        user("Hello."),
    )
