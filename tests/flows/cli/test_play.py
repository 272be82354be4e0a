"""`crawl2chat play`: the board, moves from a pipe, who has won; bad input is one line."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from game_models import game_folders  # noqa: F401
from toy_artifacts import post_training  # noqa: F401

from flows.cli import main
from pipeline.connect_four.model_player import ModelPlayer, MoveReply
from pipeline.connect_four.notation import ILLEGAL
from pipeline.connect_four.players import Turn
from pipeline.model.engine import Completion


class Typed(io.StringIO):
    """Standard input that is a pipe."""

    def isatty(self) -> bool:
        return False


@pytest.fixture
def play(
    game_folders: Any,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Runs the command on the small board; gives exit code, stdout and stderr."""

    def run(moves: str, *options: str, model: Path = game_folders.sft) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", Typed(moves))
        line = ["play", "--model", str(model), "--lake", str(tmp_path), *options]
        code = main(line)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def scripted(monkeypatch: pytest.MonkeyPatch, columns: str) -> list[Turn]:
    """Let the model say these columns, one after another ("x": no column at all)."""
    asked: list[Turn] = []

    def replies(player: ModelPlayer, turn: Turn) -> list[MoveReply]:
        said = columns[len(asked)]
        asked.append(turn)
        ids = [*player.tokenizer.encode(said), player.stop]
        column = ILLEGAL if said == "x" else int(said) - 1
        completion = Completion(ids, [0.0] * len(ids), stopped=True)
        return [MoveReply("", [0], completion, column)]

    monkeypatch.setattr(ModelPlayer, "replies", replies)
    return asked


def test_you_win_and_the_board_is_shown_from_your_side(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, "22")
    code, out, err = play("1\n1\n1\n")
    assert (code, err) == (0, "")
    assert out.endswith("x...\nxo..\nxo..\n1234\nyou win\n")
    assert out.count("1234") == 4  # before each of your moves, and at the end


def test_you_lose_as_second_player(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scripted(monkeypatch, "222")
    code, out, _ = play("1\n1\n", "--second")
    assert code == 0
    assert out.endswith(".o..\nxo..\nxo..\n1234\nyou lose\n")
    assert [turn.moves for turn in asked] == [[""], ["21"], ["2121"]]
    assert [int(np.bitwise_count(turn.position.mask[0])) for turn in asked] == [0, 2, 4]


def test_a_model_that_says_no_move_loses_and_is_shown(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, "x")
    code, out, _ = play("1\n")
    assert code == 0
    assert "> x\n" in out
    assert "said no legal move, which loses: you win" in out
    scripted(monkeypatch, "111")
    _, out, _ = play("1\n1\n", "--json")  # the third stone of the model's finds no room
    game = json.loads(out)
    assert game["winner"] == "you"
    assert (game["moves"], game["illegal"]) == ("111", "1")


def test_json_is_one_document(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, "22")
    code, out, _ = play("1\n1\n1\n", "--json")
    assert code == 0
    game = json.loads(out)
    assert game.pop("model")
    assert game == {"you": "first", "moves": "12121", "winner": "you", "illegal": None}
    scripted(monkeypatch, "2")
    code, out, _ = play("1\n", "--json")
    assert json.loads(out)["winner"] is None  # the input ended first


@pytest.mark.parametrize("line", ["9", "0", "", "one", "1 2", "x" * 500])
def test_what_is_no_column_is_one_clear_line(play: Any, line: str) -> None:
    code, _, err = play(f"{line}\n")
    assert code == 2
    assert err.startswith("crawl2chat: ")
    assert "is no column with room: one of 1, 2, 3, 4" in err
    assert len(err.splitlines()) == 1
    assert len(err) < 200


def test_a_full_column_is_refused_with_those_that_have_room(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, "13")
    code, _, err = play("1\n1\n1\n")
    assert code == 2
    assert "'1' is no column with room: one of 2, 3, 4" in err


def test_the_end_of_input_ends_the_game(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, "2")
    for typed in ("1\n", "1\nquit\n"):
        scripted(monkeypatch, "2")
        code, out, _ = play(typed)
        assert code == 0
        assert out.endswith("the game is not over; it is not kept\n")


def test_a_true_model_plays_and_the_same_seed_plays_the_same(play: Any) -> None:
    games = {play("1\n2\n3\n4\n1\n2\n", "--json", "--seed", "3")[1] for _ in range(2)}
    assert len(games) == 1
    assert json.loads(games.pop())["moves"].startswith("1")


def test_a_chat_model_that_was_never_taught_loses_by_what_it_says(
    play: Any,
    post_training: Any,  # noqa: F811
) -> None:
    code, out, _ = play("1\n", model=post_training.chat)
    assert code == 0
    assert "\n12345\n" in out  # the usual board: five columns
    assert "said no legal move" in out
    code, _, err = play("1\n", model=post_training.base)
    assert code == 2
    assert "no conversation tokens" in err


def test_a_lake_without_a_game_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "--lake", str(tmp_path)]) == 2
    assert "no game_rl model in lake" in capsys.readouterr().err
