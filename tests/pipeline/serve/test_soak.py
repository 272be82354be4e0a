"""A crowd of bad clients beside good ones, on a real server: `make soak` in a quarter of a minute.

Nothing but what the crowd did may be refused; every whole answer is its undisturbed one to the bit;
behind it nothing runs, waits or is held. And a server that is killed leaves its clients with an
error, not waiting, and its port to the next.
"""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.benchmarks import soak
from tests.helpers import text_models
from tests.helpers.crowd import VISITS, Crowd
from tests.helpers.raw_client import Reply, ask

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model")
    text_models.small(made)
    return made


def test_the_crowd_leaves_nothing_behind(folder: Path) -> None:
    with soak.served(folder) as (url, process):
        asked = asyncio.run(soak.undisturbed(url, soak.questions()))
        crowd = Crowd(url, asked)
        found = soak.soak(url, process, crowd, at_a_time=24, seed=0, visits=600)
        assert asyncio.run(soak.undisturbed(url, soak.questions())) == asked
    assert soak.complaints(found) == []
    assert {name for name, _ in crowd.told.ends} == {visit.__name__ for visit in VISITS}
    assert crowd.told.answers > 300


def test_a_kill_ends_all_and_the_port_is_free_again(folder: Path) -> None:
    question = soak.questions()[1]

    async def killed(url: str) -> list[Reply | BaseException]:
        visits = [asyncio.ensure_future(ask(url, question)) for _ in range(16)]
        await asyncio.wait(visits, return_when=asyncio.FIRST_COMPLETED)
        more = [asyncio.ensure_future(ask(url, question)) for _ in range(16)]
        await asyncio.sleep(0)
        process.send_signal(signal.SIGKILL)
        return await asyncio.gather(*visits, *more, return_exceptions=True)

    with soak.served(folder) as (url, process):
        ((_, wanted),) = asyncio.run(soak.undisturbed(url, [question]))
        ends = asyncio.run(killed(url))
    errors = [end for end in ends if isinstance(end, BaseException)]
    assert all(isinstance(error, (ValueError, ConnectionError)) for error in errors), errors
    assert errors
    assert all(end.answer() == wanted for end in ends if isinstance(end, Reply))
    port = int(url.rpartition(":")[2])
    with soak.served(folder, port) as (url, _):
        assert asyncio.run(soak.undisturbed(url, [question])) == [(question, wanted)]
