"""The next battle: pairs even out, sides are drawn, answers are those of their seed."""

import collections
from pathlib import Path
from typing import Any

import pytest
from toy_artifacts import PostTraining

from pipeline import model as models
from pipeline.chat.conversation import Conversation, assistant, system, to_row, user
from pipeline.evals.asking import Subject, ask
from pipeline.evals.battles import (
    BattleConfig,
    Entrant,
    fight,
    held_out_prompts,
    next_pair,
    next_prompt,
)
from pipeline.evals.config import EvalsConfig
from pipeline.evals.vote_store import opened_votes, prompt_key
from pipeline.ranges import OutOfRange
from storage.errors import UserError
from storage.schemas import CONVERSATIONS
from storage.tables import table, write_table

ASKED = Conversation((user("Where was Ada Abel born?"),))


@pytest.fixture(scope="module")
def entrants(post_training: PostTraining) -> list[Entrant]:
    """A base model and two chat models, of which the second is the first by another name."""
    chat, base = models.load(post_training.chat), models.load(post_training.base)
    return [Entrant("rl 2", *chat), Entrant("sft 1", *chat), Entrant("base 0", *base)]


def test_pairs_even_out_and_none_is_always_first() -> None:
    counts: dict[tuple[str, str], int] = {}
    firsts = collections.Counter[tuple[str, str]]()
    for number in range(120):
        pair = next_pair(["d", "b", "a", "c"], counts, number, seed=5)
        assert pair == tuple(sorted(pair))
        counts[pair] = counts.get(pair, 0) + 1
        if number % 6 == 0:
            firsts[pair] += 1
        assert max(counts.values()) - min(counts.values() if len(counts) == 6 else [0]) <= 1
    assert set(counts.values()) == {20}
    assert len(firsts) > 3  # who begins a round of all six pairs is drawn
    assert next_pair(["a", "b", "c"], {("a", "b"): 1, ("a", "c"): 1}, 0, 0) == ("b", "c")
    with pytest.raises(UserError, match="two models or more"):
        next_pair(["a", "a"], {}, 0, 0)


def test_a_prompt_comes_again_when_all_have_come() -> None:
    prompts = [Conversation((user(f"Question {n}?"),)) for n in range(3)]
    counts: dict[str, int] = {}
    seen = []
    for _ in range(6):
        prompt = next_prompt(prompts, counts)
        seen.append(prompts.index(prompt))
        counts[prompt_key(prompt)] = counts.get(prompt_key(prompt), 0) + 1
    assert seen == [0, 1, 2, 0, 1, 2]


def test_both_answer_as_sampled_with_what_is_recorded(
    entrants: list[Entrant], tmp_path: Path
) -> None:
    config = BattleConfig(max_new_tokens=12, temperature=0.9, seed=4)
    by_name = {one.name: one for one in entrants}
    sides, seeds = collections.Counter[str](), set()
    with opened_votes(tmp_path / "v", create=True) as store:
        for number in range(12):
            battle = fight(store, entrants, ASKED, "test", "mara", config, float(number))
            settings = EvalsConfig(temperature=0.9, seed=battle.sampling["seed"])
            for one in (battle.a, battle.b):
                known = by_name[one.model]
                subject = Subject(known.model, known.tokenizer, settings)
                assert ask(subject, [ASKED.messages], 12)[0].text.strip() == one.answer
                count = by_name[battle.a.model].tokenizer
                assert one.tokens == len(count.encode(one.answer))
            assert battle.a.model < battle.b.model
            assert battle.sampling == {**battle.sampling, "max_new_tokens": 12, "temperature": 0.9}
            sides[battle.first] += 1
            seeds.add(battle.sampling["seed"])
            alike = battle.a.answer.split() == battle.b.answer.split()
            assert store.in_hand("mara") == (None if alike else battle)
            if not alike:
                store.vote(battle.id, "mara", "tie", float(number))
        assert min(sides.values()) >= 2
        assert len(seeds) == 12
        assert set(store.pair_counts()) >= {("base 0", "rl 2"), ("base 0", "sft 1")}


def test_two_that_always_say_the_same_have_no_battle(
    entrants: list[Entrant], tmp_path: Path
) -> None:
    with opened_votes(tmp_path / "v", create=True) as store:
        battle = fight(store, entrants[:2], ASKED, "test", "mara", BattleConfig(8), 0.0)
        assert battle.alike
        assert store.in_hand("mara") is None
        assert store.pair_counts() == {("rl 2", "sft 1"): 1}  # or they'd meet for ever
        assert store.count() == 1


def test_a_prompt_that_no_answer_fits_behind_is_refused(
    entrants: list[Entrant], tmp_path: Path
) -> None:
    long = "word " * 2_000
    with opened_votes(tmp_path / "v", create=True) as store:
        for talk in (Conversation((user(long),)), Conversation((system(long), user("Hi")))):
            with pytest.raises(UserError, match=r"leaves the context of (rl|sft) \d no room"):
                fight(store, entrants[:2], talk, "test", "mara", BattleConfig(8), 0.0)
        with pytest.raises(UserError, match="offers tools"):
            fight(
                store, entrants, Conversation(ASKED.messages, ("{}",)), "t", "m", BattleConfig(), 0
            )
        assert store.count() == 0
    with pytest.raises(OutOfRange, match="max_new_tokens"):
        BattleConfig(max_new_tokens=0)


def test_held_out_prompts_are_what_was_not_trained_on(tmp_path: Path) -> None:
    def row(question: str, split: str, **more: Any) -> dict[str, Any]:
        talk = Conversation((user(question), assistant("Yes.")), **more)
        return {**to_row(talk), "id": question, "source": "test", "split": split}

    rows = [row("Old?", "train"), *(row(f"New {n}?", "validation") for n in range(30))]
    rows += [row("New 3?", "validation"), row("Tools?", "validation", tools=("{}",))]
    path = tmp_path / "conversations.parquet"
    write_table(table(rows, CONVERSATIONS), path)
    found = [prompt.messages[-1].content for prompt in held_out_prompts(path)]
    assert sorted(found) == sorted(f"New {n}?" for n in range(30))
    assert found != sorted(found, key=lambda text: int(text[4:-1]))
    assert [prompt.messages[-1].content for prompt in held_out_prompts(path)] == found
