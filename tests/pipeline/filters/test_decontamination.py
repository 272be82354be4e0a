"""Planted questions are found and cut out, what is not there is not; the C code against Python."""

import gzip
import json
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filters import _ngrams
from pipeline.filters.contamination_report import REPORT, report_rows
from pipeline.filters.decontamination import (
    Contamination,
    DecontaminationConfig,
    NgramIndex,
    build_index,
    cleaned,
)
from pipeline.filters.examples import Example
from pipeline.filters.pii import PiiConfig, placeholder
from pipeline.unspaced import RANGES
from storage.errors import UserError

WORDS = [f"word{i}" for i in range(3000)]
QUESTION = (
    "A farmer has seventeen sheep, and all but nine of them run away during the night. How many"
    " sheep does the farmer still have in the morning, when he counts them again?"
)


def prose(seed: int, words: int = 400) -> str:
    """Words in no order that any question has."""
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(words))


def index_of(*texts: str, **settings: Any) -> NgramIndex:
    examples = [Example("set.jsonl", number, (text,)) for number, text in enumerate(texts)]
    return NgramIndex(examples, DecontaminationConfig(**settings))


def find(index: NgramIndex, text: str) -> Contamination:
    """What the index finds in a text that must hold something."""
    found = index.scan(text)
    assert found is not None
    return found


def python_words(text: str) -> list[tuple[str, int, int, int]]:
    """What the C code does, in Python: word, start, end, weight."""
    found, start = [], None

    def end(place):
        nonlocal start
        if start is not None:
            word = text[start:place]
            letters = sum(map(str.isalpha, word))
            found.append((word, start, place, 2 if letters > 1 else 0))
            start = None

    for place, sign in enumerate(text):
        alone = sign.isalpha() and any(low <= ord(sign) <= high for low, high in RANGES)
        if not sign.isalnum() or alone:
            end(place)
        if alone:
            found.append((sign, place, place + 1, 1))
        elif sign.isalnum() and start is None:
            start = place
    end(len(text))
    return found


@given(
    st.text(st.characters(codec="utf-8"), max_size=200) | st.text("aB1 ,.'漢ก字é²ßİ", max_size=60)
)
def test_words_in_c_are_those_in_python(text):
    hashes, starts, ends, weights = _ngrams.words(text)
    expected = python_words(text)
    assert np.frombuffer(starts, np.int64).tolist() == [word[1] for word in expected]
    assert np.frombuffer(ends, np.int64).tolist() == [word[2] for word in expected]
    assert list(weights) == [word[3] for word in expected]
    assert len(np.frombuffer(hashes, np.uint64)) == len(expected)


def test_a_word_s_hash_is_fnv_with_splitmix_and_ignores_case():
    mask = 2**64 - 1

    def reference(word: str) -> int:
        value = 0xCBF29CE484222325
        for sign in word:
            value = ((value ^ ord(sign)) * 0x100000001B3) & mask
        value = (value + 0x9E3779B97F4A7C15) & mask
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    for word in ("sheep", "ünïcode", "дом", "漢", "42", "x"):
        assert np.frombuffer(_ngrams.words(word.upper())[0], np.uint64).tolist() == [
            reference(word)
        ]
    with pytest.raises(TypeError):
        _ngrams.words(b"bytes")  # type: ignore[arg-type]


def test_a_planted_question_is_found_in_any_form():
    index = index_of(prose(1, 30), QUESTION, prose(2, 30))
    for planted in (QUESTION, QUESTION.upper(), QUESTION.replace(" ", "\n\t").replace(",", " --")):
        text = prose(3) + ". " + planted + " " + prose(4)
        found = index.scan(text)
        assert found is not None
        (match,) = found.matches
        assert (match.benchmark, match.example) == ("set.jsonl", 1)
        assert match.ngrams == len(QUESTION.split()) - 12
        (span,) = found.spans
        assert text[slice(*span)].casefold() == planted.rstrip("?").casefold()


def test_what_is_not_there_is_not_found():
    index = index_of(QUESTION, *(prose(seed, 60) for seed in range(200)))
    for seed in range(1000, 1050):
        assert index.scan(prose(seed)) is None
    for text in ("", "one", "... --- ...", QUESTION[:40], "\ud800" * 20):
        assert index.scan(text) is None
    # twelve words in a row are not thirteen
    assert index.scan(" ".join(QUESTION.split()[:12])) is None
    assert index.scan(" ".join(QUESTION.split()[:13])) is not None


def test_short_examples_are_looked_for_whole():
    short, tiny = "Which of these rivers flows into the Black Sea", "Is it so?"
    index = index_of(short, tiny)
    assert index.unprotected == 1
    assert find(index, f"{prose(1)} {short} {prose(2)}").matches[0].example == 0
    assert index.scan(f"{prose(1)} {short.removesuffix(' Sea')} {prose(2)}") is None
    assert index.scan(tiny) is None


def test_numbers_and_letters_alone_are_no_evidence():
    counting = " ".join(map(str, range(1, 30)))
    index = index_of(
        counting, "0 1 2 3 4 5 6 7 8 9 A B C D E F", "x = 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8"
    )
    assert (index.ngrams, index.unprotected) == (0, 3)
    assert index.scan(counting) is None
    assert index_of(counting, min_spelled_words=0).scan(counting) is not None


def test_scripts_without_spaces_are_read_sign_by_sign():
    question = "농부에게는 양이 열일곱 마리 있다"  # words apart, but too few
    chinese = "农夫有十七只羊，除了九只以外都在夜里跑掉了，早上还剩下几只？"
    index = index_of(question, chinese)
    assert index.unprotected == 1
    found = find(index, "昨天有人问我：农夫有十七只羊，除了九只以外都在夜里跑掉了。我不知道。")
    assert found.matches[0].example == 1


def test_the_wording_of_a_task_is_not_its_content():
    task = "Read the following sentence and say which language it is written in, please: "
    texts = [task + prose(seed, 20) for seed in range(30)]
    found = find(index_of(*texts), f"{prose(99)} {texts[4]} {prose(98)}")
    assert [match.example for match in found.matches] == [4]
    assert index_of(*texts).scan(task + prose(97)) is None
    assert index_of(*texts, max_examples_per_ngram=30).scan(task + prose(97)) is not None


def test_question_and_answer_count_in_a_row():
    example = Example("qa.jsonl", 0, (" ".join(WORDS[:7]), " ".join(WORDS[7:14])))
    index = NgramIndex([example], DecontaminationConfig())
    assert find(index, " ".join(WORDS[:14])).matches[0].ngrams == 2
    assert index.scan(" ".join(WORDS[7:14])) is None


def test_cutting_leaves_the_rest():
    config = DecontaminationConfig(action="cut")
    index = NgramIndex([Example("s", 0, (QUESTION,))], config)
    head, tail = prose(1), prose(2)
    text = f"{head} {QUESTION} {tail}"
    left = cleaned(text, find(index, text), config)
    assert left is not None
    first, second = left.split("\n")
    assert head.startswith(first)
    assert len(head) - 260 < len(first) < len(head) - 190
    assert tail.endswith(second)
    assert {*first.split(), *second.split()} <= set(WORDS)  # no word is cut in two
    assert index.scan(left) is None
    assert (
        cleaned(f"x {QUESTION} y", find(index, QUESTION), config) is None
    )  # nothing worth keeping
    many = " ".join(f"{prose(seed, 120)} {QUESTION}" for seed in range(12))
    assert cleaned(many, find(index, many), config) is None  # more than ten pieces
    long_word = "x" * 1000
    text = f"{long_word} {QUESTION} {long_word}"
    left = cleaned(text, find(index, text), config)
    assert left is not None
    assert left.split("\n")[0] == "x" * 801


@pytest.mark.parametrize(
    ("margin", "left"),
    [
        (0, "on a very old road|to our green house"),
        (1, "on a very old road|to our green house"),
        (2, "on a very old|our green house"),  # through `road`, and through `to`
        (3, "on a very old|our green house"),
        (4, "on a very old|our green house"),
        (5, "on a very old|green house"),
        (6, "on a very old|green house"),  # to the very end of `old`
        (7, "on a very|green house"),
    ],
)
def test_cutting_leaves_each_whole_word_outside_the_margin(margin, left):
    config = DecontaminationConfig(
        action="cut", cut_margin_characters=margin, min_piece_characters=1
    )
    question = QUESTION.rstrip("?")
    index = NgramIndex([Example("s", 0, (question,))], config)
    text = f"on a very old road {question} to our green house"
    assert cleaned(text, find(index, text), config) == left.replace("|", "\n")


def test_dropping_and_reporting():
    index = index_of(QUESTION)
    text = f"{prose(1)} {QUESTION}"
    found = find(index, text)
    assert cleaned(text, found, DecontaminationConfig()) is None
    assert cleaned(text, found, DecontaminationConfig(action="report")) == text
    rows = report_rows("id1", "https://example.org", text, found, "drop", PiiConfig())
    table = pa.Table.from_pylist(rows, schema=REPORT)
    assert table.to_pylist()[0]["excerpt"] == QUESTION.rstrip("?")
    assert table.to_pylist()[0]["matched_ngrams"] == len(QUESTION.split()) - 12


def test_an_excerpt_holds_nobodys_data():
    index = index_of(f"{QUESTION} Answers to jane.doe@mail.example.net")
    text = f"{prose(1)} {QUESTION} Answers to jane.doe@mail.example.net"
    (row,) = report_rows("id1", "", text, find(index, text), "drop", PiiConfig())
    assert row["excerpt"].startswith(QUESTION)
    assert "jane" not in row["excerpt"]
    assert placeholder("email", "jane.doe@mail.example.net") in row["excerpt"]


def test_the_same_files_give_the_same_index(tmp_path):
    file = tmp_path / "set.jsonl.gz"
    rows = [{"question": prose(seed, 40), "answer": prose(seed + 5000, 9)} for seed in range(50)]
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    first, second = (build_index([file], DecontaminationConfig()) for _ in range(2))
    text = f"{rows[3]['question']} {rows[7]['question']}"
    assert first.scan(text) == second.scan(text)
    assert [match.example for match in find(first, text).matches] == [3, 7]


def test_a_config_that_cannot_be():
    with pytest.raises(UserError, match="min_ngram_words"):
        index_of(QUESTION, min_ngram_words=14)


def test_questions_of_real_sets_are_found_in_a_page(shared_dir):
    files = [
        shared_dir / "eval" / "core_icl" / name for name in ("piqa.jsonl.gz", "boolq.jsonl.gz")
    ]
    files.append(shared_dir / "eval" / "gsm8k_test_first_two_thirds.jsonl.gz")
    index = build_index(files, DecontaminationConfig())
    with gzip.open(files[2], "rt") as lines:
        question = json.loads(next(lines))["question"]
    found = find(index, f"{prose(1)}\n{question}\n{prose(2)}")
    assert (found.matches[0].benchmark, found.matches[0].example) == (files[2].name, 0)
    assert index.scan(prose(5)) is None
