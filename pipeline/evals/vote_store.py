"""Where the arena's battles and votes lie: one SQLite file, for several raters at once.

A battle is a prompt and the answers of two models, in hand of one rater until there is a vote on it
or they pass. It is written down before it is shown, and a vote is on disk before the models' names
are; whoever comes again has the battle that they left. What a rater may see before the vote is
`Battle.shown`; everything else tells who answered.
"""

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.chat.conversation import Conversation, from_row, to_row
from pipeline.evals.answer_style import answer_style
from pipeline.evals.vote_ratings import Vote
from pipeline.labels.task_store import check_rater_name
from storage.errors import UserError
from storage.sqlite_store import StoreKind

# State: shown (in the rater's hands), voted, passed, alike (one text twice: nothing to vote on).
TABLES = """
CREATE TABLE battles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rater TEXT NOT NULL,
    prompt TEXT NOT NULL,
    source TEXT NOT NULL,
    model_a TEXT NOT NULL,
    model_b TEXT NOT NULL,
    answer_a TEXT NOT NULL,
    answer_b TEXT NOT NULL,
    tokens_a INTEGER NOT NULL,
    tokens_b INTEGER NOT NULL,
    first TEXT NOT NULL CHECK (first IN ('a', 'b')),
    sampling TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('shown', 'voted', 'passed', 'alike')),
    given REAL NOT NULL,
    winner TEXT CHECK (winner IN ('a', 'tie', 'b')),
    seconds REAL,
    finished REAL
);
CREATE INDEX in_hand ON battles (rater) WHERE state = 'shown';
"""
KIND = StoreKind(
    "store of votes",
    application=0x63326361,  # "c2ca": what `file` and SQLite know the store by
    version=1,
    tables=TABLES,
    made_by="`crawl2chat arena --models A B` makes one",
    option="--store",
)
CHOICES = ("first", "tie", "second")
LONGEST_LOOK_SECONDS = 1800.0  # as a labeler's lease: beyond, nobody knows how much of it was work


@dataclasses.dataclass(frozen=True)
class Contender:
    """A model's part in a battle."""

    model: str
    answer: str
    tokens: int  # of the answer, by the tokenizer that counts both


@dataclasses.dataclass(frozen=True)
class Battle:
    """A prompt and two models' answers."""

    prompt: Conversation
    source: str  # where the prompt is from: typed, a file, conversations …
    a: Contender
    b: Contender
    first: str  # which is shown first: a or b
    sampling: dict[str, Any]  # how both answered, the seed too
    id: int = 0  # of the store
    rater: str = ""

    @property
    def shown(self) -> tuple[str, str]:
        """The answers in the order in which they are shown."""
        answers = (self.a.answer, self.b.answer)
        return answers if self.first == "a" else answers[::-1]

    @property
    def shown_models(self) -> tuple[str, str]:
        """Who gave them: not before the vote."""
        models = (self.a.model, self.b.model)
        return models if self.first == "a" else models[::-1]

    @property
    def alike(self) -> bool:
        """Whether there is nothing to choose between."""
        return self.a.answer.split() == self.b.answer.split()

    def winner(self, choice: str) -> str:
        """`first`, `tie` or `second`, as shown, as the winner: a, tie or b."""
        if choice not in CHOICES:
            raise UserError(f"{choice!r} is no vote: {', '.join(CHOICES)}")
        if choice == "tie":
            return "tie"
        return "a" if (choice == "first") == (self.first == "a") else "b"


@dataclasses.dataclass(frozen=True)
class CastVote:
    """A battle with the vote on it."""

    battle: Battle
    winner: str  # a, tie or b
    seconds: float | None  # from when it was given; None: too long to be work
    finished: float  # seconds since the epoch

    @property
    def vote(self) -> Vote:
        """As ratings take it."""
        a, b = self.battle.a, self.battle.b
        styles = (answer_style(one.answer, one.tokens) for one in (a, b))
        return Vote(a.model, b.model, self.winner, *styles)


@dataclasses.dataclass(frozen=True)
class VoteStore:
    """An open store; `opened_votes` gives one."""

    path: Path
    connection: sqlite3.Connection

    def in_hand(self, rater: str) -> Battle | None:
        """The battle that a rater was shown and has not voted on."""
        with KIND.step(self.connection, self.path) as connection:
            found = _battles(connection, "rater = ? AND state = 'shown' ORDER BY id", rater)
        return found[0] if found else None

    def begin(self, battle: Battle, rater: str, now: float) -> Battle:
        """Write a battle down; it is the rater's until they vote or pass.

        Args:
            battle: a new one. Of one that is `alike` it is noted that it was.
            rater: who sees it.
            now: seconds since the epoch.

        Raises:
            UserError: the rater's name can't be one.
        """
        check_rater_name(rater)
        a, b = battle.a, battle.b
        values = {
            "rater": rater,
            "prompt": json.dumps(to_row(battle.prompt), ensure_ascii=False),
            "source": battle.source,
            "model_a": a.model,
            "model_b": b.model,
            "answer_a": a.answer,
            "answer_b": b.answer,
            "tokens_a": a.tokens,
            "tokens_b": b.tokens,
            "first": battle.first,
            "sampling": json.dumps(battle.sampling),
            "state": "alike" if battle.alike else "shown",
            "given": now,
        }
        marks = ", ".join(f":{name}" for name in values)
        with KIND.step(self.connection, self.path) as connection:
            made = connection.execute(
                f"INSERT INTO battles ({', '.join(values)}) VALUES ({marks})",
                values,
            )
        return dataclasses.replace(battle, id=int(made.lastrowid or 0), rater=rater)

    def vote(self, battle: int, rater: str, choice: str, now: float) -> CastVote:
        """Note a vote; it is on disk when this returns, and only then are the models told.

        Args:
            battle: its id.
            rater: in whose hands it is.
            choice: first, tie or second, as shown.
            now: seconds since the epoch.

        Raises:
            UserError: it is no vote, or the battle is not in this rater's hands (any more).
        """
        with KIND.step(self.connection, self.path) as connection:
            found, given = self._held(connection, battle, rater)
            winner, spent = found.winner(choice), now - given
            seconds = spent if 0 <= spent <= LONGEST_LOOK_SECONDS else None
            connection.execute(
                "UPDATE battles SET state = 'voted', winner = ?, seconds = ?, finished = ?"
                " WHERE id = ?",
                (winner, seconds, now, battle),
            )
        return CastVote(found, winner, seconds, now)

    def pass_on(self, battle: int, rater: str, now: float) -> None:
        """Note that the rater doesn't judge this one; errors as of `vote`."""
        with KIND.step(self.connection, self.path) as connection:
            self._held(connection, battle, rater)
            connection.execute(
                "UPDATE battles SET state = 'passed', finished = ? WHERE id = ?", (now, battle)
            )

    def votes(self) -> list[CastVote]:
        """All votes in the order in which the battles began."""
        with KIND.step(self.connection, self.path) as connection:
            found = _battles(connection, "state = 'voted' ORDER BY id")
            rest = connection.execute(
                "SELECT winner, seconds, finished FROM battles WHERE state = 'voted' ORDER BY id"
            ).fetchall()
        return [CastVote(battle, *row) for battle, row in zip(found, rest)]

    def cast(self, battle: int, rater: str) -> CastVote | None:
        """A rater's own vote; None: there is none on that battle."""
        with KIND.step(self.connection, self.path) as connection:
            mine = "id = ? AND rater = ? AND state = 'voted'"
            found = _battles(connection, mine, battle, rater)
            rest = connection.execute(
                f"SELECT winner, seconds, finished FROM battles WHERE {mine}", (battle, rater)
            ).fetchone()
        return CastVote(found[0], *rest) if found else None

    def vote_count(self, rater: str = "") -> int:
        """Votes of all raters, or of one."""
        with KIND.step(self.connection, self.path) as connection:
            (found,) = connection.execute(
                "SELECT count(*) FROM battles WHERE state = 'voted' AND ? IN ('', rater)", (rater,)
            ).fetchone()
        return int(found)

    def last_change(self) -> tuple[int, float]:
        """What differs whenever `votes` does: how many there are, and when the last was cast."""
        with KIND.step(self.connection, self.path) as connection:
            count, last = connection.execute(
                "SELECT count(*), coalesce(max(finished), 0) FROM battles WHERE state = 'voted'"
            ).fetchone()
        return int(count), float(last)

    def pair_counts(self) -> dict[tuple[str, str], int]:
        """How often two models have met, names in order; what a rater passed doesn't count."""
        with KIND.step(self.connection, self.path) as connection:
            rows = connection.execute(
                "SELECT min(model_a, model_b), max(model_a, model_b), count(*) FROM battles"
                " WHERE state <> 'passed' GROUP BY 1, 2"
            ).fetchall()
        return {(one, other): count for one, other, count in rows}

    def prompt_counts(self, rater: str) -> dict[str, int]:
        """How often a rater was given each prompt, by `prompt_key`."""
        with KIND.step(self.connection, self.path) as connection:
            rows = connection.execute(
                "SELECT prompt, count(*) FROM battles WHERE rater = ? GROUP BY 1", (rater,)
            ).fetchall()
        return {prompt_key(from_row(json.loads(prompt))): count for prompt, count in rows}

    def count(self) -> int:
        """Battles that were ever begun."""
        with KIND.step(self.connection, self.path) as connection:
            (found,) = connection.execute("SELECT count(*) FROM battles").fetchone()
        return int(found)

    def _held(
        self, connection: sqlite3.Connection, battle: int, rater: str
    ) -> tuple[Battle, float]:
        found = _battles(connection, "id = ? AND rater = ? AND state = 'shown'", battle, rater)
        if not found:
            raise UserError(f"battle {battle} is not in the hands of {rater!r}: nothing to vote on")
        (given,) = connection.execute(
            "SELECT given FROM battles WHERE id = ?", (battle,)
        ).fetchone()
        return found[0], given


@contextlib.contextmanager
def opened_votes(path: Path, create: bool = False) -> Iterator[VoteStore]:
    """Open a store of votes.

    Args:
        path: of the file.
        create: make it where it isn't there yet.

    Raises:
        UserError: there is no store, or something else stands there.
    """
    with KIND.opened(path, (lambda _: None) if create else None) as connection:
        yield VoteStore(path, connection)


def prompt_key(prompt: Conversation) -> str:
    """What a prompt is known by: its text."""
    return json.dumps(to_row(prompt), ensure_ascii=False, sort_keys=True)


def _battles(connection: sqlite3.Connection, where: str, *values: object) -> list[Battle]:
    rows = connection.execute(
        "SELECT prompt, source, model_a, answer_a, tokens_a, model_b, answer_b, tokens_b,"
        f" first, sampling, id, rater FROM battles WHERE {where}",
        values,
    )
    return [
        Battle(
            from_row(json.loads(prompt)),
            source,
            Contender(*a),
            Contender(*b),
            first,
            json.loads(sampling),
            number,
            rater,
        )
        for prompt, source, *both, first, sampling, number, rater in rows
        for a, b in [(both[:3], both[3:])]
    ]
