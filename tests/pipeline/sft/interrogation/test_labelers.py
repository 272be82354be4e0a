"""What sampled answers say of a question."""

import random

import pytest

from pipeline.curriculum.answer_matching import AnswerType
from pipeline.curriculum.dont_know import says_so
from pipeline.sft.interrogation.config import InterrogationConfig
from pipeline.sft.interrogation.labelers import (
    CONFIDENCE,
    DONT_KNOW,
    Interrogated,
    Label,
    label,
    replies,
    without_conflicts,
)
from pipeline.sft.interrogation.probes import Probe
from storage.errors import UserError

CONFIG = InterrogationConfig(known_from=0.6, unknown_to=0.3)
RIGHT: AnswerType = "correct"
WRONG: AnswerType = "wrong"
IDK: AnswerType = "idk"


def question(text: str = "Where was Mara born?", relation: str = "born") -> Probe:
    return Probe("stated", text, "Mara", relation, ("Hale",), "Mara was born in Hale.", 2, "d")


def item(
    right: int, of: int = 10, label: Label = "known", asked: Probe | None = None
) -> Interrogated:
    types = (RIGHT,) * right + (WRONG,) * (of - right)
    answers = tuple("Hale" if kind == RIGHT else f"Town {n}" for n, kind in enumerate(types))
    return Interrogated(asked or question(), answers, types, label)


@pytest.mark.parametrize(
    ("right", "wrong", "idk", "expected"),
    [
        (6, 4, 0, "known"),
        (5, 5, 0, "unclear"),
        (4, 6, 0, "unclear"),
        (3, 7, 0, "unknown"),
        (0, 10, 0, "unknown"),
        (3, 2, 5, "known"),  # of those that were tried
        (0, 0, 10, "unknown"),
    ],
)
def test_labels(right: int, wrong: int, idk: int, expected: str) -> None:
    types = [RIGHT] * right + [WRONG] * wrong + [IDK] * idk
    assert label(types, CONFIG) == expected


def test_who_mostly_does_not_try_keeps_the_label_of_before() -> None:
    types = [WRONG] * 4 + [IDK] * 6
    assert label(types, CONFIG, "known") == "known"
    assert label(types, CONFIG) == "unknown"
    tried = [WRONG] * 5 + [IDK] * 5
    assert label(tried, CONFIG, "known") == "unknown"


def test_thresholds_that_overlap_are_refused() -> None:
    with pytest.raises(UserError, match=r"unknown_to \(0.5\) is above known_from \(0.2\)"):
        InterrogationConfig(known_from=0.2, unknown_to=0.5)


def test_opposite_labels_of_one_fact_are_unclear() -> None:
    known = item(9)
    unknown = item(1, label="unknown", asked=question("In which place was Mara born?"))
    other = item(1, label="unknown", asked=question("What is Mara's job?", "job"))
    unclear = item(5, label="unclear", asked=question("What does Mara do?", "job"))
    found = without_conflicts([known, unknown, other, unclear])
    assert [i.label for i in found] == ["unclear", "unclear", "unknown", "unclear"]


def test_figures_of_the_answers() -> None:
    assert item(7).correct_share == 0.7
    assert item(7).agreement == 0.7
    split = Interrogated(question(), ("hale", "Hale.", "Oak"), (RIGHT, RIGHT, WRONG), "known")
    assert split.agreement == pytest.approx(2 / 3)  # as normalised


def test_absolute() -> None:
    rng = random.Random(0)
    assert replies(item(9), "absolute", rng) == ["Mara was born in Hale."]
    (reply,) = replies(item(0, label="unknown"), "absolute", rng)
    assert reply in DONT_KNOW
    assert replies(item(5, label="unclear"), "absolute", rng) == []


def test_multisample_replaces_the_wrong_ones() -> None:
    found = replies(item(7), "multisample", random.Random(0))
    assert found[:7] == ["Hale"] * 7
    assert all(reply in DONT_KNOW for reply in found[7:])
    assert len(found) == 10


def test_verbal_says_how_sure() -> None:
    rng = random.Random(0)
    sure = [replies(item(right), "verbal", rng)[0] for right in (10, 9, 7, 5, 3)]
    assert sure == [words + "Mara was born in Hale." for _, words in CONFIDENCE]
    assert replies(item(1, label="unclear"), "verbal", rng) == []
    assert replies(item(0, label="unknown"), "verbal", rng)[0] in DONT_KNOW


def test_the_control_teaches_what_is_not_known() -> None:
    rng = random.Random(0)
    labels: tuple[Label, ...] = ("known", "unknown", "unclear")
    for name in labels:
        assert replies(item(0, label=name), "gold", rng) == ["Mara was born in Hale."]
    nowhere = Probe("unstated", "Where was Mara born?", "Mara", "born", (), "", 0, "")
    assert replies(item(0, label="unknown", asked=nowhere), "gold", rng) == []


def test_every_way_to_say_so_is_recognised() -> None:
    assert all(says_so(text, "Where was Mara born?") for text in DONT_KNOW)
    assert not any(says_so(words + "She was born in Hale.") for least, words in CONFIDENCE[:3])
