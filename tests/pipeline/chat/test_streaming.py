"""Streaming gives the engine's text in whole characters; old turns make room for new ones."""

import pytest

from pipeline.chat import streaming
from pipeline.chat.conversation import STOP, assistant, prompt, system, user
from pipeline.model.engine import Engine
from storage.errors import UserError

TURNS = [user("What is 3 + 4?"), assistant("It is 7."), user("And 4 + 5?")]


def test_reply_is_what_the_engine_says(chat_model):
    model, tokenizer = chat_model
    stop = tokenizer.special(STOP)
    ids = prompt(TURNS, tokenizer)
    ((found,),) = Engine(model).generate(
        [ids], max_new_tokens=40, temperature=0.9, stop_tokens=(stop,), seed=3
    )
    tokens = found.tokens[:-1] if found.stopped else found.tokens
    pieces = streaming.reply(
        Engine(model), tokenizer, TURNS, max_new_tokens=40, temperature=0.9, seed=3
    )
    assert "".join(pieces) == tokenizer.decode(tokens)


def test_a_character_of_several_tokens_comes_whole(chat_model, monkeypatch):
    model, tokenizer = chat_model
    ids = tokenizer.encode("a€b")
    assert len(ids) > 3
    monkeypatch.setattr(streaming.Engine, "stream", lambda self, prompt, **_: iter(ids))
    assert list(streaming.complete(Engine(model), tokenizer, "x")) == ["a", "€", "b"]


def test_a_cut_character_shows_as_the_replacement_sign(chat_model, monkeypatch):
    model, tokenizer = chat_model
    ids = tokenizer.encode("€")[:1]
    monkeypatch.setattr(streaming.Engine, "stream", lambda self, prompt, **_: iter(ids))
    assert list(streaming.complete(Engine(model), tokenizer, "x")) == ["\N{REPLACEMENT CHARACTER}"]


def test_oldest_turns_make_room_but_never_the_system_message(chat_tokenizer):
    messages = [system("Be brief."), *TURNS[:2] * 5, TURNS[2]]
    short = streaming.fit(messages, chat_tokenizer, 100, 40)
    assert len(short) <= 60
    text = chat_tokenizer.decode(short)
    assert "Be brief." in text
    assert "And 4 + 5?" in text
    assert streaming.fit(messages, chat_tokenizer, 1000, 40) == prompt(messages, chat_tokenizer)


def test_an_answer_may_be_asked_for_that_is_longer_than_the_context(chat_model):
    model, tokenizer = chat_model
    context = model.config.max_context
    left = context - len(prompt(TURNS, tokenizer))
    whole = list(streaming.reply(Engine(model), tokenizer, TURNS[2:], max_new_tokens=context))
    for length in (context - 1, context + 1, 10**6):
        said = list(streaming.reply(Engine(model), tokenizer, TURNS[2:], max_new_tokens=length))
        assert said == whole
    assert streaming.fit(TURNS, tokenizer, context, left) == prompt(TURNS, tokenizer)
    # half of the context is kept for the answer, not all of it: the turns before aren't forgotten
    assert streaming.fit(TURNS, tokenizer, 192, 10**6) == prompt(TURNS, tokenizer)


def test_a_long_question_leaves_a_short_answer(chat_tokenizer):
    (question,) = questions = [user("word " * 20)]
    ids = prompt(questions, chat_tokenizer)
    assert streaming.fit(questions, chat_tokenizer, len(ids) + 1, 128) == ids
    assert streaming.fit([*TURNS[:2], question], chat_tokenizer, len(ids) + 1, 128) == ids
    with pytest.raises(UserError, match=f"the model's context is {len(ids)}: shorten it"):
        streaming.fit(questions, chat_tokenizer, len(ids), 128)


def test_what_cannot_fit_is_refused(chat_model, post_training):
    model, tokenizer = chat_model
    with pytest.raises(UserError, match="shorten it"):
        list(streaming.reply(Engine(model), tokenizer, [user("word " * 300)]))
    with pytest.raises(UserError, match="shorten it"):
        list(streaming.complete(Engine(model), tokenizer, "word " * 300))


def test_a_base_model_does_not_chat(post_training):
    from pipeline import model as models

    base, tokenizer = models.load(post_training.base)
    with pytest.raises(UserError, match="complete"):
        list(streaming.reply(Engine(base), tokenizer, TURNS))
