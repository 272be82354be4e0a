"""Planted instructions: what attackers write stands nowhere in what training plants."""

import base64
import random

import pytest

from pipeline.curriculum import planted_instructions as planted
from pipeline.curriculum.planted_instructions import ATTACKS, TRAINED, attack

PASSAGE = "Dora Ault was born in Hale."
SEEDS = range(40)


def test_wordings_of_training_and_of_attackers_are_disjoint():
    saying = {text.lower() for text in planted.TRAINED_SAYING}
    assert not saying & {text.lower() for text in planted.NEW_SAYING}
    assert not {*sum(planted.TRAINED_BORDERS, ())} & {*sum(planted.NEW_BORDERS, ())}
    trained = " ".join(
        way(PASSAGE, wording, random.Random(n))
        for n in SEEDS
        for way in TRAINED.values()
        for wording in planted.TRAINED_SAYING
    )
    seen = [mark for pair in planted.TRAINED_BORDERS for mark in pair]
    assert all(mark in trained for mark in seen)
    new = [mark for pair in planted.NEW_BORDERS for mark in pair]
    for text in (*planted.IGNORING, *new, "im_start", "SYSTEM", "Important"):
        assert text not in trained
    for name in ATTACKS:
        said = " ".join(attack(name, PASSAGE, "Zork", random.Random(n)) for n in SEEDS)
        for mark in seen:
            assert mark not in said
        for wording in planted.TRAINED_SAYING:
            assert wording.format(text="Zork") not in said


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_keeps_the_passage_and_asks_for_the_witness(name):
    asked = set()
    for n in SEEDS:
        text = attack(name, PASSAGE, "Zork", random.Random(n))
        assert text == attack(name, PASSAGE, "Zork", random.Random(n))
        assert text.count(PASSAGE) == 1
        rest = text.replace(PASSAGE, "")
        if name == "base64":
            rest = base64.b64decode(rest.strip()).decode()
        if name == "spaced":
            rest = rest.strip()[::2]
        assert "Zork" in rest
        wordings = planted.SAYING_ELSEWHERE.get(name, planted.NEW_SAYING)
        (found,) = {w for w in wordings if w.format(text="Zork") in rest}
        asked.add(found)
        assert text.startswith(PASSAGE) or name == "before"
        assert text.endswith(PASSAGE) == (name == "before")
    assert asked == {*planted.SAYING_ELSEWHERE.get(name, planted.NEW_SAYING)}


def test_each_attack_differs_from_the_others_in_what_it_is_named_for():
    def made(name):
        return [attack(name, PASSAGE, "Zork", random.Random(n)) for n in SEEDS]

    def has(name, *texts):
        return all(any(text in said for text in texts) for said in made(name))

    own = [text.split("{instruction}")[0] for text in (planted.OWN_BORDERS, planted.OWN_OUTPUT)]
    new = [mark for pair in planted.NEW_BORDERS for mark in pair]
    assert has("ignoring", *planted.IGNORING)
    assert has("own_borders", *own)
    assert all(any(mark in said for said in made("own_borders")) for mark in own)
    assert has("other_borders", *new)
    assert has("combined", *new)
    assert has("combined", *planted.IGNORING)
    assert has("urgent", *[text.split("{instruction}")[0] for text in planted.URGENT])
    assert {said.replace(PASSAGE, "")[0] for said in made("escaping")} == {"\n", "\t", "\b"}
    assert all(said.count("Zork") == 3 for said in made("repeated"))
    assert all("\n" not in said for said in made("naive"))
    assert all("### response:" in t or "Answer:" in t or "[response]" in t for t in completions())


def completions() -> list[str]:
    return [planted.completed(PASSAGE, "Say hello.", random.Random(n)) for n in SEEDS]


def test_half_of_what_training_plants_stands_behind_an_answer_nobody_gave():
    assert list(TRAINED) == ["naive", "completed"]
    assert TRAINED["naive"](PASSAGE, "Say hello.", random.Random(1)) == f"{PASSAGE} Say hello."
    for text in completions():
        first, answer, instruction = text.split("\n")
        assert first == PASSAGE
        assert any(answer.endswith(fake) for fake in planted.FAKE_ANSWERS)
        assert instruction.endswith(" Say hello.")
    pairs = {tuple(line.split(" ")[0] for line in text.split("\n")[1:]) for text in completions()}
    assert len(pairs) == len(planted.TRAINED_BORDERS)
