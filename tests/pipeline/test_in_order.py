"""Work over processes: outcomes in order, few pieces held, errors told, the killed replaced."""

import os

import pytest

from pipeline import in_order as module
from pipeline.in_order import AHEAD, CHANCES, in_order

# Spawned processes import this module by its name: what they run is written where they find it.
WORKERS = """
import os, signal, time
from pathlib import Path

def squares(place):
    '''Where a place is given, piece 0 is done after piece 1: somebody else must do that.'''
    def work(piece):
        while place and piece == 0 and not Path(place, "1").exists():
            time.sleep(0.01)
        if place and piece == 1:
            Path(place, "1").touch()
        return piece, piece * piece, os.getpid()
    return work

def fails(_):
    def work(piece):
        if piece == 3:
            raise ValueError("not 3")
        return piece
    return work

def dies(place):
    '''At piece 5, as often as there are files to take away.'''
    def work(piece):
        for left in sorted(Path(place).iterdir()) if piece == 5 else []:
            left.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return piece
    return work
"""


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    (folder / "in_order_workers.py").write_text(WORKERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        import in_order_workers

        yield in_order_workers


@pytest.mark.parametrize("processes", [1, 2])
def test_outcomes_come_in_order_and_few_pieces_are_held(workers, processes, tmp_path):
    place = tmp_path if processes > 1 else ""
    taken = []

    def pieces():
        for number in range(40):
            taken.append(number)
            yield f"tag {number}", number

    places = set()
    for number, (tag, found) in enumerate(in_order(pieces(), workers.squares, (place,), processes)):
        assert (tag, *found[:2]) == (f"tag {number}", number, number**2)
        assert len(taken) <= number + 1 + (processes * AHEAD if processes > 1 else 0)
        places.add(found[2])
    assert number == 39
    assert (os.getpid() in places) == (processes == 1)
    assert len(places) == processes


def test_nothing_to_do(workers):
    assert list(in_order([], workers.squares, ("",), 2)) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_told_behind_what_was_done(workers, processes):
    outcomes = in_order(((n, n) for n in range(9)), workers.fails, ("",), processes)
    assert [next(outcomes)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="not 3"):
        next(outcomes)


def test_a_killed_process_is_replaced_and_its_work_done_again(workers, tmp_path):
    for number in range(CHANCES - 1):
        (tmp_path / str(number)).touch()
    found = list(in_order(((n, n) for n in range(20)), workers.dies, (tmp_path,), 2))
    assert found == [(n, n) for n in range(20)]
    assert not list(tmp_path.iterdir())


def test_work_that_kills_every_process_is_given_up(workers, tmp_path):
    for number in range(50):
        (tmp_path / str(number)).touch()
    outcomes = in_order(((n, n) for n in range(20)), workers.dies, (tmp_path,), 2)
    with pytest.raises(RuntimeError, match=rf"killed {CHANCES} times .* memory enough"):
        list(outcomes)
    assert len(list(tmp_path.iterdir())) >= 50 - 6 * CHANCES


def test_a_process_that_dies_while_work_is_given_is_replaced(workers, tmp_path):
    """Between two pieces: the pool says so when the next one is given to it."""

    def pieces():
        for number in range(20):
            if number == 9:
                for child in module.multiprocessing.active_children():
                    child.kill()  # says nothing where the pool has ended it by now
                    child.join()
            yield number, number

    found = [(tag, outcome[0]) for tag, outcome in in_order(pieces(), workers.squares, ("",), 2)]
    assert found == [(n, n) for n in range(20)]
