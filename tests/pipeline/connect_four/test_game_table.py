"""The artifact holds the table: read back it is the one that was solved, and SQL can ask it."""

from game_models import TABLE

from pipeline.connect_four import game_table
from pipeline.connect_four.board import START
from pipeline.connect_four.solution import solve
from storage.tables import read_table


def test_what_is_read_back_is_what_was_solved(game_folders):
    loaded, solved = game_table.load(game_folders.table), solve(TABLE.board)
    assert loaded.board == solved.board
    assert (loaded.keys == solved.keys).all()
    assert (loaded.scores == solved.scores).all()
    rows = read_table(game_folders.table / "positions.parquet")
    start = rows.to_pylist()[rows["ply"].to_pylist().index(0)]
    assert start["key"] == TABLE.board.key(START)
    assert start["score"] == solved.score(START)[0]
