"""Prompts with known truth, of each kind as many as there are, none that an evaluation asks."""

import dataclasses
import re
from collections import Counter

import pytest
from short_answers import write_questions

from pipeline.chat.conversation import prompt
from pipeline.curriculum.held_out import sum_split
from pipeline.curriculum.tasks import is_right
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.drawn_prompts import PromptSources, drawn
from pipeline.preferences.prompt_splits import PromptSplits
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.schemas import CONVERSATIONS
from storage.tables import read_table, table, write_table

CONFIG = PreferencesConfig(facts=12, unknown=8, tasks=10, requests=9, validation_fraction=0.3)


@pytest.fixture
def sources(post_training, tmp_path):
    return PromptSources([write_questions(tmp_path / "asked")], [post_training.conversations])


class Notes(Progress):
    def __init__(self):
        super().__init__()
        self.said = []

    def note(self, text):
        self.said.append(text)


def draw(sources, tokenizer, config=CONFIG, max_context=192, progress=SILENT):
    splits = PromptSplits(config.validation_fraction)
    return drawn(sources, config, splits, tokenizer, max_context, progress)


def test_each_kind_comes_as_often_as_it_is_wanted(sources, chat_tokenizer):
    found = draw(sources, chat_tokenizer)
    kinds = Counter(one.kind for one in found)
    assert kinds == {"fact": 12, "unknown": 8, "sum": 10, "request": 9}
    assert len({one.id for one in found}) == len(found)
    assert [one.kind for one in found] != sorted(one.kind for one in found)
    assert draw(sources, chat_tokenizer) == found
    other = draw(sources, chat_tokenizer, dataclasses.replace(CONFIG, seed=1))
    assert {one.id for one in other} != {one.id for one in found}


def test_truth_stands_with_each_prompt(sources, chat_tokenizer):
    rows = read_table(sources.interrogations[0] / "questions.parquet").to_pylist()
    asked = {row["question"]: row for row in rows}
    replies: dict[str, set[str]] = {}
    for talk in read_table(sources.conversations[0] / "conversations.parquet").to_pylist():
        if talk["split"] == "train" and talk["source"] in CONFIG.request_sources:
            question, reply, *_ = (
                said["content"] for said in talk["messages"] if said["role"] != "system"
            )
            replies.setdefault(question, set()).add(reply)
    for one in draw(sources, chat_tokenizer):
        if one.kind in ("fact", "unknown"):
            row = asked[one.question]
            assert list(one.right_answers) == row["values"]
            assert one.origin == row["origin"]
            if one.kind == "fact":
                assert row["label"] == "known"
        elif one.kind == "sum":
            a, b = map(int, re.findall(r"\d+", one.question))
            assert is_right("sum", f"It is {a + b}.", one.answer)
            assert sum_split(a, b) == "rl"  # evaluation's sums are others
        else:
            assert set(one.right_answers) == replies[one.question]


def test_wordings_of_an_entity_are_in_one_split(sources, chat_tokenizer):
    everything = dataclasses.replace(CONFIG, facts=100, unknown=100)
    sides: dict[str, set[str]] = {}
    for one in draw(sources, chat_tokenizer, everything):
        if one.kind in ("fact", "unknown"):
            (person,) = re.findall(r"Person\d+", one.question)
            sides.setdefault(person, set()).add(one.split)
    assert all(len(side) == 1 for side in sides.values())
    assert len(sides) == 24
    assert {split for side in sides.values() for split in side} == {"train", "validation"}


def test_what_two_sources_have_is_asked_once(sources, chat_tokenizer):
    twice = PromptSources(sources.interrogations * 2, list(sources.conversations) * 2)
    found = draw(twice, chat_tokenizer, dataclasses.replace(CONFIG, facts=30))
    assert sum(one.kind == "fact" for one in found) == 30
    assert len({one.id for one in found}) == len(found)


def test_conversations_that_fine_tuning_holds_back_are_not_asked(sources, chat_tokenizer, tmp_path):
    rows = read_table(sources.conversations[0] / "conversations.parquet").to_pylist()
    for row in rows:
        row["split"] = "validation" if row["source"] == "small_talk" else "train"
    write_table(table(rows, CONVERSATIONS), tmp_path / "held" / "conversations.parquet")
    held = {row["messages"][-2]["content"] for row in rows if row["split"] == "validation"}
    found = draw(PromptSources([], [tmp_path / "held"]), chat_tokenizer)
    assert sum(one.kind == "request" for one in found) == 9
    assert not held & {one.question for one in found}


def test_what_is_missing_is_said(sources, chat_tokenizer):
    notes = Notes()
    found = draw(sources, chat_tokenizer, dataclasses.replace(CONFIG, unknown=500), progress=notes)
    assert notes.said == ["preferences: 24 prompts of kind unknown, 500 were wanted"]
    assert sum(one.kind == "unknown" for one in found) == 24


def test_what_leaves_no_room_is_not_asked_and_said(sources, chat_tokenizer):
    notes, room = Notes(), 34
    found = draw(sources, chat_tokenizer, max_context=room, progress=notes)
    assert 0 < len(found) < 39
    assert all(len(prompt(one.conversation, chat_tokenizer)) < room for one in found)
    assert any(f"leave no room for an answer in {room} tokens" in text for text in notes.said)


def test_nothing_to_ask_is_one_line(chat_tokenizer):
    with pytest.raises(UserError, match="there is no prompt to sample answers to"):
        draw(PromptSources(), chat_tokenizer, dataclasses.replace(CONFIG, tasks=0))


def test_a_folder_without_questions_is_named(tmp_path, chat_tokenizer):
    with pytest.raises(UserError, match=r"no questions\.parquet"):
        draw(PromptSources([tmp_path]), chat_tokenizer)
