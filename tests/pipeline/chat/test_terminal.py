"""Streaming gives the engine's text in whole characters; old turns make room for new ones."""

import pytest

from pipeline.chat import terminal
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
    pieces = terminal.reply(model, tokenizer, TURNS, max_new_tokens=40, temperature=0.9, seed=3)
    assert "".join(pieces) == tokenizer.decode(tokens)


def test_a_character_of_several_tokens_comes_whole(chat_model, monkeypatch):
    model, tokenizer = chat_model
    ids = tokenizer.encode("a€b")
    assert len(ids) > 3
    monkeypatch.setattr(terminal.Engine, "stream", lambda self, prompt, **_: iter(ids))
    assert list(terminal.complete(model, tokenizer, "x")) == ["a", "€", "b"]


def test_a_cut_character_shows_as_the_replacement_sign(chat_model, monkeypatch):
    model, tokenizer = chat_model
    ids = tokenizer.encode("€")[:1]
    monkeypatch.setattr(terminal.Engine, "stream", lambda self, prompt, **_: iter(ids))
    assert list(terminal.complete(model, tokenizer, "x")) == ["\N{REPLACEMENT CHARACTER}"]


def test_oldest_turns_make_room_but_never_the_system_message(chat_tokenizer):
    messages = [system("Be brief."), *TURNS[:2] * 5, TURNS[2]]
    short = terminal.fit(messages, chat_tokenizer, 60)
    assert len(short) <= 60
    text = chat_tokenizer.decode(short)
    assert "Be brief." in text
    assert "And 4 + 5?" in text
    assert terminal.fit(messages, chat_tokenizer, 1000) == prompt(messages, chat_tokenizer)


def test_what_cannot_fit_is_refused(chat_model, post_training):
    model, tokenizer = chat_model
    with pytest.raises(UserError, match="shorten it"):
        list(terminal.reply(model, tokenizer, [user("word " * 300)]))
    with pytest.raises(UserError, match="shorten it"):
        list(terminal.complete(model, tokenizer, "word " * 300))


def test_a_base_model_does_not_chat(post_training):
    from pipeline import model as models

    with pytest.raises(UserError, match="complete"):
        list(terminal.reply(*models.load(post_training.base), TURNS))
