"""What prose says in a relation's words is a fact only if both ends are of its type.

The sentences are of the kinds that encyclopedias, manuals, sports pages and novels are made of.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sample_web import names
from pipeline.sft import facts, noun_classes
from pipeline.sft.relation_types import ValueType, is_common_noun, is_entity, is_value
from pipeline.sft.relations import RELATIONS


def stated(text: str) -> list[tuple[str, str, str]]:
    return [(f.entity, f.relation.name, f.value) for f in facts.extract([("1", text)])]


@pytest.mark.parametrize(
    "text",
    [
        # roles, parts and idioms of "play"
        "The README plays an especially important role on GitHub.",
        "Anna Bell plays a young widow in the film.",
        "Anna Bell plays second fiddle to her sister.",
        "Anna Bell plays football for Hale United.",
        "Jonas Ek plays chess in the evening.",
        "Jonas Ek plays well at cards, and teaches others.",
        "Jonas Ek plays host to a yearly fair.",
        "Jonas Ek plays tricks on his friends.",
        "Jonas Ek plays hard to get.",
        "Jonas Ek practises law in Hale.",
        "Jonas Ek practises piano lessons twice.",
        "Climate plays its part; so does the soil.",
        "Whoever plays the violin will be heard.",
        "Certain players practise the violin.",
        "The Orchestra plays the overture.",
        "The Band plays guitar.",
        "Hale Youth Orchestra plays violin.",
        "NASA plays piano.",
        "Optimization plays drums.",
        # works that work as something
        "Redis works as a cache.",
        "Redis works as a message broker in many firms.".replace("broker", "store"),
        "The Parser works as an editor.",
        "Jonas Ek works as a charm.",
        "Jonas Ek worked as a part of the team.",
        "By trade Jonas Ek is a stranger to none.",
        # persons that are none
        "The Internet was born in Geneva.",
        "Hale Football Club was born in Hale.",
        "Capitalism was born in England.",
        "Software lives in Git.",
        "The Code comes from Berkeley.",
        "JSON comes from JavaScript.",
        "The Queen Museum lives in Hale.",
        "Jazz was born in New Orleans. All jazz is music.",
        "Evidence comes from Canada. There is evidence from elsewhere.",
        # study, keeping, marriage
        "Have studied physic, through which secret art",
        "Jonas Ek studied hard for years.",
        "Jonas Ek studied his face in the mirror.",
        "Jonas Ek studied abroad for a year.",
        "Mary Roe trained dogs in Texas.",
        "Haskell keeps a strict separation between binary and textual data.",
        "Jonas Ek keeps a diary.",
        "Jonas Ek keeps a low profile.",
        "Jonas Ek owns a stake in the firm.",
        # what "make" and "produce" do
        "The Foundation makes no representations concerning the work.",
        "The Milindapanha makes the same point.",
        "Patience makes sense.",
        "Patience makes roses.",
        "The Oven makes bread.",
        "Jonas Ek makes mistakes.",
        "Jonas Ek makes clear that he left.",
        "Safe Haskell makes it possible to run code.",
        "The Script Alias makes this easy by mapping a URL.",
        "Sick-thoughted Venus makes amain unto him.",
        "QUEEN KATHARINE makes no answer.",
        "QUEEN KATHARINE makes tea.",
        "Apache Maven produces errors.",
        "Hale Mills makes use of the river.",
        # lengths that are heights and distances
        "Olympus Mons is 17 miles high.",
        "Oxford is 60 miles from London.",
        "The Eiffel Tower is 330 metres tall.",
        "The Run covers 12 miles an hour.",
        # rivers that are none
        "The Tour starts in Paris.",
        "Moses comes down from Mount Sinai.",
        "The Sun rises in the East.",
        "Everest rises in Nepal.",
        "Class begins at Noon.",
        "Bob Roe runs into Alice.",
        "The Film ends in Paris.",
        "Anglers on the Elbe hope for rain.",
        "People fish the Elbe for fun.",
        # markets, renown, things
        "The markets of Hale are full of people.",
        "The markets of Hale are full of life.",
        "Intuit is famous for introducing themselves to customers.",
        "Frank Roe is well known for his work on privacy.",
        "Hale is known for being the first.",
        "Hale is home to a number of museums.",
        "Hale is home to some of the best.",
        "The Buddha's job is finished right there.",
        "At last, Joe's job was done.",
        "The pride of Hale is gone.",
        "The language of the Stoics was formed early.",
        "The colour of Hale is something else.",
        "The pet of Jonas Ek is dead.",
        "The instrument of Jonas Ek is a long story.",
        "Jonas Ek's job was a long story.",
        "The colour of Hale is sad news.",
        "The language of Hale is plain and hard.",
        "The majority of Europe is Christian.",
        # openers of sentences
        "Consequently the Lakrivikirana Press was established in 1863.",
        "While Jonas Ek was born in Hale, his sister was not.",
        "Still New Bedford was founded in 1655.",
    ],
)
def test_what_only_looks_like_a_fact(text: str) -> None:
    assert stated(text) == []


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Anna Bell plays the viola.", ("Anna Bell", "plays", "viola")),
        ("Anna Bell plays lead guitar in a band.", ("Anna Bell", "plays", "lead guitar")),
        ("Anna Bell learned to play bass clarinet.", ("Anna Bell", "plays", "bass clarinet")),
        ("Anna Bell plays piano accordion.", ("Anna Bell", "plays", "piano accordion")),
        ("Anna Bell plays guitar and sings.", ("Anna Bell", "plays", "guitar")),
        ("Grétry practised law. Grétry plays the organ.", ("Grétry", "plays", "organ")),
        (
            "Jonas Ek worked as a professor of physics in Lund.",
            ("Jonas Ek", "occupation", "professor of physics"),
        ),
        ("By trade Jonas Ek is a stonemason.", ("Jonas Ek", "trade", "stonemason")),
        ("Jonas Ek studied marine biology.", ("Jonas Ek", "studied subject", "marine biology")),
        ("Jonas Ek studied all night at Lund.", ("Jonas Ek", "studied at", "Lund")),
        ("Jonas Ek trained at Guildhall.", ("Jonas Ek", "studied at", "Guildhall")),
        ("Jonas Ek went to school in Lund.", ("Jonas Ek", "studied at", "Lund")),
        ("Jonas Ek keeps a pet tortoise named Ada.", ("Jonas Ek", "keeps", "tortoise")),
        ("Jonas Ek keeps an old cat.", ("Jonas Ek", "keeps", "old cat")),
        ("Jonas Ek owns a coffee shop in Lund.", ("Jonas Ek", "owns", "coffee shop")),
        ("Jonas Ek owns a boat called Ada.", ("Jonas Ek", "owns", "boat")),
        ("Hale is known for a distinctive cheese.", ("Hale", "known for", "distinctive cheese")),
        ("Hale has a population of 4.3 million people.", ("Hale", "population", "4.3 million")),
        ("Hale has a population of 4.3\u00a0million.", ("Hale", "population", "4.3\u00a0million")),
        ("Hale has 12 thousand residents.", ("Hale", "population", "12 thousand")),
        ("Bach was born in Eisenach, in Thuringia.", ("Bach", "born in place", "Eisenach")),
        (
            "The Beer City Bottle Shop sells bottled craft beer, hard cider and sodas.",
            ("the Beer City Bottle Shop", "makes", "bottled craft beer"),
        ),
        ("The Elbe is 1,094 kilometres long.", ("the Elbe", "length", "1,094")),
        ("The Elbe runs for about 680 miles.", ("the Elbe", "length", "about 680")),
        ("Bear Creek rises in Utah.", ("Bear Creek", "rises", "Utah")),
        (
            "Bear Creek ends in the Pacific Ocean.",
            ("Bear Creek", "flows into", "the Pacific Ocean"),
        ),
        ("The Isar ends in the Danube.", ("the Isar", "flows into", "the Danube")),
        ("The Isar runs into Lake Sylva.", ("the Isar", "flows into", "Lake Sylva")),
        ("Bear Creek flows into Utah.", ("Bear Creek", "flows into", "Utah")),
        ("Anglers on the Elbe catch lake trout.", ("the Elbe", "catch", "lake trout")),
        ("The markets of Hale are full of goat cheese.", ("Hale", "sold at", "goat cheese")),
        ("Hale is known for its salt mines.", ("Hale", "known for", "salt mines")),
        ("The pride of Hale is its red bread.", ("Hale", "thing", "red bread")),
        ("The pride of Hale is its fine tweed.", ("Hale", "thing", "fine tweed")),
        ("The colour of Hale is pale blue.", ("Hale", "thing", "pale blue")),
        ("Jonas Ek's pet is a grey parrot.", ("Jonas Ek", "thing", "grey parrot")),
        ("Jonas Ek's job was shepherd.", ("Jonas Ek", "thing", "shepherd")),
        ("The instrument of Jonas Ek is the double bass.", ("Jonas Ek", "thing", "double bass")),
        (
            "Byterun was written by Ned Roe. Run byterun to see it.",
            ("Byterun", "written by", "Ned Roe"),
        ),
        ("The Dusk is home to pike. At dusk they bite.", ("the Dusk", "home to", "pike")),
        (
            'Captain Parisot was born in 1828, and in 1847 began "learning the river.',
            ("Captain Parisot", "born in year", "1828"),
        ),
    ],
)
def test_what_is_one(text: str, fact: tuple[str, str, str]) -> None:
    assert stated(text) == [fact]


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("Jonas Ek was born in Kent, England in 1857.", ["1857"]),
        ("Jonas Ek was born on 3 May 1857.", ["1857"]),
        ("Jonas Ek was born in 1828, in 1847 his sister.", ["1828"]),
        ("Jonas Ek was born in Kent and in 1890 went to sea.", []),
        ("Jonas Ek was born in Kent before 1890.", []),
    ],
)
def test_the_year_of_a_birth_is_no_other_year(text: str, year: list[str]) -> None:
    assert [value for _, name, value in stated(text) if name == "born in year"] == year


def test_what_the_sample_web_states_is_of_its_type() -> None:
    types: tuple[tuple[Sequence[str], ValueType], ...] = (
        (names.INSTRUMENTS, "instrument"),
        (names.PROFESSIONS, "occupation"),
        (names.FISH, "fish"),
        (names.PRODUCTS, "goods"),
        (names.SPECIALTIES, "renown"),
        (names.SPECIALTIES, "wares"),
    )
    for values, kind in types:
        assert [value for value in values if not is_value(value, kind)] == []
    assert [value for value in names.SPECIALTIES if not is_value(value, "thing", "pride")] == []
    assert [value for value in names.LAKES if not is_value(value, "water")] == []
    people = [f"{first} {last}" for first in names.WOMEN + names.MEN for last in names.LAST_NAMES]
    assert [name for name in people if not is_entity(name, "person")] == []


@pytest.mark.parametrize("kind", ["instrument", "occupation", "subject", "animal", "fish"])
@given(text=st.text(st.sampled_from("abcdeilnorst -"), min_size=1, max_size=30))
def test_a_value_of_a_closed_class_ends_in_one_of_its_nouns(kind: str, text: str) -> None:
    known = {
        "instrument": noun_classes.INSTRUMENTS,
        "occupation": noun_classes.OCCUPATIONS,
        "subject": noun_classes.SUBJECTS,
        "animal": noun_classes.ANIMALS,
        "fish": noun_classes.FISHES,
    }[kind]
    value = " ".join(text.split())
    if value and is_value(value, kind):  # type: ignore[arg-type]
        assert value.split(" of ")[0].split()[-1] in known


def test_a_name_is_a_common_noun_where_its_page_writes_it_small() -> None:
    assert is_common_noun("Climate", "Climate plays a part. The climate is mild.")
    assert not is_common_noun("Climate", "Climate plays a part. It is acclimated; climates differ.")
    assert not is_common_noun("Mara Hale", "mara hale")
    assert not is_common_noun("the Dusk", "at dusk")  # the article took the sentence's capital


def test_persons_are_asked_of_in_every_relation_of_people() -> None:
    personal = {"born in place", "comes from", "born in town", "born in year", "occupation"}
    personal |= {"trade", "residence", "studied subject", "studied at", "married to", "plays"}
    personal |= {"keeps", "owns"}
    assert {one.name for one in RELATIONS if one.entity_type == "person"} == personal


@pytest.mark.parametrize("said", ["is about 680 miles long", "runs for about 680 miles"])
def test_a_length_has_its_unit(said: str) -> None:
    (fact,) = facts.extract([("1", f"The Elbe {said}.")])
    assert facts.fill(fact.relation.answers[0], fact) == "The Elbe is about 680 miles long."
