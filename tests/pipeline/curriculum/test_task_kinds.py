"""The laws that every kind of tasks keeps: right is right, wrong is wrong, splits never meet."""

import itertools
import math
import random
import re
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import numerals
from pipeline.curriculum.held_out import SPLITS, problem_split, sum_split, word_split
from pipeline.curriculum.task_kinds import KINDS
from pipeline.curriculum.task_type import Task
from pipeline.curriculum.tasks import check, is_right

EVERY = [(kind, level) for kind, of in KINDS.items() for level in range(1, of.levels + 1)]


def made(kind: str, level: int, split: str, seed: object, new_wording: bool = False) -> Task:
    return KINDS[kind].make(level, split, random.Random(f"{seed}"), new_wording)


TASKS = st.builds(
    lambda at, split, seed, new: made(at[0], at[1], split, seed, new),
    st.sampled_from(EVERY),
    st.sampled_from(SPLITS),
    st.integers(0, 10**9),
    st.booleans(),
)


@given(TASKS)
def test_the_worked_solution_and_the_bare_answer_are_right(task):
    answer = task.answer
    said = [task.solution, answer, f"{answer}.", f"**{answer}**", rf"\boxed{{{answer}}}"]
    said += [f"The answer is {answer}.", f"{answer[0].upper()}{answer[1:]}."]
    for reply in said:
        if task.kind == "spelling" and reply[0].isupper():
            continue
        assert check(task, reply, True), reply
        assert not check(task, reply, False)


def wrong_answers(task: Task) -> list[str]:
    """Answers near the right one."""
    answer = task.answer
    number = numerals.whole(answer.split()[0])
    if number is not None and task.kind not in ("sort_numbers", "date"):
        unit = answer.partition(" ")[2]
        near = [number + 1, number - 1, -number, number * 10, number + 10]
        shown = [f"{float(value):.4f}".rstrip("0").rstrip(".") for value in near if value != number]
        return [f"{value} {unit}".strip() for value in shown]
    if task.kind in ("sort_numbers", "sort_words"):
        items = answer.split(", ")
        return [", ".join(items[::-1]), ", ".join(items[1:]), ", ".join([*items, items[-1]])]
    if task.kind == "weekday":
        days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
        return [day for day in days if day != answer]
    if task.kind == "date":
        day, rest = answer.split(" ", 1)
        years = [f"{answer[:-4]}{int(answer[-4:]) + 1}"] if task.level == 4 else [f"{answer} 2024"]
        return [f"{int(day) % 28 + 1} {rest}", *years]
    if task.kind == "yes_no":
        return ["no" if answer == "yes" else "yes"]
    return [f"{answer}{answer[-1]}", answer[:-1], answer[::-1]]  # spelling, reversing


@given(TASKS)
def test_other_answers_are_wrong(task):
    wrong = [text for text in wrong_answers(task) if text != task.answer]
    for text in [*wrong, "", "I don't know."]:
        assert not check(task, text, True), text
    for text in wrong:
        for hedge in (f"{text} or {task.answer}", f"{task.answer} or {text}"):
            assert not check(task, hedge, True), hedge
        assert not check(task, f"The answer is {text}.", True)


@given(TASKS)
def test_nothing_is_left_to_fill_in_and_an_echo_of_the_question_is_wrong(task):
    assert "{" not in task.prompt + task.solution
    assert task.problem
    # 0 plus 5 is 5, whoever says it
    if task.kind not in ("sum", "difference", "product") or task.answer not in task.prompt:
        assert not check(task, task.prompt, True)


def split_of(problem: str) -> str:
    """The split of a problem, by the rule for its sort."""
    sort, _, rest = problem.partition(":")
    if sort == "sum":
        a, b = map(int, rest.split("+"))
        return sum_split(a, b)
    return word_split(rest) if sort == "word" else problem_split(problem)


@given(st.sampled_from(EVERY), st.sampled_from(SPLITS), st.integers(0, 10**9), st.booleans())
def test_a_task_is_of_the_split_that_was_asked_for(at, split, seed, new_wording):
    task = made(at[0], at[1], split, seed, new_wording)
    assert split_of(task.problem) == split
    assert problem_of(task) == task.problem


def problem_of(task: Task) -> str:
    """What a prompt asks, read from the prompt alone where that is simple; else what it says."""
    low, high = sorted([*map(int, re.findall(r"\d+", task.prompt)), 0, 0][:2])
    if task.kind in ("sum", "difference", "product"):
        sign = {"sum": "+", "difference": "-", "product": "*"}[task.kind]
        first, second = (high, low) if task.kind == "difference" else (low, high)
        return f"{task.kind}:{first}{sign}{second}"
    if task.kind in ("letter_count", "spelling", "reversing"):
        longest = max(re.findall(r"[a-z]+", task.prompt), key=lambda w: f"word:{w}" == task.problem)
        return f"word:{longest}"
    if task.kind == "sort_numbers":
        return f"sort_numbers:{','.join(sorted(re.findall(r'[0-9]+', task.prompt), key=int))}"
    return task.problem


@pytest.mark.parametrize("kind", KINDS)
def test_no_problem_and_no_prompt_is_in_two_splits(kind):
    seen: dict[str, dict[str, set[str]]] = {"problem": {}, "prompt": {}, "blank": {}}
    for split in SPLITS:
        for level in range(1, KINDS[kind].levels + 1):
            rng = random.Random(f"{kind}{level}")  # the same seed for each split
            for number in range(120):
                task = KINDS[kind].make(level, split, rng, bool(number % 2))
                assert (task.kind, task.level) == (kind, level)
                seen["problem"].setdefault(split, set()).add(task.problem)
                seen["prompt"].setdefault(split, set()).add(task.prompt)
    for of in ("problem", "prompt"):
        first, second, third = (seen[of][split] for split in SPLITS)
        assert first
        assert second
        assert third
        assert not first & second
        assert not first & third
        assert not second & third


def blank(task: Task) -> str:
    """A prompt without what changes from problem to problem: its wording."""
    text = re.sub(
        r"\b(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b", "D", task.prompt
    )
    text = re.sub(r"-?\d+(\.\d+)?|[A-Z][a-z]+ (?=\d{4})", "#", text)
    for word in sorted({*re.findall(r"[a-z]+", task.problem + task.answer)}, key=len, reverse=True):
        text = re.sub(rf"\b{word}\b", "w", text)
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_new_wordings_are_none_of_the_trained_ones(kind):
    def wordings(new: bool) -> set[str]:
        rng = random.Random(f"{kind}{new}")
        drawn = (KINDS[kind].make(1, "sft", rng, new) for _ in range(400))
        return {" ".join(blank(task).split()) for task in drawn}

    trained, new = wordings(False), wordings(True)
    assert trained
    assert new
    assert not trained & new


# What a level makes larger, by kind.
SIZES: dict[str, Callable[[Task], int]] = {
    **dict.fromkeys(
        ("sum", "difference", "product"),
        lambda task: math.prod(len(digits) for digits in re.findall(r"\d+", task.prompt)),
    ),
    "comparison": lambda task: sum(len(part) for part in re.findall(r"\.(\d+)", task.prompt)),
    **dict.fromkeys(("letter_count", "spelling", "reversing"), lambda task: len(task.problem)),
    **dict.fromkeys(("sort_numbers", "sort_words"), lambda task: task.answer.count(",")),
    "word_problem": lambda task: task.solution.count("="),
    "yes_no": lambda task: task.solution.count("Every") + task.solution.count("No "),
    "weekday": lambda task: int(re.findall(r"\d+", task.problem)[0]),
    "date": lambda task: len(task.solution),
    "units": lambda task: task.solution.count("=") + ("." in task.answer),
}


@pytest.mark.parametrize("kind", KINDS)
def test_levels_grow(kind):
    means = []
    for level in range(1, KINDS[kind].levels + 1):
        rng = random.Random(f"{kind}{level}")
        drawn = [KINDS[kind].make(level, "sft", rng) for _ in range(150)]
        means.append(sum(map(SIZES[kind], drawn)) / len(drawn))
    equal = kind == "units"  # its first two levels differ in the factor alone
    assert all(a <= b if equal else a < b for a, b in itertools.pairwise(means)), means
    assert means[-1] > means[0]


@pytest.mark.parametrize(("kind", "level"), EVERY)
def test_the_same_seed_makes_the_same_task(kind, level):
    first, again, other = (made(kind, level, "rl", seed) for seed in ("a", "a", "b"))
    assert first == again
    assert first != other


@pytest.mark.parametrize("kind", KINDS)
def test_no_constant_answer_pays_more_than_chance_says(kind):
    """Where answers are many, none is common; where they are few, `chance` says so."""
    of = KINDS[kind]
    rng = random.Random(kind)
    drawn = [of.make(1 + n % of.levels, "sft", rng).answer for n in range(400)]
    share = max(Counter(drawn).values()) / len(drawn)
    # between two numbers a guess pays half though no answer is common
    assert share <= max(of.chance, 0.05) + 0.06


def test_numbers_are_judged_by_value_and_words_by_letters():
    assert is_right("sum", "1,405.0", "1405")
    assert not is_right("sum", "2140", "214")
    assert not is_right("sum", "-214", "214")
    assert is_right("reversing", "R-U-O-B", "ruob")
    assert not is_right("reversing", "ruobs", "ruob")
