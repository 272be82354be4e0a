"""A rater in the arena: a prompt, two answers without names, a vote, and only then who answered.

Lines in, a screen out; at a terminal or in a pipe. Each vote is saved before the names are shown; a
battle that is left comes again.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import TypedDict

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from flows.cli.rater_terminal import Ask
from flows.runner.streams import harmless
from pipeline.chat.conversation import Conversation, user
from pipeline.evals.battles import BattleConfig, Entrant, fight, next_prompt
from pipeline.evals.vote_store import Battle, VoteStore
from storage.errors import UserError

Clock = Callable[[], float]  # seconds since the epoch

KEYS = {"1": "first", "=": "tie", "2": "second"}
PASS, QUIT = ("s", "/skip"), ("q", "/quit")
BESIDE_COLUMNS = 100  # of a terminal on which two answers stand side by side
HELP = "1, 2 or = (tie); s skip, q quit"
ALIKE_IN_A_ROW = 20  # battles of like answers: then these models have nothing to vote on


class VotingCounts(TypedDict):
    """What a rater did."""

    rater: str
    voted: int
    passed: int
    alike: int  # battles that nobody was shown, since both answers were one text


@dataclasses.dataclass(frozen=True)
class Prompts:
    """Where prompts come from: a file, or else the rater, for whom some are held ready."""

    file: Sequence[Conversation]
    ready: Sequence[Conversation]
    name: str = ""  # of the file


def session(
    store: VoteStore,
    entrants: Sequence[Entrant],
    prompts: Prompts,
    rater: str,
    config: BattleConfig,
    ask: Ask,
    console: Console,
    clock: Clock = time.time,
) -> VotingCounts:
    """Give battles to a rater until there are no more lines, or they leave.

    Args:
        store: an open one.
        entrants: the models.
        prompts: of a file, or none: then the rater is asked for one.
        rater: who votes.
        config: how models answer.
        ask: for a line.
        console: to show battles on.
        clock: tells the time.
    """
    done: VotingCounts = {"rater": rater, "voted": 0, "passed": 0, "alike": 0}
    alike = 0
    while True:
        battle = store.in_hand(rater)
        if battle is None:
            chosen = _prompt(store, prompts, rater, ask)
            if chosen is None:
                return done
            prompt, source = chosen
            try:
                battle = fight(store, entrants, prompt, source, rater, config, clock())
            except UserError as error:
                if prompts.file:
                    raise
                console.print(Text(f"Not asked: {error}"))
                continue
            if battle.alike:
                done["alike"], alike = done["alike"] + 1, alike + 1
                if prompts.file and alike == ALIKE_IN_A_ROW:
                    raise UserError(
                        f"{alike} prompts in a row had two like answers: other models, other"
                        " prompts or --temperature 1"
                    )
                console.print("Both answer alike: nothing to vote on.")
                continue
        alike = 0
        console.print(_screen(battle, done["voted"], console.width))
        choice = _choice(ask, console)
        if choice in QUIT:
            return done
        if choice in PASS:
            store.pass_on(battle.id, rater, clock())
            done["passed"] += 1
        else:
            store.vote(battle.id, rater, KEYS[choice], clock())
            done["voted"] += 1
            first, second = battle.shown_models
            console.print(Text(f"Saved. 1 was {first}, 2 was {second}."))


def _prompt(
    store: VoteStore, prompts: Prompts, rater: str, ask: Ask
) -> tuple[Conversation, str] | None:
    """The next prompt and where it is from; None: the rater leaves."""
    if prompts.file:
        return next_prompt(prompts.file, store.prompt_counts(rater)), prompts.name
    ready = ", Enter: one that no model was trained on" if prompts.ready else ""
    while (line := ask(f"Your prompt ({QUIT[0]}: quit{ready}) > ")) is not None:
        if line.strip().lower() in QUIT:
            return None
        if line.strip():
            return Conversation((user(line.strip()),)), "typed"
        if prompts.ready:
            return next_prompt(prompts.ready, store.prompt_counts(rater)), "held out"
    return None


def _choice(ask: Ask, console: Console) -> str:
    while (line := ask(f"{HELP} > ")) is not None:
        word = line.strip().lower()
        if word in KEYS or word in (*PASS, *QUIT):
            return word
        console.print(Text(f"Not understood: {HELP}"))
    return QUIT[0]


def _screen(battle: Battle, voted: int, width: int) -> Group:
    parts: list[RenderableType] = [Rule(f"which answer is better? · {voted} voted")]
    for message in battle.prompt.messages:
        who = Text(f"{message.role}  ", style="bold")
        parts.append(who + Text(harmless(message.content) + "\n", style="not bold"))
    beside = width >= BESIDE_COLUMNS
    shown = [
        Panel(
            Text(harmless(text) or "(it says nothing)"),
            title=name,
            title_align="left",
            width=width // 2 - 1 if beside else None,
        )
        for name, text in zip(("1", "2"), battle.shown)
    ]
    return Group(*parts, *([Columns(shown)] if beside else shown))
