"""How long a task a model carries through where nothing is to be planned: running sums, in turns.

In: a model. Problems are of the evaluation split (`curriculum.running_sums`); each is asked in so
many turns as fit, a word a turn. `direct`: replies are the sum alone; `worked`: with the step. Each
in wordings that are trained and in `_new_wordings`.

Out, as Sinha et al. 2025 (arXiv 2509.09677) define them:
- `turn_accuracy`: a turn is right if it adds rightly to the sum that the model itself said last.
- `task_accuracy`: every turn so far was right; the row is of all turns, `horizon_by_turn` of each.
- `horizon_50`, `horizon_80`: turns up to which task accuracy stays at half, at four fifths. Where
  it equals `turns`, the most that were asked, it is that at least.
- `even_horizon_50`: ln 0.5 / ln turn_accuracy, what it would be if no turn were harder than others.
- `_errors_0`, `_25`, `_50`: accuracy in the turn after `horizon_history` turns that were written
  for the model, that share of them wrong by 1 to 9. What falls with it is self-conditioning.

A base model has no turns: it gets a page with a line for each of them, and writes the next line.
Problems are drawn with replacement for intervals, since the turns of one hang together.
"""

import dataclasses
import functools
import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import numpy as np

from pipeline.chat.conversation import Message, after_reply, assistant, prompt, user
from pipeline.curriculum import final_answers
from pipeline.curriculum.running_sums import MOST_VALUE, RunningSum, draw
from pipeline.evals.asking import Scores, Subject, ask, complete, spread
from pipeline.evals.config import HORIZON_TURNS_SUITE
from pipeline.stage import Progress
from pipeline.tools.tool_batch import replies
from pipeline.tools.toolbox import NO_TOOLS

SUITE = "horizon"
MODES = {"direct": False, "worked": True}
LEVELS = (0.5, 0.8)  # of task accuracy
ERROR_SHARES = (0.0, 0.25, 0.5)
REPLY_TOKENS = 24  # of a turn on average, at most: one with its step takes about 19


@dataclasses.dataclass(frozen=True)
class Played:
    """A problem and what a model said in its turns; fewer where its talk broke off."""

    problem: RunningSum
    said: tuple[str, ...]

    @property
    def right(self) -> list[bool]:
        """Of each turn, whether it adds rightly to what was said last."""
        marks: list[bool] = []
        before: Fraction | None = Fraction(0)
        for turn in range(len(self.problem.asked)):
            said = final_answers.number(self.said[turn]) if turn < len(self.said) else None
            marks.append(
                said is not None
                and before is not None
                and said == before + self.problem.added(turn)
            )
            before = said
        return marks


def measure(subject: Subject, scores: Scores, progress: Progress) -> None:
    """Ask, and add the rows.

    Args:
        subject: the model.
        scores: take the rows.
        progress: is told if the context has no room for all turns.
    """
    config = subject.config
    for new in (False, True):
        for mode, worked in MODES.items():
            name = f"{mode}{'_new_wordings' if new else ''}"
            drawn = problems(
                config.horizon_problems, config.horizon_turns, worked, new, config.seed
            )
            turns = min((room(subject, one) for one in drawn), default=0)
            if turns < config.horizon_turns:
                progress.note(
                    f"horizon, {name}: {turns} turns fit {subject.model.config.max_context} tokens"
                    f" of context, not {config.horizon_turns}"
                )
            if turns and drawn:
                played = play(subject, [cut(one, turns) for one in drawn])
                report(name, played, scores, config.bootstrap_samples, config.seed)
                for one in spread(played, config.samples_per_suite // len(MODES)):
                    lines = "\n".join(one.problem.messages)
                    expected = ", ".join(map(str, one.problem.sums))
                    scores.sample(SUITE, lines, "\n".join(one.said), expected, all(one.right))
            if subject.chats and not new:
                conditioned(subject, mode, drawn, scores, progress)


def problems(
    count: int, turns: int, worked: bool, new_wording: bool, seed: int
) -> list[RunningSum]:
    """Problems of the evaluation split."""
    rng = random.Random(f"{seed}:{SUITE}:{worked}:{new_wording}")
    return [
        draw(turns, "evaluation", rng, worked=worked, new_wording=new_wording) for _ in range(count)
    ]


def cut(problem: RunningSum, turns: int) -> RunningSum:
    """The first turns of a problem."""
    return dataclasses.replace(problem, asked=problem.asked[:turns])


def room(subject: Subject, problem: RunningSum) -> int:
    """How many turns with right replies leave room for one more token, at most all."""
    tokenizer, context = subject.tokenizer, subject.model.config.max_context
    if not subject.chats:
        turns = range(1, len(problem.asked) + 1)
        pages = (_page(cut(problem, n), problem.replies[:n]) for n in turns)
        return sum(len(tokenizer.encode(page)) + 1 < context for page in pages)
    taken, found = len(prompt([user(problem.messages[0])], tokenizer)), 0
    for reply, text in zip(problem.replies, [*problem.messages[1:], ""]):
        taken += len(tokenizer.encode(reply)) + 1  # with its stop token
        if taken >= context:
            break
        found += 1
        taken += len(after_reply(text, tokenizer))
    return found


def play(subject: Subject, asked: Sequence[RunningSum]) -> list[Played]:
    """Let a model answer all turns of each problem, in its own words' company."""
    config = subject.config
    if not subject.chats:
        return _on_pages(subject, asked)
    found = replies(
        subject.engine,
        subject.tokenizer,
        [[user(one.messages[0])] for one in asked],
        NO_TOOLS,
        later=[one.messages[1:] for one in asked],
        max_new_tokens=REPLY_TOKENS * len(asked[0].asked),
        temperature=config.temperature,
        seed=config.seed,
    )
    played = []
    for one, (reply,) in zip(asked, found):
        said = [message.content for message in reply.messages if message.role == "assistant"]
        # What broke off in the middle is no reply.
        played.append(Played(one, tuple(said if reply.stopped else said[: _ended(reply.messages)])))
    return played


def report(name: str, played: Sequence[Played], scores: Scores, samples: int, seed: int) -> None:
    """Add the rows of one mode.

    Args:
        name: of the mode.
        played: problems of equally many turns.
        scores: take the rows.
        samples: of the bootstrap.
        seed: of its draws.
    """
    right = np.array([one.right for one in played])  # [problems, turns]
    whole = np.logical_and.accumulate(right, axis=1)  # every turn so far
    n, turns = right.shape
    drawn = np.random.default_rng(seed).integers(0, n, size=(samples, n))

    def add(metric: str, of: np.ndarray, value: Callable[[np.ndarray], float]) -> None:
        low, high = np.percentile([value(of[rows]) for rows in drawn], [2.5, 97.5])
        scores.add(SUITE, name, metric, value(of), float(low), float(high), n)

    accuracy = float(right.mean())
    add("turn_accuracy", right, lambda of: float(of.mean()))
    scores.share(SUITE, name, "task_accuracy", whole[:, -1].tolist())
    for level in LEVELS:
        add(f"horizon_{level * 100:.0f}", whole, functools.partial(horizon, level=level))
    scores.add(SUITE, name, "turns", turns, None, None, n)
    even = math.log(0.5) / math.log(accuracy) if 0 < accuracy < 1 else None
    scores.add(SUITE, name, "even_horizon_50", even, None, None, n)
    for turn in range(turns):
        row = f"{name}_{turn + 1:02d}"
        scores.share(HORIZON_TURNS_SUITE, row, "task_accuracy", whole[:, turn].tolist())
        scores.share(HORIZON_TURNS_SUITE, row, "turn_accuracy", right[:, turn].tolist())


def horizon(whole: np.ndarray, level: float) -> int:
    """Turns up to which task accuracy stays at a level.

    Args:
        whole: [problems, turns], whether every turn so far was right.
        level: of the mean over problems.
    """
    below = whole.mean(axis=0) < level
    return int(below.argmax()) if below.any() else whole.shape[1]


def conditioned(
    subject: Subject, mode: str, drawn: Sequence[RunningSum], scores: Scores, progress: Progress
) -> None:
    """Add accuracies in the turn after a history with planted errors.

    Args:
        subject: a model that converses.
        mode: of the replies.
        drawn: problems, one turn longer than the history at least.
        scores: take the rows.
        progress: is told if there is no room.
    """
    config = subject.config
    history = config.horizon_history
    asked = [cut(one, history + 1) for one in drawn if len(one.asked) > history]
    histories: dict[float, list[tuple[list[Message], int]]] = {}
    for share in ERROR_SHARES:
        rng = random.Random(f"{config.seed}:{SUITE}:errors:{share}")
        histories[share] = [with_errors(one, history, share, rng) for one in asked]
    # The same problems at every share.
    places = [at for at in range(len(asked)) if _all_fit(subject, histories.values(), at)]
    if not places:
        progress.note(f"horizon, {mode}: a history of {history} turns has no room, none is asked")
        return
    for share, written in histories.items():
        said = ask(subject, [written[at][0] for at in places], REPLY_TOKENS)
        marks = [
            reply.stopped
            and final_answers.number(reply.text) == written[at][1] + asked[at].added(history)
            for at, reply in zip(places, said)
        ]
        scores.share(SUITE, f"{mode}_errors_{share * 100:.0f}", "accuracy", marks)


def with_errors(
    problem: RunningSum, history: int, share: float, rng: random.Random
) -> tuple[list[Message], int]:
    """A talk whose turns so far were written, some wrong, and the sum that was said last.

    Args:
        problem: longer than the history.
        history: turns.
        share: of the turns that are wrong.
        rng: the random generator.
    """
    wrong = set(rng.sample(range(history), round(share * history)))
    talk, before = [], 0
    for turn in range(history):
        error = rng.choice((-1, 1)) * rng.randint(1, MOST_VALUE) if turn in wrong else 0
        reply = problem.reply(before, turn, error)
        talk += [user(problem.messages[turn]), assistant(reply)]
        before += problem.added(turn) + error
    return [*talk, user(problem.messages[history])], before


def _all_fit(
    subject: Subject, histories: Iterable[Sequence[tuple[list[Message], int]]], at: int
) -> bool:
    """Whether a problem's talks leave room for a reply, whatever errors they hold."""
    context = subject.model.config.max_context
    return all(
        len(prompt(written[at][0], subject.tokenizer)) + REPLY_TOKENS <= context
        for written in histories
    )


def _on_pages(subject: Subject, asked: Sequence[RunningSum]) -> list[Played]:
    """A line for each turn; what leaves no room for the next one breaks off there."""
    context = subject.model.config.max_context
    said: list[tuple[str, ...]] = [()] * len(asked)
    for turn in range(len(asked[0].asked)):
        pages = [_page(cut(one, turn + 1), own) for one, own in zip(asked, said)]
        fit = {
            at: text
            for at, text in enumerate(pages)
            # After the document token. A page that had no room has none later.
            if len(subject.tokenizer.encode(text)) + 1 < context
        }
        found = complete(subject, list(fit.values()), REPLY_TOKENS, one_line=True) if fit else []
        for at, reply in zip(fit, found):
            said[at] = (*said[at], reply.text.strip())
    return [Played(one, own) for one, own in zip(asked, said)]


def _page(problem: RunningSum, said: Sequence[str]) -> str:
    """Messages and replies, a line each."""
    lines = []
    for turn, message in enumerate(problem.messages):
        lines += [message, *said[turn : turn + 1]]
    return "\n".join(lines) + ("\n" if len(said) < len(problem.messages) else "")


def _ended(messages: Sequence[Message]) -> int:
    """How many replies of a talk that broke off were followed by the user."""
    return sum(
        said.role == "assistant" and after.role == "user"
        for said, after in itertools.pairwise(messages)
    )
