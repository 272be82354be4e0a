"""Battles and votes in their file: blind until the vote, durable after it, however many vote."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.chat.conversation import Conversation, system, user
from pipeline.evals.answer_style import AnswerStyle
from pipeline.evals.vote_ratings import Vote
from pipeline.evals.vote_store import KIND, Battle, Contender, opened_votes, prompt_key
from storage.errors import UserError


def battle(number: int = 0, first: str = "a", **more: Any) -> Battle:
    fields: dict[str, Any] = {
        "prompt": Conversation((system("Be brief."), user(f"Question {number}?"))),
        "source": "test",
        "a": Contender("base 1", "**Yes**, indeed.", 7),
        "b": Contender("rl 2", "No.", 2),
        "first": first,
        "sampling": {"seed": 7},
    }
    return Battle(**{**fields, **more})


@pytest.mark.parametrize("first", ["a", "b"])
def test_what_is_shown_is_blind_and_a_vote_is_of_what_was_shown(tmp_path: Path, first: str) -> None:
    with opened_votes(tmp_path / "deep" / "v", create=True) as store:
        begun = store.begin(battle(first=first), "mara", 100.0)
        assert begun.shown[0 if first == "a" else 1] == "**Yes**, indeed."
        assert store.in_hand("mara") == begun == dataclasses.replace(
            battle(first=first), id=begun.id, rater="mara"
        )  # fmt: skip
        assert store.in_hand("tom") is None
        assert store.votes() == []
        cast = store.vote(begun.id, "mara", "first", 104.5)
        assert (cast.winner, cast.seconds, cast.finished) == (first, 4.5, 104.5)
        assert cast.battle.shown_models == (
            ("base 1", "rl 2") if first == "a" else ("rl 2", "base 1")
        )
        assert store.in_hand("mara") is None
    with opened_votes(tmp_path / "deep" / "v") as store:
        assert store.votes() == [cast]
        styles = AnswerStyle(7, bold=1), AnswerStyle(2)
        assert store.votes()[0].vote == Vote("base 1", "rl 2", first, *styles)


def test_choices_are_told_apart() -> None:
    assert [battle(first="a").winner(c) for c in ("first", "tie", "second")] == ["a", "tie", "b"]
    assert [battle(first="b").winner(c) for c in ("first", "tie", "second")] == ["b", "tie", "a"]
    with pytest.raises(UserError, match="'a' is no vote: first, tie, second"):
        battle().winner("a")


def test_a_vote_is_given_once_and_by_the_rater_who_was_shown_the_battle(tmp_path: Path) -> None:
    with opened_votes(tmp_path / "v", create=True) as store:
        one, other = store.begin(battle(), "mara", 0), store.begin(battle(1), "tom", 0)
        for number, rater in ((one.id, "tom"), (other.id, "mara"), (99, "mara")):
            with pytest.raises(UserError, match="not in the hands of"):
                store.vote(number, rater, "first", 1)
        with pytest.raises(UserError, match="is no vote"):
            store.vote(one.id, "mara", "both", 1)
        assert store.in_hand("mara") == one
        store.vote(one.id, "mara", "tie", 1)
        with pytest.raises(UserError, match="not in the hands of"):
            store.vote(one.id, "mara", "first", 2)
        store.pass_on(other.id, "tom", 2)
        with pytest.raises(UserError, match="not in the hands of"):
            store.vote(other.id, "tom", "first", 2)
        assert [cast.winner for cast in store.votes()] == ["tie"]
        with pytest.raises(UserError, match="rater ''"):
            store.begin(battle(), "", 0)


def test_time_that_cannot_be_work_is_not_counted(tmp_path: Path) -> None:
    with opened_votes(tmp_path / "v", create=True) as store:
        for given, finished in ((0.0, 1800.5), (10.0, 9.0)):
            held = store.begin(battle(), "mara", given)
            assert store.vote(held.id, "mara", "first", finished).seconds is None


def test_counts_are_of_all_but_what_was_passed(tmp_path: Path) -> None:
    turned = battle(a=Contender("z", "x", 1), b=Contender("rl 2", "y", 1))
    alike = battle(2, b=Contender("rl 2", " **Yes**,  indeed.\n", 7))
    assert alike.alike
    with opened_votes(tmp_path / "v", create=True) as store:
        held = store.begin(battle(), "mara", 0)
        store.vote(held.id, "mara", "first", 1)
        store.begin(turned, "mara", 0)
        store.begin(battle(), "tom", 0)
        passed = store.begin(battle(1), "mara", 0)
        store.pass_on(passed.id, "mara", 0)
        store.begin(alike, "mara", 0)
        assert store.pair_counts() == {("base 1", "rl 2"): 3, ("rl 2", "z"): 1}
        counts = store.prompt_counts("mara")
        assert counts[prompt_key(battle().prompt)] == 2
        assert counts[prompt_key(battle(1).prompt)] == counts[prompt_key(alike.prompt)] == 1
        assert store.count() == 5
        assert store.in_hand("mara") == dataclasses.replace(turned, id=2, rater="mara")


def refused(path: Path, words: str, create: bool = False) -> None:
    with pytest.raises(UserError, match=words), opened_votes(path, create):
        pass


def test_what_is_no_store_of_votes_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "v", r"no store of votes at .*crawl2chat arena --models")
    (tmp_path / "text").write_text("Dear Sir or Madam, " * 100)
    refused(tmp_path / "text", "is no store of votes: name another with --store", create=True)
    with opened_votes(tmp_path / "v", create=True) as store:
        store.connection.execute(f"PRAGMA user_version = {KIND.version + 1}")
    refused(tmp_path / "v", "is a store of votes of version 2")


# Begins and votes until told to stop; says each vote once it is saved.
VOTER = """
import json, sys, time
from pathlib import Path
from pipeline.chat.conversation import Conversation, user
from pipeline.evals.vote_store import Battle, Contender, opened_votes

path, rater, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with opened_votes(path, create=True) as store:
    store.connection.execute("PRAGMA synchronous = OFF")
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    for number in range(count):
        prompt = Conversation((user(f"{rater} {number}"),))
        a, b = Contender("m", "yes", 1), Contender("n", "no", 1)
        held = store.begin(Battle(prompt, "test", a, b, "ab"[number % 2], {}), rater, time.time())
        cast = store.vote(held.id, rater, "first", time.time())
        print(json.dumps([held.id, cast.winner]), flush=True)
"""


def voter(path: Path, rater: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", VOTER, str(path), rater, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_raters_at_once_lose_nothing_and_a_killed_one_no_vote_that_was_said(tmp_path: Path) -> None:
    path = tmp_path / "v"
    voters = [
        voter(path, name, count) for name, count in (("mara", 60), ("tom", 60), ("zed", 10**6))
    ]
    said: dict[str, list[Any]] = {}
    for each in voters:
        assert each.stdout is not None
        assert json.loads(each.stdout.readline()) == "ready"
    for each in voters:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each, name in zip(voters[:2], ("mara", "tom")):
        said[name] = [json.loads(line) for line in each.communicate()[0].splitlines()]
        assert each.returncode == 0
    os.kill(voters[2].pid, signal.SIGKILL)
    said["zed"] = [json.loads(line) for line in voters[2].communicate()[0].splitlines()]
    with opened_votes(path) as store:
        found = store.votes()
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len({cast.battle.id for cast in found}) == len(found)
    for name, votes in said.items():
        kept = [[cast.battle.id, cast.winner] for cast in found if cast.battle.rater == name]
        assert kept[: len(votes)] == votes
        assert len(kept) <= len(votes) + (name == "zed")
    assert [len(said[name]) for name in ("mara", "tom")] == [60, 60]
    assert said["zed"]
