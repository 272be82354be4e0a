"""Questions for tools: of fine-tuning's split; what is said is the tool's true output."""

import random
import re

import pytest

from pipeline.curriculum import final_answers
from pipeline.curriculum.held_out import problem_split, sum_split, word_split
from pipeline.sft import tool_questions
from pipeline.sft.tool_questions import KINDS, ToolQuestion, draw
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.expression import value_of
from pipeline.tools.tool import ToolOutput


def drawn(kind: str, count: int = 40) -> list[ToolQuestion]:
    rng = random.Random(kind)
    return [getattr(tool_questions, kind)(rng) for _ in range(count)]


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", text)]


@pytest.mark.parametrize(("kind", "sign"), [("product", "*"), ("long_sum", "+")])
def test_numbers_are_of_the_sft_split_and_the_expression_is_what_is_asked(kind, sign):
    for question in drawn(kind):
        expression = question.arguments["calculator"]["expression"]
        assert question.arguments["python"]["code"] == expression
        a, b = map(int, expression.split(f" {sign} "))
        assert sorted(numbers(question.question)) == sorted((a, b))
        value = value_of(expression, CalculatorConfig())
        if sign == "*":
            assert question.subject == f"product:{min(a, b)}*{max(a, b)}"
            assert problem_split(question.subject) == "sft"
            assert "without a calculator" in question.alone
        else:
            assert question.subject == f"sum:{a + b}"
            assert sum_split(a, b) == "sft"
            assert max(len(str(a)), len(str(b))) > 4  # shorter ones are no reason to call
            assert final_answers.number(question.alone) == value
        # what is told is what came out, right or not
        assert final_answers.number(question.answer(ToolOutput("12345"))) == 12345


def test_a_long_product_has_two_numbers_of_three_digits_often():
    lengths = [sorted(map(len, map(str, numbers(q.question)))) for q in drawn("product", 60)]
    assert lengths.count([3, 3]) > 10


@pytest.mark.parametrize("kind", ["letter_count", "spelling", "reversing"])
def test_words_are_of_the_sft_split_and_python_says_what_the_solution_says(kind):
    told = set()
    for question in drawn(kind):
        word = question.subject.removeprefix("word:")
        assert word_split(word) == "sft"
        code = question.arguments["python"]["code"]
        assert list(question.arguments) == ["python"]
        value = eval(code, {"__builtins__": {}})  # of our own writing
        reply = question.answer(ToolOutput(repr(value)))
        read = {
            "letter_count": final_answers.number,
            "spelling": final_answers.spelled,
            "reversing": final_answers.word,
        }[kind]
        assert read(reply) == read(question.alone) == value
        assert word in question.question
        told.add(reply)
    assert len(told) > 5


def test_what_a_tool_refuses_is_told():
    seen = set()
    for question in drawn("impossible", 60):
        seen.add(question.subject.split()[0].split("[")[0][:13] and next(iter(question.arguments)))
        reply = question.answer(ToolOutput("printed\nError: division by zero.", "error"))
        assert "division by zero." in reply
        assert "Error:" not in reply
        assert "printed" not in reply
        assert question.alone
    assert seen == {"calculator", "python"}


def test_kinds_come_in_their_turn_and_the_same_seed_asks_the_same():
    found = draw(2 * len(KINDS), random.Random(1))
    assert [q.question for q in found] == [
        q.question for q in draw(2 * len(KINDS), random.Random(1))
    ]
    products = [q for q in found if q.subject.startswith("product:")]
    assert len(products) == 6
    assert draw(0, random.Random(1)) == []
