"""Batches of prompts: each once an epoch, by number alone; those without room are left out."""

import io
import json

import pytest
from toy_rlhf import toy_prompts

from pipeline.chat.conversation import prompt
from pipeline.preferences.prompt_batches import batch_of, fitting, spread
from pipeline.stage import SILENT, Progress
from storage.errors import UserError


def test_each_thing_comes_once_in_an_epoch_and_epochs_differ():
    drawn = [batch_of(range(10), 4, number, 7) for number in range(5)]
    every = [thing for batch in drawn for thing in batch]
    assert sorted(every[:10]) == sorted(every[10:]) == list(range(10))
    assert every[:10] != every[10:]
    assert batch_of(range(10), 4, 2, 7) == drawn[2]
    assert batch_of(range(10), 4, 2, 8) != drawn[2]
    assert len(batch_of(["one"], 3, 0, 0)) == 3  # fewer than a batch: again


def test_a_measurement_takes_each_prompt_once():
    prompts = toy_prompts(9)
    assert len(set(spread(prompts, 5, 0))) == 5
    assert sorted(p.id for p in spread(prompts, 50, 0)) == sorted(p.id for p in prompts)


def test_prompts_without_room_for_an_answer_are_left_out_and_said(chat_tokenizer):
    prompts = toy_prompts(12)
    lengths = [len(prompt(each.conversation, chat_tokenizer)) for each in prompts]
    context = max(lengths) + 9
    stream = io.StringIO()
    kept = fitting(prompts, chat_tokenizer, context, 10, Progress(stream))
    assert [p.id for p in kept] == [
        p.id for p, length in zip(prompts, lengths) if length < max(lengths)
    ]
    (note,) = [json.loads(line)["text"] for line in stream.getvalue().splitlines()]
    assert f"{12 - len(kept)} of 12 prompts are left out" in note
    assert fitting(prompts, chat_tokenizer, context + 1, 10, SILENT) == prompts
    with pytest.raises(UserError, match="none of 12 prompts leaves room"):
        fitting(prompts, chat_tokenizer, 12, 10, SILENT)
