"""Running sums over a dictionary, in turns: the plan is given, so only its execution is measured.

In: how many turns, a split. Out: a problem: words with values, and for each message of the user the
words whose values are to be added. The first message holds the values and says whether a reply is
the sum alone or the steps that lead to it, the value looked up and then added. Nobody has to know
or to plan anything: what fails is a step, or the memory of the sum (Sinha et al. 2025, "The
Illusion of Diminishing Returns", arXiv 2509.09677). Their values have two digits and their models a
billion parameters; here they have one, so that a model of a million can look up and add at all.
"""

import dataclasses
import random

from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.spelled_words import SPELLING_WORDS
from pipeline.curriculum.task_type import Task

LEVELS = 32  # turns
WORDS = (2, 8)  # of a dictionary, the fewest and the most
MOST_VALUE = 9  # either sign, 0 is no value: a step that adds nothing can't be seen
DIRECT, WORKED = "running_sum", "running_sum_worked"
SUM_ALONE = ("reply with the sum", "answer with the sum alone", "say the sum")
WITH_STEPS = ("show each step", "reply with each step and its sum", "write the steps")
WORDINGS = (
    "{values}. Start at 0. I send words: add their values and {how}. {words}",
    "Words have values: {values}. Add them up from 0. For each message {how}. First: {words}",
    "Values: {values}. Begin with 0, add what I name and {how}.\n{words}",
)
# No stage trains these: evaluation alone asks so.
NEW_WORDINGS = (
    "Here is a price list: {values}. The total is 0 now. Add what I send you and {how}. {words}",
    "Let us count. {values}. We have 0. With every word of mine the total changes: {how}.\n{words}",
)


@dataclasses.dataclass(frozen=True)
class RunningSum:
    """A problem."""

    values: tuple[tuple[str, int], ...]  # of each word
    asked: tuple[tuple[str, ...], ...]  # the words of each message
    wording: str  # of the first message
    worked: bool  # whether a reply shows its steps

    @property
    def name(self) -> str:
        """What is asked, in whatever wording and order of the dictionary: it is split by this."""
        listed = ",".join(f"{word}={value}" for word, value in sorted(self.values))
        return f"running_sum:{listed}:{';'.join('+'.join(words) for words in self.asked)}"

    @property
    def messages(self) -> tuple[str, ...]:
        """What the user says, in order."""
        values = ", ".join(f"{word} = {value}" for word, value in self.values)
        first, *later = (", ".join(words) for words in self.asked)
        return (self.wording.format(values=values, words=first), *later)

    @property
    def sums(self) -> tuple[int, ...]:
        """The right sum after each message."""
        found = [0]
        for turn in range(len(self.asked)):
            found.append(found[-1] + self.added(turn))
        return tuple(found[1:])

    def added(self, turn: int) -> int:
        """What a message adds, by its number from 0."""
        by_word = dict(self.values)
        return sum(by_word[word] for word in self.asked[turn])

    def reply(self, before: int, turn: int, error: int = 0) -> str:
        """What is to be said in a turn where the sum stood at `before`.

        Args:
            before: the sum that was said last, right or wrong.
            turn: its number, from 0.
            error: by which the last step is wrong, to plant a mistake.
        """
        by_word, steps = dict(self.values), []
        for place, word in enumerate(self.asked[turn]):
            value = by_word[word]
            after = before + value + (error if place == len(self.asked[turn]) - 1 else 0)
            sign = "-" if value < 0 else "+"
            steps.append(f"{word} = {value}: {before} {sign} {abs(value)} = {after}")
            before = after
        return ", ".join(steps) if self.worked else str(before)

    @property
    def replies(self) -> tuple[str, ...]:
        """The right reply to each message."""
        before = (0, *self.sums)
        return tuple(self.reply(before[turn], turn) for turn in range(len(self.asked)))


def draw(
    turns: int,
    split: str,
    rng: random.Random,
    *,
    worked: bool,
    words_per_turn: int = 1,
    new_wording: bool = False,
) -> RunningSum:
    """A random problem of a split.

    Args:
        turns: messages of the user.
        split: `sft`, `rl` or `evaluation`.
        rng: the random generator.
        worked: whether replies show their steps.
        words_per_turn: that a message names.
        new_wording: whether the first message is one that no stage trains.
    """
    while True:
        words = rng.sample(SPELLING_WORDS, rng.randint(*WORDS))
        values = tuple((word, _value(rng)) for word in words)
        asked = tuple(tuple(rng.choice(words) for _ in range(words_per_turn)) for _ in range(turns))
        problem = RunningSum(values, asked, "", worked)
        if problem_split(problem.name) == split:
            break
    wording = rng.choice(NEW_WORDINGS if new_wording else WORDINGS)
    how = rng.choice(WITH_STEPS if worked else SUM_ALONE)
    return dataclasses.replace(problem, wording=wording.replace("{how}", how))


def direct_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A problem of `level` turns, of which only the last sum is judged."""
    return _task(draw(level, split, rng, worked=False, new_wording=new_wording), DIRECT, level)


def worked_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """The same with steps, which aren't judged."""
    return _task(draw(level, split, rng, worked=True, new_wording=new_wording), WORKED, level)


def _task(problem: RunningSum, kind: str, level: int) -> Task:
    first, *later = problem.messages
    return Task(
        first,
        str(problem.sums[-1]),
        kind,
        0,
        level=level,
        problem=problem.name,
        solution=problem.replies[-1],
        later=tuple(later),
    )


def _value(rng: random.Random) -> int:
    return rng.choice((-1, 1)) * rng.randint(1, MOST_VALUE)
