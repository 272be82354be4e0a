"""What transformers makes of an exported folder's conversations: our ids and our loss mask."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from random_conversations import conversations, drawn, openai, plain_reply, plain_text
from toy_artifacts import PostTraining

from pipeline.chat.conversation import assistant, decode, normal, prompt, render, user
from pipeline.export import export, load
from pipeline.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def folder(post_training: PostTraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "chat"
    export(post_training.chat, out, "hf", None, "toy-chat", measure=False)
    return out


@pytest.fixture(scope="module")
def ours(folder: Path) -> Tokenizer:
    return load(folder)[1]


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@drawn
@given(talk=conversations(plain_text, plain_reply))
def test_ids_and_loss_mask_are_the_templates(ours, theirs, talk):
    messages, tools = openai(normal(talk))
    found = theirs.apply_chat_template(
        messages, tools=tools or None, return_assistant_tokens_mask=True, return_dict=True
    )
    ids, mask = render(talk, ours)
    assert found["input_ids"] == ids
    assert found["assistant_masks"] == mask
    assert decode(found["input_ids"], ours) == normal(talk)


@drawn
@given(talk=conversations())
def test_texts_are_the_templates_whatever_is_typed(ours, theirs, talk):
    messages, tools = openai(normal(talk))
    text = theirs.apply_chat_template(messages, tools=tools or None, tokenize=False)
    assert ours.decode(render(talk, ours)[0]) == text


def test_prompts_are_the_templates(ours, theirs):
    for messages in ([user("Hi ")], [user("Hi"), assistant("Yes."), user("\n\n 12 + 3?")]):
        rows = [{"role": m.role, "content": m.content} for m in messages]
        found = theirs.apply_chat_template(rows, add_generation_prompt=True, return_dict=True)
        assert found["input_ids"] == prompt(messages, ours)
