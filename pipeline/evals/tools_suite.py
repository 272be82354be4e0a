"""Tools where they are needed and where not, and the same questions without: what they bring.

In: a model that converses, rows of facts.parquet. Products of two 3-digit numbers, letters counted,
words spelled and reversed need a tool; sums of one or two digits and facts that pages state often
need none. All are of the evaluation split. Each is asked with the tools offered and without.

Out, for each kind, `_with` tools and `_without`: accuracy, and with tools the share of turns that
called (`call_rate`). Over all kinds: `needed` and `unneeded`, whose call rates lie the further
apart the less calling is a habit (`adaptive`). Of the calls: which could be read (`parsed`), whose
output was an error (`errors`), rounds in turns that called. A reply is right if the turn ended by
itself and what it says last is.
"""

import dataclasses
import random
from collections.abc import Sequence

from pipeline.chat.conversation import user
from pipeline.curriculum import letters, multiplication, sums
from pipeline.curriculum.task_kinds import KINDS
from pipeline.curriculum.tasks import is_right
from pipeline.evals.asking import FactRow, Reply, Scores, Subject, ask_questions, fits_call, spread
from pipeline.evals.config import EvalsConfig
from pipeline.evals.facts_suite import contains
from pipeline.stage import Progress
from pipeline.tools.named_tools import named
from pipeline.tools.tool_batch import ToolReply, replies

SUITE = "tools"
PRODUCT_DIGITS = 3  # of both numbers
SHORT_SUM_LEVELS = 2  # digits of the longer number, at most
LETTER_TASKS = {
    "letter_count": letters.counting_task,
    "spelling": letters.spelling_task,
    "reversing": letters.reversing_task,
}
FACT = "fact"
MOST_DRAWS = 50  # for each question that is wanted


@dataclasses.dataclass(frozen=True)
class ToolItem:
    """A question, and whether a tool is needed for it."""

    kind: str
    question: str
    answer: str
    needed: bool
    new_wording: bool = False

    @property
    def row(self) -> str:
        """Its name in the rows."""
        return f"{self.kind}{'_new_wordings' if self.new_wording else ''}"


def draw(config: EvalsConfig, facts: Sequence[FactRow]) -> list[ToolItem]:
    """`tool_questions` different questions of each kind and sort of wording.

    Args:
        config: how many, and the seed.
        facts: rows of facts.parquet, of which those that pages state often are asked.
    """
    found: list[ToolItem] = []
    for new in (True, False):
        for kind in ("product", *LETTER_TASKS, "sum"):
            rng = random.Random(f"{config.seed}:tools:{kind}:{new}")
            asked: dict[str, ToolItem] = {}
            for number in range(MOST_DRAWS * config.tool_questions):
                if len(asked) == config.tool_questions:
                    break
                item = _make(kind, number, new, rng)
                asked.setdefault(item.question, item)
            found += asked.values()
    often = [fact for fact in facts if fact["frequency"] == "often"]
    rng = random.Random(f"{config.seed}:tools:{FACT}")
    chosen = rng.sample(often, min(config.tool_questions, len(often)))
    return found + [ToolItem(FACT, fact["question"], fact["value"], False) for fact in chosen]


def measure(subject: Subject, facts: Sequence[FactRow], scores: Scores, progress: Progress) -> None:
    """Ask with tools and without, and add the rows.

    Args:
        subject: the model; it has conversation tokens.
        facts: rows of facts.parquet.
        scores: take the rows.
        progress: is told what has no room in the context.
    """
    config = subject.config
    drawn = draw(config, facts)
    with named(config.tools) as toolbox:
        items = [item for item in drawn if fits_call(subject, item.question, toolbox.definitions)]
        if len(items) < len(drawn):
            progress.note(
                f"tools: {len(drawn) - len(items):,} of {len(drawn):,} questions leave no room for"
                f" a call in {subject.model.config.max_context} tokens beside what the tools are,"
                " and are not asked"
            )
        questions = [item.question for item in items]
        turns = replies(
            subject.engine,
            subject.tokenizer,
            [[user(question)] for question in questions],
            toolbox,
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            seed=config.seed,
        )
    alone = ask_questions(subject, questions, config.max_new_tokens)
    report(subject, items, [turn for (turn,) in turns], alone, scores)


def report(
    subject: Subject,
    items: Sequence[ToolItem],
    turns: Sequence[ToolReply],
    alone: Sequence[Reply],
    scores: Scores,
) -> None:
    """Add the rows.

    Args:
        subject: the model.
        items: what was asked.
        turns: with tools, to each.
        alone: without, likewise.
        scores: take the rows.
    """
    helped = [t.stopped and _is_right(i, t.text) for i, t in zip(items, turns)]
    unaided = [r.stopped and _is_right(i, r.text) for i, r in zip(items, alone)]
    called = [turn.has_called(subject.tokenizer) for turn in turns]
    groups: dict[str, list[int]] = {}
    for at, item in enumerate(items):
        groups.setdefault("needed" if item.needed else "unneeded", []).append(at)
    for at, item in enumerate(items):
        groups.setdefault(item.row, []).append(at)
    for name, of in groups.items():
        scores.share(SUITE, f"{name}_with", "accuracy", [helped[i] for i in of])
        scores.share(SUITE, f"{name}_without", "accuracy", [unaided[i] for i in of])
        scores.share(SUITE, f"{name}_with", "call_rate", [called[i] for i in of])
    if "needed" in groups and "unneeded" in groups:
        rates = [
            sum(called[i] for i in groups[name]) / len(groups[name])
            for name in ("needed", "unneeded")
        ]
        n = len(items)
        scores.add(SUITE, "adaptive", "call_rate_difference", rates[0] - rates[1], None, None, n)
    callers = [turn for turn, did in zip(turns, called) if did]
    scores.share(SUITE, "calls", "parsed", [turn.ended != "unreadable" for turn in callers])
    outputs = [answered.output for turn in turns for answered in turn.calls]
    scores.share(SUITE, "calls", "errors", [output.ending != "done" for output in outputs])
    rounds = [turn.rounds for turn in callers]
    if rounds:
        mean = sum(rounds) / len(rounds)
        scores.add(SUITE, "calls", "rounds", mean, None, None, len(rounds))
    for i in spread(range(len(items)), subject.config.samples_per_suite):
        said = subject.tokenizer.decode(turns[i].tokens)
        scores.sample(SUITE, items[i].question, said, items[i].answer, helped[i])


def _make(kind: str, number: int, new_wording: bool, rng: random.Random) -> ToolItem:
    if kind == "product":
        a, b = multiplication.draw_factors(PRODUCT_DIGITS, PRODUCT_DIGITS, "evaluation", rng)
        wordings = multiplication.NEW_WORDINGS if new_wording else multiplication.WORDINGS
        asked, answer = rng.choice(wordings).format(a=a, b=b), str(a * b)
    elif kind == "sum":
        task = sums.task(1 + number % SHORT_SUM_LEVELS, "evaluation", rng, new_wording)
        asked, answer = task.prompt, task.answer
    else:
        level = 1 + number % KINDS[kind].levels
        task = LETTER_TASKS[kind](level, "evaluation", rng, new_wording)
        asked, answer = task.prompt, task.answer
    return ToolItem(kind, asked, answer, kind != "sum", new_wording)


def _is_right(item: ToolItem, reply: str) -> bool:
    if item.kind == FACT:
        return contains(reply, item.answer)
    return is_right(item.kind, reply, item.answer)
