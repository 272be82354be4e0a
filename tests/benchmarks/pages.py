"""How long the web pages of `crawl2chat serve` take: on a demo's lake, and on 200,000 documents.

    python -m tests.benchmarks.pages --lake LAKE --work FOLDER --write docs/pages.md

The large lake is made in FOLDER, from which it is taken the next time (many_webs.py). Each page is
opened, and each thing done, a few times in Chromium; the aims are those of docs/pages.md.
"""

import argparse
import contextlib
import dataclasses
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from pipeline.chat.conversation import Conversation, user
from pipeline.evals.vote_store import CHOICES, Battle, Contender, opened_votes
from pipeline.labels.config import QueueConfig
from pipeline.labels.labeling_task import task_of
from pipeline.labels.task_store import opened
from pipeline.serve.pages.rater_cookie import COOKIE
from storage import Lake
from tests.benchmarks import many_webs
from tests.benchmarks.kinds import processor
from tests.benchmarks.page_timing import Times, Visit, interact, visit
from tests.benchmarks.page_visits import RATER, addresses, interactions, subjects
from tests.benchmarks.server_process import free_port, started
from tests.benchmarks.tables import add_option, write_table

TABLE = "pages-speed"
PAINT_MILLISECONDS, ACT_MILLISECONDS = 200.0, 100.0  # the aims
TASKS = 500  # for labelers
VOTES = 200  # that were cast before
TASKS_FILE, VOTES_FILE = "tasks.sqlite", "votes.sqlite"
MODELS = ("first", "second", "third")  # that the votes are about
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, required=True, help="of a finished demo; only read")
    parser.add_argument("--work", type=Path, required=True, help="where the large lake is, or goes")
    parser.add_argument("--times", type=int, default=20, help="that each page is opened")
    parser.add_argument("--webs", type=int, default=many_webs.WEBS, help="of the large lake")
    parser.add_argument("--only", default="", help="titles that have this word; writes nothing")
    add_option(parser)
    given = parser.parse_args()
    demo = Lake(given.lake)
    large = many_webs.build(given.work, demo, given.webs)
    begun = time.perf_counter()
    measured: dict[str, Measured] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*CHROMIUM]
        )
        for lake in (demo, large):
            people = given.work / "people"
            with _served(lake, people) as root:
                measured[_size(lake)] = _measure(browser, root, lake, people, given)
        version = browser.version
        browser.close()
    minutes = (time.perf_counter() - begun) / 60
    note = (
        f"{given.times} times each after a first one, in an empty cache; median / 95th of a"
        f" hundred, milliseconds. Bold: beyond the aim. Chromium {version} and the server share"
        f" {os.cpu_count()} cores of {processor()}; {minutes:.0f} minutes, load"
        f" {os.getloadavg()[0]:.1f} at the end."
    )
    tables = [pages_table(measured), acts_table(measured)]
    text = "\n\n".join([*tables, misses(measured), firsts(measured), note])
    sys.stdout.write(text + "\n")
    if given.write and not given.only:
        write_table(given.write, TABLE, text)


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of one lake's pages, by title."""

    visits: Mapping[str, Visit]
    acts: Mapping[str, Times]
    models: Mapping[str, str]  # what an interaction waits for, where that is a model


def _measure(
    browser: Browser, root: str, lake: Lake, people: Path, given: argparse.Namespace
) -> Measured:
    votes = people / VOTES_FILE
    of = subjects(lake)
    acts = interactions(of, lambda: give_battle(votes), lambda: take_battle(votes))
    give_battle(votes)
    cookies = [{"name": COOKIE, "value": RATER, "url": root}]

    def wanted(title: str) -> bool:
        return given.only.lower() in title.lower()

    visits = {}
    for title, path in addresses(of).items():
        if wanted(title):
            visits[title] = visit(browser, root, path, cookies, given.times)
            _say(title, visits[title].paint)
    took = {}
    for act in acts:
        if wanted(act.title):
            took[act.title] = interact(browser, root, act, cookies, given.times)
            _say(act.title, took[act.title])
    return Measured(visits, took, {act.title: act.model for act in acts if act.model})


def _say(title: str, times: Times) -> None:
    print(f"  {title}: {_cell(times, math.inf)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _served(lake: Lake, people: Path) -> Iterator[str]:
    """The address of a server that shows a lake, with tasks and votes of its own."""
    shutil.rmtree(people, ignore_errors=True)
    people.mkdir(parents=True)
    with opened(people / TASKS_FILE, create=QueueConfig()) as store:
        tasks = [
            {"prompt": f"Question {number}?", "answers": [f"One to {number}.", f"Two to {number}."]}
            for number in range(TASKS)
        ]
        store.add([task_of(task, "benchmark") for task in tasks], "benchmark")
        store.add_raters([RATER])
    for number in range(VOTES):
        give_battle(people / VOTES_FILE, number)
        with opened_votes(people / VOTES_FILE) as votes:
            battle = votes.in_hand(RATER)
            assert battle is not None
            votes.vote(battle.id, RATER, CHOICES[number % len(CHOICES)], time.time())
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "flows.cli", "serve", "--lake", lake.url, "--port", str(port)]
    stores = ["--labels", str(people / TASKS_FILE), "--votes", str(people / VOTES_FILE)]
    cores = os.sched_getaffinity(0)
    with started([*command, *stores], root, cores, {}):
        yield root


def give_battle(votes: Path, number: int = 0) -> None:
    """The rater has a battle in hand, if they hadn't."""
    with opened_votes(votes, create=True) as store:
        if store.in_hand(RATER) is None:
            one, other = MODELS[number % 3], MODELS[(number + 1) % 3]
            a, b = (Contender(name, f"{name} says {number}.", 4) for name in (one, other))
            prompt = Conversation((user(f"Question {number}?"),))
            store.begin(Battle(prompt, "typed", a, b, "a", {"seed": number}), RATER, time.time())


def take_battle(votes: Path) -> None:
    """The rater has none in hand."""
    with opened_votes(votes) as store:
        if (battle := store.in_hand(RATER)) is not None:
            store.pass_on(battle.id, RATER, time.time())


def _size(lake: Lake) -> str:
    documents = sum(part.rows["pages.parquet"] for part in lake.list("scan"))
    return f"{documents:,} documents"


def pages_table(measured: Mapping[str, Measured]) -> str:
    """What each page took, a row a page.

    Args:
        measured: by the lake's size, in words.
    """
    heads = [f"{name}: server's answer | first paint" for name in measured]
    lines = [f"| page | {' | '.join(heads)} |", "|---" * (1 + 2 * len(heads)) + "|"]
    first = next(iter(measured.values()))
    for title in first.visits:
        cells = [
            f"{_cell(one.visits[title].answer, math.inf)} |"
            f" {_cell(one.visits[title].paint, PAINT_MILLISECONDS)}"
            for one in measured.values()
        ]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def acts_table(measured: Mapping[str, Measured]) -> str:
    """What each interaction took, a row an interaction.

    Args:
        measured: by the lake's size, in words.
    """
    lines = [
        f"| from the click or key to the result | {' | '.join(measured)} | waits for a model |",
        "|---" * (2 + len(measured)) + "|",
    ]
    first = next(iter(measured.values()))
    for title in first.acts:
        cells = [_cell(one.acts[title], ACT_MILLISECONDS) for one in measured.values()]
        lines.append(f"| {title} | {' | '.join(cells)} | {first.models.get(title, '')} |")
    return "\n".join(lines)


def firsts(measured: Mapping[str, Measured]) -> str:
    """A sentence on pages that nobody has opened since the server's start."""
    told = []
    for name, one in measured.items():
        longest = sorted(one.visits.items(), key=lambda item: -item[1].first)[:3]
        told.append(f"{name}: " + ", ".join(f"{t} {v.first:.0f} ms" for t, v in longest))
    return f"Longest first paints since the server's start ({'; '.join(told)})."


def misses(measured: Mapping[str, Measured]) -> str:
    """How many miss the aims, those apart that wait for a model."""
    told = []
    for name, one in measured.items():
        paints = [t for t, v in one.visits.items() if v.paint.p95 > PAINT_MILLISECONDS]
        acts = [t for t, v in one.acts.items() if v.p95 > ACT_MILLISECONDS and t not in one.models]
        told.append(
            f"{name}: {len(one.visits) - len(paints)} of {len(one.visits)} pages are painted within"
            f" {PAINT_MILLISECONDS:g} ms, {len(acts)} interactions that wait for no model take more"
            f" than {ACT_MILLISECONDS:g} ms"
        )
    return "; ".join(told) + " (95th of a hundred)."


def _cell(times: Times, aim: float) -> str:
    text = f"{times.median:.0f} / {times.p95:.0f}"
    return f"**{text}**" if times.p95 > aim else text


if __name__ == "__main__":
    main()
