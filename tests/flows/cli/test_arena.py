"""`crawl2chat arena` as raters use it: votes from a pipe and at a terminal, the board, mistakes."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_SECONDS, eventually
from terminals import at_terminal  # noqa: F401
from toy_artifacts import PostTraining, post_training  # noqa: F401

from flows.cli.entry import main
from flows.labeling_store import votes_path
from pipeline.evals.vote_store import CastVote, opened_votes
from storage import Lake
from storage.digest import artifact_digest

Voted = Callable[..., int]


@pytest.fixture
def models(post_training: PostTraining) -> list[str]:  # noqa: F811
    return [str(post_training.chat), str(post_training.base)]


@pytest.fixture
def voted(tmp_path: Path, models: list[str], monkeypatch: pytest.MonkeyPatch) -> Voted:
    def run(lines: str, *options: str, rater: str = "mara") -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        line = ["arena", "--models", *models, "--lake", str(tmp_path / "lake"), "--rater", rater]
        return main([*line, "--max-tokens", "12", *options])

    return run


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    path = tmp_path / "prompts.txt"
    path.write_text("".join(f"What is {n} + {n}?\n" for n in range(1, 9)))
    return str(path)


def votes(tmp_path: Path) -> list[CastVote]:
    with opened_votes(tmp_path / "lake" / ".arena" / "votes.sqlite") as store:
        return store.votes()


def board(tmp_path: Path, *options: str) -> int:
    return main(["arena", "--board", "--lake", str(tmp_path / "lake"), *options])


def test_names_are_shown_after_the_vote_and_not_before(
    tmp_path: Path, voted: Voted, prompts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert voted("1\n=\nnonsense\n2\ns\nq\n", "--prompts", prompts) == 0
    screen = capsys.readouterr().out
    assert screen.count("Saved.") == 3
    for part in screen.split("which answer is better?")[1:-1]:
        before, _, after = part.partition("Saved.")
        assert "chat" not in before
        assert "base" not in before
        if after:
            assert sorted([after.split()[2].strip(",."), after.split()[5].strip(",.")]) == [
                "base", "chat",
            ]  # fmt: skip
    assert "Not understood: 1, 2 or = (tie); s skip, q quit" in screen
    assert "3 votes, 1 passed, 0 with like answers" in screen
    found = votes(tmp_path)
    assert [cast.battle.source for cast in found] == ["prompts.txt"] * 3
    questions = [cast.battle.prompt.messages[-1].content for cast in found]
    assert questions == [f"What is {n} + {n}?" for n in (1, 2, 3)]
    first = [cast.battle.first for cast in found]
    other = {"a": "b", "b": "a"}
    assert [cast.winner for cast in found] == [first[0], "tie", other[first[2]]]


def test_who_comes_again_has_the_battle_that_they_left(
    tmp_path: Path, voted: Voted, prompts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def panels(text: str) -> str:
        return text[text.index("user  ") : text.rindex("╯")].split("user  ")[-1]

    assert voted("1\n", "--prompts", prompts) == 0
    left = panels(capsys.readouterr().out)
    assert "What is 2 + 2?" in left
    assert voted("q\n", "--prompts", prompts, rater="tom") == 0
    assert "What is 1 + 1?" in capsys.readouterr().out  # his own first one
    assert voted("2\nq\n", "--prompts", prompts) == 0
    again = capsys.readouterr().out
    assert left in again
    assert [cast.battle.rater for cast in votes(tmp_path)] == ["mara", "mara"]


def test_a_rater_types_prompts_or_takes_what_no_model_was_trained_on(
    tmp_path: Path,
    voted: Voted,
    post_training: PostTraining,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert voted("Who are you?\n1\n\nq\n") == 0
    assert [cast.battle.source for cast in votes(tmp_path)] == ["typed"]
    lake = Lake(tmp_path / "lake")
    digest = artifact_digest("conversations", 1, {}, {})
    staging = lake.staging("conversations", digest)
    source = post_training.conversations / "conversations.parquet"
    (staging / "conversations.parquet").write_bytes(source.read_bytes())
    lake.commit(staging, "conversations", digest, 1, {}, {}, {}, {})
    lake.set_heads({"conversations": digest})
    capsys.readouterr()
    assert voted("\n1\n" + "word " * 2_000 + "\n") == 0
    assert [cast.battle.source for cast in votes(tmp_path)] == ["typed", "held out"]
    assert "Not asked: this prompt leaves the context of" in capsys.readouterr().out


def test_the_board_and_its_json(
    tmp_path: Path, voted: Voted, prompts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert voted("1\n2\n=\n1\n2\n1\nq\n", "--prompts", prompts, "--json") == 0
    out, screen = capsys.readouterr()
    assert "which answer is better?" in screen
    assert json.loads(out) == {
        "rater": "mara",
        "voted": 6,
        "passed": 0,
        "alike": 0,
        "store": str(tmp_path / "lake" / ".arena" / "votes.sqlite"),
    }
    assert board(tmp_path, "--style-control", "--samples", "50", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["votes"] == 6
    assert sorted(one["model"] for one in found["standings"]) == ["base", "chat"]
    assert sum(one["rating"] for one in found["standings"]) == pytest.approx(2000)
    assert [style["style"] for style in found["styles"]] == ["tokens", "headers", "lists", "bold"]
    assert found["config"]["samples"] == 50
    assert found["first_place"]["at_least"] <= found["first_place"]["at_most"] <= 6
    assert board(tmp_path) == 0
    shown = capsys.readouterr().out
    assert "95% interval" in shown
    assert "style:" not in shown
    assert "6 votes; " in shown
    assert "given to the other side, would flip first place" in shown
    assert board(tmp_path, "--style-control") == 0
    assert "style: tokens " in capsys.readouterr().out


def test_votes_leave_as_pairs(
    tmp_path: Path, voted: Voted, prompts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert voted("1\n=\nq\n", "--prompts", prompts) == 0
    target = tmp_path / "pairs.jsonl"
    assert main(["arena", "--export", str(target), "--lake", str(tmp_path / "lake")]) == 0
    assert capsys.readouterr().out.endswith("pairs.jsonl: 2 pairs\n")
    assert [json.loads(line)["winner"] for line in target.read_text().splitlines()] == [
        "chosen", "tie",
    ]  # fmt: skip


def refused(capsys: pytest.CaptureFixture[str], words: str, *arguments: str) -> None:
    capsys.readouterr()
    assert main(["arena", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert words in err


def test_mistakes_are_one_line(
    tmp_path: Path, models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--lake", str(tmp_path / "lake"))
    refused(capsys, "one of the arguments --models --board --export is required")
    refused(capsys, "not allowed with argument", "--board", "--models", *models)
    refused(capsys, "no store of votes at", "--board", *at)
    refused(capsys, "no store of votes at", "--export", str(tmp_path / "x.jsonl"), *at)
    refused(capsys, "two models or more", "--models", models[0], *at)
    refused(capsys, "two models or more", "--models", models[0], models[0], *at)
    refused(capsys, "which is there already", "--models", *models, models[0] + "/", *at)
    refused(capsys, "no rl model in lake", "--models", "rl", "sft", *at)
    refused(capsys, "rater ' mara'", "--models", *models, "--rater", " mara", *at)
    refused(capsys, "a file of tasks ends in", "--models", *models, "--prompts", "x.csv", *at)
    assert not (tmp_path / "lake" / ".arena").exists()
    store = ("--store", str(tmp_path / "votes"))
    with opened_votes(tmp_path / "votes", create=True):
        pass
    refused(capsys, "no votes yet: `crawl2chat arena --models A B", "--board", *store)
    assert votes_path(Lake(tmp_path), "") == tmp_path / ".arena" / "votes.sqlite"


def test_models_that_say_the_same_end_a_file_of_prompts(
    tmp_path: Path, models: list[str], prompts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in Path(models[0]).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    pair = ("--models", models[0], str(copy), "--max-tokens", "4")
    line = ("arena", *pair, "--prompts", prompts, "--store", str(tmp_path / "v"))
    assert main(line) == 2
    assert "20 prompts in a row had two like answers" in capsys.readouterr().err


def test_at_a_terminal_a_vote_is_kept_whatever_happens_next(
    tmp_path: Path,
    models: list[str],
    prompts: str,
    at_terminal: Any,  # noqa: F811
) -> None:
    store = tmp_path / "votes.sqlite"
    line = ("arena", "--models", *models, "--prompts", prompts, "--store", str(store))
    screen = at_terminal(*line, "--max-tokens", "8", TERM="xterm-256color", COLUMNS="120")
    screen.until("s skip, q quit > ")
    screen.say("2\n")
    screen.until("Saved. ")
    screen.until("s skip, q quit > ", times=2)
    os.kill(screen.process.pid, signal.SIGKILL)
    eventually(lambda: screen.process.poll() is not None)
    with opened_votes(store) as kept:
        assert [cast.battle.rater for cast in kept.votes()] == ["anonymous"]
        held = kept.in_hand("anonymous")
    assert held is not None
    again = at_terminal(*line, "--max-tokens", "8", TERM="xterm-256color", COLUMNS="120")
    again.until("s skip, q quit > ")
    again.say("q\n")
    assert again.end(seconds=PATIENCE_SECONDS) == 0
    assert "0 votes, 0 passed" in again.text
    with opened_votes(store) as kept:
        assert kept.in_hand("anonymous") == held
