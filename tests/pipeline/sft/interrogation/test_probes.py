"""Questions to interrogate a model with."""

import random

import pytest

from pipeline.curriculum.held_out import is_held_out
from pipeline.sft import facts
from pipeline.sft.interrogation.config import InterrogationConfig
from pipeline.sft.interrogation.probes import (
    Probe,
    heard,
    paraphrases,
    probes,
    recombined,
    unheard,
    unstated,
)

PEOPLE = ("Mara Ellison", "Tom Hale", "Vera Quill", "Otto Nash", "Ines Carver", "Hugo Pell")
PLACES = ("Brookton", "Millbury", "Oakham", "Stonefield", "Fairwick", "Greenport")
CONFIG = InterrogationConfig(held_out_fraction=0.0, wordings=3, unheard=40)


def documents() -> list[tuple[str, str]]:
    """Everyone has a birthplace in two wordings; all but the last also a job and an instrument."""
    found = []
    for number, (person, place) in enumerate(zip(PEOPLE, PLACES)):
        text = f"{person} was born in {place}. The birthplace of {person} is {place}."
        if number < len(PEOPLE) - 1:
            text += f" {person} works as a baker. {person} plays the fiddle."
        found += [(f"d{number}", text), (f"e{number}", text)]
    return found


@pytest.fixture(scope="module")
def stated() -> list[facts.StatedFact]:
    return facts.extract(documents())


def asked(config: InterrogationConfig = CONFIG) -> list[Probe]:
    return probes(facts.extract(documents()), documents(), config)


def test_relations_that_say_the_same_are_one(stated: list[facts.StatedFact]) -> None:
    same = paraphrases(stated)
    birth, place = ("born in place", ""), ("attribute", "birthplace")
    assert same[birth] == same[place]
    assert same["occupation", ""] == ("occupation", "")
    # two entities say too little: whether they are the same nobody knows
    few = [fact for fact in stated if fact.entity in PEOPLE[:2]]
    assert paraphrases(few)[birth] != paraphrases(few)[place]


def test_only_what_others_like_it_have_is_missing(stated: list[facts.StatedFact]) -> None:
    found = unstated(stated, paraphrases(stated), 0.3)
    missing = {(fact.entity, fact.relation.name) for fact in found}
    assert missing == {(PEOPLE[-1], "occupation"), (PEOPLE[-1], "plays")}
    assert all(fact.value == "" and fact.mentions == 0 for fact in found)
    # of six entities with a birthplace five have a job: not enough for 90%
    assert unstated(stated, paraphrases(stated), 0.9) == []


def test_a_paraphrase_is_stated() -> None:
    """Who "was born in Brookton" has a birthplace, though no sentence calls it that."""
    texts = [(name, text) for name, text in documents() if not name.startswith(("d0", "e0"))]
    texts.append(("d0", f"{PEOPLE[0]} was born in {PLACES[0]}. {PEOPLE[0]} works as a baker."))
    stated = facts.extract(texts)
    missing = {f.relation.name for f in unstated(stated, paraphrases(stated), 0.3)}
    assert "attribute" not in missing
    assert "plays" in missing


def test_kinds_and_right_answers() -> None:
    found = asked()
    kinds = {kind: [q for q in found if q.kind == kind] for kind in ("stated", "unstated")}
    assert all(q.values and q.answer and q.mentions == 2 and q.origin for q in kinds["stated"])
    assert not any(q.values or q.answer or q.origin for q in kinds["unstated"])
    assert {q.entity for q in kinds["unstated"]} == {PEOPLE[-1]}
    every_way = InterrogationConfig(held_out_fraction=0.0, wordings=99)
    born = next(q for q in asked(every_way) if q.text == "Where was Mara Ellison born?")
    assert born.values == ("Brookton",)
    assert "Brookton" in born.answer
    assert len({q.text.lower() for q in found}) == len(found) == len({q.id for q in found})
    assert [q.id for q in asked()] == [q.id for q in found]


def test_a_question_has_the_answers_of_all_that_read_the_same() -> None:
    """ "Where can I find X?" is right with its town and with its seat."""
    text = "Hale Works lies in Oakham. Hale Works is based in Brookton."
    config = InterrogationConfig(held_out_fraction=0.0, wordings=9)
    found = probes(facts.extract([("a", text)]), [("a", text)], config)
    both = [q for q in found if q.text == "Where can I find Hale Works?"]
    assert len(both) == 1
    assert set(both[0].values) == {"Oakham", "Brookton"}


def test_counts_and_held_out_entities() -> None:
    few = asked(InterrogationConfig(held_out_fraction=0.0, stated=4, unstated=2, unheard=3))
    counts = [sum(q.kind == kind for q in few) for kind in ("stated", "unstated", "unheard")]
    assert counts == [4, 2, 3]
    held = asked(InterrogationConfig(held_out_fraction=0.5, unheard=40))
    assert {q.entity for q in held} <= {q.entity for q in asked()} | {
        q.entity for q in held if q.kind == "unheard"
    }
    assert held
    assert not any(is_held_out(q.entity, 0.5) for q in held)


def test_made_up_names_are_in_no_document(stated: list[facts.StatedFact]) -> None:
    texts = " ".join(text for _, text in documents())
    found = [q for q in asked() if q.kind == "unheard"]
    assert found
    assert all(q.entity not in texts and not q.values for q in found)
    made = {facts.name_of(f.entity) for f in unheard(stated, CONFIG, random.Random(0))}
    one = next(name for name in sorted(made) if " " in name)
    crowd = [*documents(), ("x", f"There they met {one}, late in the year.")]
    assert heard(crowd, frozenset(made)) == {one}
    assert one not in {q.entity for q in probes(stated, crowd, CONFIG)}


def test_names_of_parts() -> None:
    rng = random.Random(1)
    assert recombined("Mara Ellison", "Tom Hale", rng) == "Mara Hale"
    assert recombined("Mara Ellison", "Tom Ellison", rng) == ""  # nothing new
    assert recombined("Mara Ellison", "Brookton", rng) == ""
    assert recombined("Ilm", "Brookton", rng) == ""  # too short to take apart
    made = recombined("Brookton", "Millbury", rng)
    assert made.startswith("Bro")
    assert made.endswith("ury")


def test_names_with_a_small_word_within_are_heard() -> None:
    crowd = [("x", "At Hale and Sons, of Port of Quill, Tom met Mara Hale and went.")]
    names = frozenset({"Hale and Sons", "Port of Quill", "Mara Hale", "Sons Port", "Tom Mara"})
    assert heard(crowd, names) == {"Hale and Sons", "Port of Quill", "Mara Hale"}


def test_what_is_stated_in_whatever_words_is_not_unstated() -> None:
    """A few wordings of each are asked, but all of them tell what has an answer."""
    texts = []
    for number, place in enumerate(PLACES[:4]):
        name = f"Hale{'abcd'[number]}ton Works"
        texts.append((f"a{number}", f"{name} opened in {1900 + number}."))
        other = f"{name} was founded in {1850 + number}. {name} lies in {place}."
        texts.append((f"b{number}", other if number else f"{name} lies in {place}."))
    for seed in range(12):
        config = InterrogationConfig(held_out_fraction=0.0, wordings=1, unheard=0, seed=seed)
        found = probes(facts.extract(texts), texts, config)
        stated = {q.text.lower() for q in every_question(texts)}
        assert all(bool(q.values) == (q.kind == "stated") for q in found)
        assert not stated & {q.text.lower() for q in found if q.kind == "unstated"}


def every_question(texts: list[tuple[str, str]]) -> list[Probe]:
    config = InterrogationConfig(held_out_fraction=0.0, wordings=99, unheard=0, stated=9_999)
    return [q for q in probes(facts.extract(texts), texts, config) if q.kind == "stated"]
