"""Votes as preference pairs of a file."""

import json
from pathlib import Path

import pytest

from pipeline.chat.conversation import Conversation, system, user
from pipeline.evals.vote_pairs import pair_row, write_pairs
from pipeline.evals.vote_store import Battle, CastVote, Contender

PROMPT = Conversation((system("Be brief."), user("Wer\nist da?")))


def cast(winner: str, a: str = "Niemand.", b: str = "Der Reiher ☂") -> CastVote:
    sides = Contender("base 0", a, 3), Contender("rl 1", b, 5)
    battle = Battle(PROMPT, "typed", *sides, "b", {"seed": 1}, 7, "mara")
    return CastVote(battle, winner, 2.5, 1_700_000_000.25)


@pytest.mark.parametrize(("winner", "chosen"), [("a", "base 0"), ("b", "rl 1"), ("tie", "base 0")])
def test_the_winners_answer_is_the_chosen_one(winner: str, chosen: str) -> None:
    row = pair_row(cast(winner))
    assert row["chosen_model"] == chosen
    assert {row["chosen_model"], row["rejected_model"]} == {"base 0", "rl 1"}
    said = {"base 0": "Niemand.", "rl 1": "Der Reiher ☂"}
    assert row["chosen"] == [{"role": "assistant", "content": said[chosen]}]
    assert row["rejected"] == [{"role": "assistant", "content": said[row["rejected_model"]]}]
    assert row["winner"] == ("tie" if winner == "tie" else "chosen")
    assert row["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Wer\nist da?"},
    ]
    assert (row["source"], row["rater"], row["seconds"]) == ("arena", "mara", 2.5)
    assert row["time"] == "2023-11-14T22:13:20.250+00:00"


def test_a_file_has_a_row_a_vote_but_for_empty_answers(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    assert write_pairs([cast("a"), cast("b", a=""), cast("tie")], path) == 2
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [pair_row(cast("a")), pair_row(cast("tie"))]
    assert "☂" in lines[0]
