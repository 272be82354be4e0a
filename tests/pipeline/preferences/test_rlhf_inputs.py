"""Prompts and pairs of the input folders: each once, by split; the true reward is the taste's."""

import dataclasses

import numpy as np
import pytest
from toy_preferences import comparison, write_comparisons, write_toys
from toy_rlhf import toy_prompts

from pipeline.chat.conversation import STOP, Conversation, prompt
from pipeline.preferences.preference_prompts import write_prompts
from pipeline.preferences.rlhf_inputs import given_pairs, given_prompts, taste_reward
from pipeline.preferences.taste import Taste, gold_reward, qualities
from pipeline.rl.rollouts import DrawnAnswer


def test_prompts_of_all_folders_come_once_and_never_train_where_they_validate(tmp_path):
    prompts = toy_prompts(6)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_prompts([*prompts[:4], *toy_prompts(6, "validation")[4:]], tmp_path / "a")
    write_prompts([*prompts[2:], *toy_prompts(1, "validation")], tmp_path / "b")
    found = given_prompts([tmp_path / "a", tmp_path / "b"])
    assert [p.id for p in found.train] == [p.id for p in prompts[1:4]]
    assert [p.id for p in found.validation] == [prompts[n].id for n in (4, 5, 0)]


def test_of_comparisons_alone_the_prompts_are_what_was_compared(tmp_path):
    folder = write_toys(tmp_path / "labels", 12)
    found = given_prompts([folder])
    assert len(found.train) == 9
    assert len(found.validation) == 3
    assert {p.kind for p in found.train} == {""}
    assert all(p.split == "train" and "What about" in p.question for p in found.train)


def test_pairs_are_split_into_prompt_and_answers_and_ties_left_out(tmp_path, chat_tokenizer):
    row = comparison(1)
    tie = comparison(2, winner="tie")
    folder = write_comparisons(tmp_path / "p", [row, tie, comparison(4)])
    found = given_pairs([folder], chat_tokenizer, 150)
    (pair,) = found.train
    assert len(found.validation) == 1
    asked = given_prompts([folder]).train[0]
    assert pair.prompt == prompt(Conversation(asked.messages), chat_tokenizer)
    stop = [chat_tokenizer.special(STOP)]
    loser = "b" if row["winner"] == "a" else "a"
    assert pair.chosen == chat_tokenizer.encode(row[row["winner"]]) + stop
    assert pair.rejected == chat_tokenizer.encode(row[loser]) + stop


@pytest.mark.parametrize("taste", [Taste(), dataclasses.replace(Taste(), polite=9.0)])
def test_the_true_reward_is_the_raters_taste(taste):
    prompts = toy_prompts(2)
    texts = [["Sorry, I don't know.", "It is 1.", "It is 1."], ["It is 3.", "3", "Thank you."]]
    answers = [[DrawnAnswer([1], [0.0], n != 1, t, t) for n, t in enumerate(g)] for g in texts]
    found = taste_reward(taste)(prompts, answers)
    expected = [
        [gold_reward(qualities(asked, a.text, a.stopped), taste) for a in group]
        for asked, group in zip(prompts, answers)
    ]
    assert found.tolist() == expected
    assert found[0, 1] != found[0, 2]  # one of them was cut
    assert isinstance(found, np.ndarray)
