"""A server on a tiny lake, and one browser for all pages' tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from explorer_lake import make_explorer_lake
from hostile_people import make_hostile_work
from hostile_reader import HostileServer, make_hostile_lake
from injection_strings import INJECTIONS
from known_lake import make_known_lake
from model_server import hostile_vocabulary, listening, make_served, tiny_folder
from page_lake import make_page_lake
from pages_browser import CHROMIUM, OpenBrowser, Visits, opened_browser
from training_lake import make_training_lake

from flows.cli.chosen_tools import chosen_tools
from flows.cli.serve import model_sources
from flows.cli.served_lake import ServedLake
from pipeline.serve.loaded_models import ModelSource
from pipeline.serve.people_work import PeopleWork
from pipeline.serve.server_tools import ServerTools
from storage import Lake


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever opens a page needs the browser."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@contextlib.contextmanager
def _serving(lake: Lake, *models: Path | ModelSource) -> Iterator[str]:
    """The address of a server of a lake."""
    with (
        contextlib.closing(ServedLake(lake)) as shown,
        listening(make_served(*models, lake=shown)) as root,
    ):
        yield root


def _reading(root: str) -> httpx.Client:
    return httpx.Client(base_url=root, headers={"accept": "text/html"})


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> PeopleWork:
    """Where labels and votes are to lie."""
    folder = tmp_path_factory.mktemp("work")
    return PeopleWork(folder / "tasks.sqlite", folder / "votes.sqlite")


@pytest.fixture(scope="session")
def page_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_page_lake(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def page_server(page_lake: Lake) -> Iterator[str]:
    """The address of a server of the lake's models, which runs the calculator."""
    shown, tools = ServedLake(page_lake), ServerTools(chosen_tools(("calculator",), page_lake))
    served = make_served(*model_sources(page_lake, ()), tools=tools, lake=shown)
    with listening(served) as root:
        yield root
    shown.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[OpenBrowser]:
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def visit(chromium: OpenBrowser, page_server: str) -> Visits:
    """Opens pages of the server."""
    return Visits(chromium, page_server)


@pytest.fixture(scope="session")
def explorer_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_explorer_lake(tmp_path_factory.mktemp("explorer"))


@pytest.fixture(scope="session")
def explorer_server(explorer_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of a corpus, and of a model that nothing is asked of."""
    with _serving(explorer_lake, tiny_folder(tmp_path_factory.mktemp("explorer") / "tiny")) as root:
        yield root


@pytest.fixture
def explore(chromium: OpenBrowser, explorer_server: str) -> Visits:
    """Opens pages of that server."""
    return Visits(chromium, explorer_server)


@pytest.fixture
def fetch(explorer_server: str) -> Iterator[httpx.Client]:
    """Asks that server as a browser does, without one."""
    with _reading(explorer_server) as client:
        yield client


@pytest.fixture(scope="session")
def training_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_training_lake(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="session")
def training_server(training_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of training runs, and of a model that nothing is asked of."""
    with _serving(training_lake, tiny_folder(tmp_path_factory.mktemp("training") / "tiny")) as root:
        yield root


@pytest.fixture
def train(chromium: OpenBrowser, training_server: str) -> Visits:
    """Opens pages of that server."""
    return Visits(chromium, training_server)


@pytest.fixture
def ask(training_server: str) -> Iterator[httpx.Client]:
    """Asks that server as a browser does, without one."""
    with _reading(training_server) as client:
        yield client


@pytest.fixture(scope="session")
def known_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_known_lake(tmp_path_factory.mktemp("known"))


@pytest.fixture(scope="session")
def known_server(known_lake: Lake) -> Iterator[str]:
    """The address of a server of two models and the facts that they know."""
    with _serving(known_lake, *model_sources(known_lake, ())) as root:
        yield root


@pytest.fixture
def quiz(chromium: OpenBrowser, known_server: str) -> Visits:
    """Opens pages of that server."""
    return Visits(chromium, known_server)


@pytest.fixture(scope="session")
def hostile_server(
    explorer_lake: Lake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostileServer]:
    """A server where every text of others would be markup: lake, models' names, people's work."""
    root = tmp_path_factory.mktemp("hostile")
    _, reader, audit = make_hostile_lake(explorer_lake, root)
    plain, odd = tiny_folder(root / "plain"), hostile_vocabulary(root / "vocabulary")
    sources = [ModelSource("vocabulary", lambda: odd)]
    # No file is called by a NUL, so no model is.
    names = (*(text for text in INJECTIONS if "\0" not in text), "plain")
    sources += [ModelSource(name, lambda: plain) for name in names]
    served = make_served(*sources, lake=reader, work=make_hostile_work(root))
    with listening(served) as address:
        yield HostileServer(address, audit)
    reader.close()
