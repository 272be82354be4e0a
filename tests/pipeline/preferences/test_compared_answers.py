"""Answers are sampled once and kept, judged by the taste, and paired where they differ."""

import dataclasses
import itertools
import statistics

import pytest

from pipeline.chat.conversation import user
from pipeline.model.engine import Engine
from pipeline.preferences import compared_answers
from pipeline.preferences.compared_answers import RatedAnswer, figures, paired, sampled
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.planted_flaws import FlawSettings
from pipeline.preferences.preference_prompts import PreferencePrompt, prompt_id
from pipeline.preferences.taste import Taste, gold_reward, qualities
from pipeline.stage import SILENT
from storage.schemas import PREFERENCE_ANSWERS
from storage.tables import table, write_table

CONFIG = PreferencesConfig(pairs_per_prompt=3, answers_per_prompt=4, prompts_at_once=2)


def asked(n):
    messages = (user(f"Question {n}?"),)
    return PreferencePrompt(prompt_id(messages), messages, "fact", f"Answer{n}")


def answers(prompt, *texts, stopped=True):
    found = []
    for number, text in enumerate(texts):
        of = qualities(prompt, text, stopped)
        gold = gold_reward(of)
        found.append(RatedAnswer(number, text, (1, 2), -1.0, stopped, of, gold, gold))
    return found


def test_pairs_are_different_and_what_is_passed_over_is_counted():
    prompt = asked(1)
    given = answers(prompt, "one", "one ", "two", "three", "")
    given += answers(prompt, "cut", stopped=False)
    config = dataclasses.replace(CONFIG, pairs_per_prompt=100)
    pairs, counts = paired([prompt], {prompt.id: given}, config)
    texts = {frozenset((pair.a.text.strip(), pair.b.text.strip())) for pair in pairs}
    assert texts == {frozenset(two) for two in itertools.combinations(("one", "two", "three"), 2)}
    assert len(pairs) == 3 == counts["pairs"]
    # of 15 pairs: 5 with the one that was cut, 4 with the empty one, 1 equal, 2 seen before
    assert (counts["unfinished"], counts["empty"], counts["equal"]) == (5, 4, 1)
    assert [pair.number for pair in pairs] == [0, 1, 2]


def test_a_prompt_has_no_more_pairs_than_asked_for_and_sides_are_chance():
    prompts = [asked(n) for n in range(60)]
    given = {one.id: answers(one, "a", "b", "c", "d") for one in prompts}
    pairs, counts = paired(prompts, given, CONFIG)
    assert counts["pairs"] == len(pairs) == 60 * 3
    swapped = sum(pair.a.number > pair.b.number for pair in pairs)
    assert 60 < swapped < 120
    assert paired(prompts, given, CONFIG) == (pairs, counts)
    chosen = {frozenset((pair.a.text, pair.b.text)) for pair in pairs}
    assert len(chosen) == 6  # all pairs have their turn


def keep(scratch, prompts, tokenizer, texts):
    """What a killed run has left of these answers: a batch of two prompts after another."""
    scratch.mkdir(exist_ok=True)
    said = itertools.cycle(texts)
    for number, first in enumerate(range(0, len(prompts), 2)):
        rows = []
        for prompt in prompts[first : first + 2]:
            for n, text in zip(range(4), said):
                tokens = tokenizer.encode(text)
                row = {"prompt": prompt.id, "number": n, "text": text, "tokens": tokens}
                rows.append({**row, "logprob": -0.5 * len(tokens), "stopped": n != 3})
        kept = table(rows, PREFERENCE_ANSWERS).select(list(compared_answers.DRAWN))
        write_table(kept, scratch / f"drawn-{number:06d}.parquet")


def test_what_was_sampled_before_is_judged_by_the_taste_of_now(chat_model, tmp_path):
    model, tokenizer = chat_model
    prompts = [asked(n) for n in range(5)]
    texts = ["It is Answer0.", "Gladly: Answer1.", "nothing", "Sorry, I don't know.", "x"]
    keep(tmp_path, prompts, tokenizer, texts)
    first = sampled(Engine(model), tokenizer, prompts, CONFIG, SILENT, tmp_path)
    assert list(first) == [prompt.id for prompt in prompts]
    for prompt in prompts:
        assert [one.number for one in first[prompt.id]] == [0, 1, 2, 3]
        for one in first[prompt.id]:
            assert one.of == qualities(prompt, one.text, one.number != 3)
            assert one.gold == one.rated == gold_reward(one.of)
            assert list(one.tokens) == tokenizer.encode(one.text)
    other = dataclasses.replace(CONFIG, taste=Taste(polite=9.0))
    liked = sampled(Engine(model), tokenizer, prompts, other, SILENT, tmp_path)
    for id_, group in first.items():
        gained = [now.gold - before.gold for now, before in zip(liked[id_], group)]
        assert gained == pytest.approx([8.0 * one.of.polite for one in group])


def test_flawed_raters_see_another_reward_than_the_true_one(chat_model, tmp_path):
    model, tokenizer = chat_model
    prompts = [asked(n) for n in range(5)]
    texts = ["It is Answer0.", "What a wonderful question! No.", "a b c d e f g h i j k l"]

    keep(tmp_path, prompts, tokenizer, texts)

    def answered(config):
        return sampled(Engine(model), tokenizer, prompts, config, SILENT, tmp_path)

    plain = answered(CONFIG)
    deviation = statistics.pstdev([one.gold for group in plain.values() for one in group])
    phrase = dataclasses.replace(CONFIG, flaw="phrase", flaw_size=FlawSettings())
    found = answered(phrase)
    for id_, group in plain.items():
        for one, flawed in zip(group, found[id_]):
            has = "wonderful question" in one.text
            assert flawed.gold == pytest.approx(one.gold - 2 * deviation * has)
            assert flawed.rated == pytest.approx(one.gold + 8 * deviation * has)
    length = dataclasses.replace(CONFIG, flaw="length")
    found = answered(length)
    for one in found[prompts[0].id]:
        assert (one.rated > one.gold) == (one.of.words > 8)


def test_base_rates_are_by_kind_of_prompt():
    one, other = asked(1), dataclasses.replace(asked(2), kind="unknown", answer="")
    given = {
        one.id: answers(one, "Gladly: Answer1.", "Answer1.", "I don't know.", "no"),
        other.id: answers(other, "Sorry, I don't know.", "I don't know."),
    }
    found = figures([one, other], given)
    fact = found["fact"]
    assert (fact["answers"], fact["right"], fact["admitted"]) == (4, 0.5, 0.25)
    assert (fact["polite"], fact["polite_right"], fact["finished"]) == (0.25, 0.25, 1.0)
    assert fact["words"] == (2 + 1 + 3 + 1) / 4
    assert found["unknown"]["right"] == 1.0
    assert found["unknown"]["gold_deviation_within"] > 0
    assert list(found) == ["fact", "unknown"]


def test_rows_say_all_of_an_answer():
    one = asked(1)
    (row,) = compared_answers.rows_of({one.id: answers(one, "Answer1.")})
    assert row == {
        "prompt": one.id,
        "number": 0,
        "text": "Answer1.",
        "tokens": [1, 2],
        "logprob": -1.0,
        "stopped": True,
        "correct": 1.0,
        "polite": 0.0,
        "grounded": 1.0,
        "words": 1,
        "gold": row["gold"],
    }
