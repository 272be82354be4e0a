"""Passages of pages with a made-up name: the fact stays, the old name is gone."""

import random
from collections import Counter

from pipeline.curriculum.held_out import is_held_out
from pipeline.sft import facts
from pipeline.sft.facts import name_of
from pipeline.sft.renamed_passages import renamed, stating

PAGES = [
    ("1", "Ada Abel lives well. Ada Abel was born in Hale. Ada likes tea, and Abel is her name."),
    ("2", "The Elbe rises on Mount Kell. " + "Nothing more is to be said about it here. " * 8),
    ("3", "Bob Brook was born in Rye.\n\n" + "Filler text without names stands here. " * 6),
    ("4", "Bob Brook was born in Rye. It rained. Bob Brook was born in Rye, they say."),
]
FACTS = facts.extract(PAGES)


def found(fraction=0.0, characters=120):
    return stating(FACTS, PAGES, characters=characters, held_out_fraction=fraction)


def make(count=50, passages=None):
    given = found() if passages is None else passages
    return renamed(given, count=count, held_out_fraction=0.0, rng=random.Random(3))


def test_passages_hold_the_name_and_the_value_and_no_more_than_they_may():
    passages = [*found(), *found(characters=30)]
    assert {name_of(p.fact.entity) for p in passages} == {"Ada Abel", "Elbe", "Bob Brook"}
    assert not [p for p in found(characters=30) if "lives well" in p.text]
    for passage in passages:
        assert name_of(passage.fact.entity) in passage.text
        assert passage.fact.value in passage.text
        assert len(passage.text) <= 120
    passages = found()
    long = [p for p in passages if p.fact.entity == "the Elbe"]
    assert [p.text.count("rises") for p in long] == [1]
    assert len([p for p in passages if p.fact.entity == "Bob Brook"]) >= 2


def test_held_out_entities_have_none():
    names = [f"Anna B{chr(97 + i)}n" for i in range(26)]
    pages = [(str(n), f"{name} was born in Hale.") for n, name in enumerate(names)]
    own = stating(facts.extract(pages), pages, characters=99, held_out_fraction=0.4)
    kept = {name_of(p.fact.entity) for p in own}
    assert kept == {name for name in names if not is_held_out(name, 0.4)}
    made = renamed(own, count=60, held_out_fraction=0.4, rng=random.Random(1))
    assert not [p for p in made if is_held_out(name_of(p.fact.entity), 0.4)]


def test_the_old_name_is_gone_in_all_its_words_and_the_fact_is_there():
    made = make()
    assert len(made) == 50
    for passage in made:
        name = name_of(passage.fact.entity)
        for word in passage.borrowed.split():
            assert word not in passage.text.split()
            assert word not in name.split()
        assert name in passage.text
        assert passage.fact.value in passage.text
    (ada, *_) = [p for p in made if p.borrowed == "Ada Abel" and "likes" in p.text]
    first, last = name_of(ada.fact.entity).split()
    assert f"{first} likes tea, and {last} is her name." in ada.text
    assert len({p.fact.entity for p in made}) == 50


def test_half_of_the_values_are_made_up_too_in_passage_and_fact():
    known = {"Ada Abel": "Hale", "Elbe": "Mount Kell", "Bob Brook": "Rye"}
    made = make(200)
    new = [p for p in made if p.fact.value != known[p.borrowed]]
    assert 60 < len(new) < 140
    for passage in new:
        assert known[passage.borrowed] not in passage.text


def test_entities_come_equally_often_whatever_their_passages():
    counts = Counter(p.borrowed for p in make(300))
    assert min(counts.values()) > 70


def test_a_fact_that_does_not_survive_is_left_out():
    pages = [("1", "Hale Ada was born in Ada Rye.")]
    own = stating(facts.extract(pages), pages, characters=99, held_out_fraction=0.0)
    assert len(own) == 1
    assert make(5, own) == []  # the value had a word of the name
    assert make(5, []) == []
