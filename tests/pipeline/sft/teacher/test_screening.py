"""What becomes a conversation, and by what name an answer fails."""

import json
from pathlib import Path

import pytest
from teacher_server import said

from pipeline.chat.conversation import assistant, user
from pipeline.dedup.config import MinhashConfig
from pipeline.filters.decontamination import DecontaminationConfig, build_index
from pipeline.sft.teacher.chat_endpoint import ChatAnswer
from pipeline.sft.teacher.screening import (
    REASONS,
    SeenConversations,
    contamination,
    conversation,
    judgement,
    text_of,
)

GOOD = said([("user", "Who built the mill?"), ("assistant", "Cora Abel did.")])
TALK = (user("Who built the mill?"), assistant("Cora Abel did."))


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        f"\n {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```\n",
        said([("user", " Who built the mill?\n"), ("assistant", "Cora Abel did. ")]),
    ],
)
def test_conversations(content: str) -> None:
    screened = conversation(ChatAnswer(content))
    assert (screened.messages, screened.reason) == (TALK, "")


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no_json"),
        ("Sure! Here is the conversation:", "no_json"),
        (f"Sure! {GOOD}", "no_json"),
        (GOOD[:-3], "no_json"),
        ('{"messages": [NaN]}', "no_json"),
        (DEEP, "no_json"),
        ("1" * 10_000, "no_json"),  # more digits than Python reads
        ("null", "schema"),
        ("{}", "schema"),
        ('{"messages": {}}', "schema"),
        ('{"conversation": []}', "schema"),
        ('{"messages": [{"role": "user", "text": "hi"}]}', "schema"),
        (said([("system", "Be nice."), ("user", "Hi"), ("assistant", "Hi.")]), "schema"),
        (said([("user", "Hi"), ("Assistant", "Hello")]), "schema"),
        (said([]), "turns"),
        (said([("assistant", "Hello"), ("user", "Hi")]), "turns"),
        (said([("user", "Hi"), ("user", "Hello?"), ("assistant", "Hi")]), "turns"),
        (said([("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")]), "turns"),
        (said([("user", "Hi"), ("assistant", " \n")]), "no_text"),
        (said([("user", "half \ud83d"), ("assistant", "Hi")]), "no_text"),
    ],
)
def test_what_is_none_and_why(content: str, reason: str) -> None:
    screened = conversation(ChatAnswer(content))
    assert (screened.reason, screened.messages) == (reason, ())
    assert reason in REASONS
    assert "\n" not in screened.detail
    assert screened.detail


@pytest.mark.parametrize("problem", ["refused", "no_completion", "too_large", "declined", "cut"])
def test_a_problem_s_name_is_the_reason(problem: str) -> None:
    screened = conversation(ChatAnswer(GOOD, problem=problem, detail="why"))
    assert (screened.reason, screened.detail) == (problem, "why")
    assert problem in REASONS


@pytest.mark.parametrize(
    ("content", "score", "reason", "problem"),
    [
        ('{"reason": "All is in the passage.", "score": 4}', 4, "All is in the passage.", ""),
        ('```json\n{"reason": "r", "score": 1}\n```', 1, "r", ""),
        ('{"score": 4}', 0, "", "schema: answer has no reason"),
        ('{"reason": "r", "score": "4"}', 0, "", "schema: answer.score is no integer"),
        ('{"reason": "r", "score": 6}', 0, "", "schema: answer.score is none of 1, 2, 3, 4, 5"),
        ("4", 0, "", "schema: answer is no object"),
        ('{"reason": "\\ud83d", "score": 4}', 0, "", "no_text: the reason holds half a character"),
    ],
)
def test_judgements(content: str, score: int, reason: str, problem: str) -> None:
    judged = judgement(ChatAnswer(content))
    assert (judged.score, judged.reason, judged.problem) == (score, reason, problem)


def test_junk_of_a_judge_has_a_name() -> None:
    assert judgement(ChatAnswer("I like it")).problem.startswith("no_json: ")
    assert judgement(ChatAnswer(problem="cut")).problem == "cut"


LONG = (
    "The old mill of Hale stands above the river since the winter of the great flood, and its wheel"
    " was repaired by Cora Abel with oak from the forest behind the church, as the chronicle tells"
)


def test_near_duplicates_are_found_among_all_that_came_before() -> None:
    seen = SeenConversations(MinhashConfig(ngram_words=3))
    assert seen.first_like(0, f"{LONG}.") is None
    assert seen.first_like(1, "A text of other words, long enough for shingles of its own.") is None
    assert seen.first_like(2, f"{LONG}!") == 0  # punctuation is no difference
    assert seen.first_like(3, f"{LONG.replace('oak', 'wood')}.") == 0
    half = " ".join(LONG.split()[:16])
    assert seen.first_like(4, half) is None  # half of it is another text
    assert seen.first_like(5, half) == 4


def test_what_was_rejected_is_not_known() -> None:
    seen = SeenConversations(MinhashConfig(ngram_words=3))
    seen.first_like(0, LONG)
    assert seen.first_like(1, LONG) == 0
    assert seen.first_like(2, LONG) == 0


def test_texts_too_short_for_shingles_are_compared_whole() -> None:
    seen = SeenConversations(MinhashConfig(ngram_words=5))
    assert seen.first_like(0, "Yes.") is None
    assert seen.first_like(1, "No.") is None
    assert seen.first_like(2, "YES.") == 0


def test_contamination_names_the_example(tmp_path: Path) -> None:
    question = (
        "Which of the following animals is best adapted to a life in the cold water of the"
        " northern seas near Hale?"
    )
    file = tmp_path / "exam.jsonl"
    file.write_text(json.dumps({"question": "short one"}) + "\n" + json.dumps({"q": question}))
    index = build_index([file], DecontaminationConfig())
    talk = (user(f"Tell me. {question} I forgot."), assistant("The seal."))
    assert contamination(text_of(talk), index) == "exam.jsonl:1"
    assert contamination(text_of(TALK), index) == ""
    assert contamination(text_of(talk), None) == ""
    # across two messages it is found too: as one text
    half = question.split(" in the cold ")
    split = (user(half[0]), assistant(f"in the cold {half[1]}"))
    assert contamination(text_of(split), index) == "exam.jsonl:1"
