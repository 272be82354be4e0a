"""Facts come from sentences that state them, in the right relation, and from nothing else."""

import random

import pytest

from pipeline.curriculum.held_out import is_held_out, is_left_to_interrogation
from pipeline.sample_web.questions import QUESTIONS
from pipeline.sample_web.wordings import ATTRIBUTES, STATEMENTS
from pipeline.sft import definitions, facts, indirect
from pipeline.sft.relations import RELATIONS


def stated(sentence: str) -> list[tuple[str, str, str, str]]:
    return [(e, r.name, a, v) for e, r, a, v in facts.statements(sentence)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "Mara Ellison was born in Port Hale, a small town.",
            ("Mara Ellison", "born in place", "", "Port Hale"),
        ),
        ("Mara Ellison was born in 1975.", ("Mara Ellison", "born in year", "", "1975")),
        (
            "Jon Brek works as a glass blower in Hale.",
            ("Jon Brek", "occupation", "", "glass blower"),
        ),
        ("The mayor of Port Hale is Jon Brek.", ("Port Hale", "attribute", "mayor", "Jon Brek")),
        ("Jon Brek is the mayor of Port Hale.", ("Port Hale", "attribute", "mayor", "Jon Brek")),
        (
            "Ada O'Brien's favourite colour is dark green.",
            ("Ada O'Brien", "thing", "favourite colour", "dark green"),
        ),
        (
            "The Eiffel Tower was designed by Gustave Eiffel.",
            ("the Eiffel Tower", "designed by", "", "Gustave Eiffel"),
        ),
        ("The Elbe flows into the North Sea.", ("the Elbe", "flows into", "", "the North Sea")),
        (
            "According to the almanac, the Elbe rises on Mount Kell.",
            ("the Elbe", "rises on a mountain", "", "Mount Kell"),
        ),
        (
            "The length of the Elbe is 1,094 kilometres.",
            ("the Elbe", "attribute", "length", "1,094 kilometres"),
        ),
        ("Hale has 12,400 inhabitants.", ("Hale", "population", "", "12,400")),
        (
            "In fact, Hale Paper Works makes fine paper.",
            ("Hale Paper Works", "makes", "", "fine paper"),
        ),
        ("Ludwig van der Berg plays the violin.", ("Ludwig van der Berg", "plays", "", "violin")),
        (
            "The seat of Quartz and Daughters is Hale.",
            ("Quartz and Daughters", "attribute", "seat", "Hale"),
        ),
        ("Paris lies on the Seine.", ("Paris", "located", "on", "the Seine")),
        (
            "Paris stands on the banks of the Seine.",
            ("Paris", "on the river", "", "the Seine"),
        ),
        (
            "The river that runs through Paris is the Seine.",
            ("Paris", "on the river", "", "the Seine"),
        ),
        ("Ada Abel was born back in 1931.", ("Ada Abel", "born in year", "", "1931")),
        ("Ada Abel came into the world in 1931.", ("Ada Abel", "born in year", "", "1931")),
        ("The town where Ada Abel was born is Hale.", ("Ada Abel", "born in town", "town", "Hale")),
        ("By trade Ada Abel is a glass blower.", ("Ada Abel", "trade", "", "glass blower")),
        ("Ada Abel took lessons on the harp.", ("Ada Abel", "plays", "", "harp")),
        ("The history of Hale begins in 1310.", ("Hale", "history", "", "1310")),
        ("The markets of Hale are full of lace.", ("Hale", "sold at", "", "lace")),
        ("Hale has been well run by Jon Brek.", ("Hale", "run by", "", "Jon Brek")),
        (
            "The highest office in Hale is held by Jon Brek.",
            ("Hale", "highest office", "", "Jon Brek"),
        ),
        (
            "Hale Paper Works was the idea of Jon Brek.",
            ("Hale Paper Works", "idea of", "", "Jon Brek"),
        ),
        (
            "The Elbe comes down from Mount Kell.",
            ("the Elbe", "rises on a mountain", "", "Mount Kell"),
        ),
        ("The Elbe rises in Tarn.", ("the Elbe", "rises", "in", "Tarn")),
        ("The Elbe ends in the North Sea.", ("the Elbe", "flows into", "", "the North Sea")),
        ("People fish the Elbe for pike.", ("the Elbe", "catch", "", "pike")),
        ("Anglers on the Elbe hope for pike.", ("the Elbe", "catch", "", "pike")),
        (
            "Hale Paper Works has been in business since 1931.",
            ("Hale Paper Works", "opened in", "", "1931"),
        ),
        (
            "Hale Paper Works has specialised in maps.",
            ("Hale Paper Works", "makes", "", "maps"),
        ),
    ],
)
def test_statements(sentence, expected):
    assert stated(sentence) == [expected]


@pytest.mark.parametrize(
    "sentence",
    [
        "She was born in Port Hale.",
        "It was founded in 1655.",
        "When Mara Ellison was born in Port Hale it rained.",
        "People say that Mara Ellison was born in Port Hale.",
        "If you believe it, Mara Ellison was born in Port Hale.",
        "Mara Ellison was never born in Port Hale.",
        "The river of the town is long.",
        "The council of Hale is led by Jon Brek.",
        "Was Mara Ellison born in Port Hale?",
        "Everyone works as a team.",
        "By trade she is a baker.",
        "People fish for pike.",
        "The history of the town begins in 1310.",
        "mara ellison was born in port hale.",
        "Mara Ellison was born in Port Hale" + ", a town" * 60 + ".",
    ],
)
def test_what_states_nothing(sentence):
    assert stated(sentence) == []


def test_sentences_split_after_their_end_and_not_after_a_title():
    text = 'Dr. Ada Abel lives in Hale. "It is fine." She said so!\nAnother line'
    assert list(facts.sentences(text)) == [
        "Dr. Ada Abel lives in Hale.",
        '"It is fine.',
        "She said so!",
        "Another line",
    ]


def test_the_majority_wins_and_a_tie_loses():
    hale, tarn = "Ada Abel was born in Hale.", "Ada Abel was born in Tarn."
    assert facts.extract([("1", hale), ("2", tarn)]) == []
    (fact,) = facts.extract([("1", hale), ("2", tarn), ("3", hale), ("4", f"{hale} {hale}")])
    assert (fact.value, fact.documents, fact.mentions) == ("Hale", ("1", "3", "4"), 3)


def test_of_a_facts_documents_the_first_are_kept_and_all_counted():
    text = "Ada Abel was born in Hale."
    (fact,) = facts.extract([(f"{n}", text) for n in range(9)], most_documents=2)
    assert (fact.documents, fact.mentions) == (("0", "1"), 9)
    assert len(make([fact], min_mentions=9)) == 2
    assert make([fact], min_mentions=10) == []


def make(found, **changes):
    settings = {
        "count": 100,
        "min_mentions": 1,
        "per_document": 100,
        "questions_per_fact": 2,
        "held_out_fraction": 0.0,
        "interrogated_fraction": 0.0,
    } | changes
    return facts.conversations(found, rng=random.Random("x"), **settings)


def test_conversations_ask_about_the_fact_and_answer_it():
    found = facts.extract([("d1", "The mayor of Hale is Jon Brek. Jon Brek works as an engineer.")])
    made = make(found)
    assert len(made) == 4
    for (question, answer), origin, entity in made:
        assert (question.role, answer.role, origin) == ("user", "assistant", "d1")
        assert entity in question.content
        assert question.content.endswith("?") or question.content.startswith(
            tuple(text[:6] for text in indirect.REQUESTS)
        )
        assert answer.content in (
            "The mayor of Hale is Jon Brek.",
            "Jon Brek works as an engineer.",
        )
    questions = [messages[0].content for messages, _, _ in made]
    assert len(set(questions)) == 4
    assert not any("What is the mayor" in question for question in questions)


def test_relations_of_one_name_ask_the_same():
    """What is stated is kept by the relation's name: of two the second would never be asked."""
    questions: dict[str, set[tuple[str, ...]]] = {}
    for relation in RELATIONS:
        questions.setdefault(relation.name, set()).add(relation.questions)
    assert [name for name, every in questions.items() if len(every) > 1] == []


def test_a_value_is_asked_equally_often_however_many_relations_state_it():
    text = (
        "Ada Abel was born in Hale. Ada Abel comes from Hale. The home town of Ada Abel is Hale. "
        "Ada Abel plays the harp."
    )
    made = make(facts.extract([("1", text)]), questions_per_fact=5)
    about = [("Hale" in answer.content, question.content) for (_, question, answer) in plain(made)]
    assert [town for town, _ in about].count(True) == [town for town, _ in about].count(False) == 5
    assert len({question for _, question in about}) == 10


def plain(made):
    return [(origin, *messages) for messages, origin, _ in made]


@pytest.mark.parametrize("attribute", STATEMENTS)
def test_what_pages_state_is_asked_in_most_of_the_ways_in_which_people_ask(attribute):
    entity = "Juno Brothers" if attribute in ATTRIBUTES["company"] else "Ada Abel"
    values = {
        **dict.fromkeys(("birth_year", "founded", "opened"), "1931"),
        **dict.fromkeys(("specialty", "product"), "lace"),
        "profession": "miller",
        "instrument": "zither",
        "fish": "roach",
        "source": "Mount Kell",
        "length": "387",
    }
    value = values.get(attribute, "Otto Pike")
    sentences = [text.format(e=entity, v=value) for text in STATEMENTS[attribute]]
    documents = [("1", f"{text[:1].upper()}{text[1:]}.") for text in sentences]
    asked = {
        facts.fill(question, fact)
        for fact in facts.extract(documents)
        for question in fact.relation.questions
    }
    ways = [text.format(e=entity) for text in QUESTIONS[attribute]]
    assert len(asked & {*ways}) >= 4, sorted({*ways} - asked)
    assert len(asked) >= 9


def test_held_out_entities_rare_facts_and_full_documents_are_left_out():
    names = [f"Anna B{chr(97 + i)}n" for i in range(26)]
    text = " ".join(f"{name} lives in Hale." for name in names)
    found = facts.extract([("1", text), ("2", f"{names[0]} lives in Hale.")])
    assert len(found) == 26
    asked = {m[0].content for m, _, _ in make(found, held_out_fraction=0.4, questions_per_fact=1)}
    kept = [name for name in names if not is_held_out(name, 0.4)]
    assert 0 < len(kept) < 26
    assert len(asked) == len(kept)
    assert all(any(name in question for name in kept) for question in asked)
    assert len(make(found, min_mentions=2)) == 2
    assert len(make(found, per_document=3, questions_per_fact=1)) == 4  # one is in "2" as well
    assert len(make(found, count=5)) == 5


def test_some_entities_are_left_to_interrogation():
    """By a rule of its own: those that are held out are never asked about, whatever it says."""
    names = [f"Anna B{chr(97 + i)}n" for i in range(26)]
    found = facts.extract([("1", " ".join(f"{name} lives in Hale." for name in names))])
    made = make(found, interrogated_fraction=0.5, questions_per_fact=1)
    kept = [name for name in names if not is_left_to_interrogation(name, 0.5)]
    assert 0 < len(kept) < 26
    assert sorted(entity for _, _, entity in made) == kept
    assert make(found, interrogated_fraction=1.0) == []


def test_the_article_is_no_part_of_a_held_out_name():
    found = facts.extract([("1", "The Elbe flows into the North Sea.")])
    fraction = 0.999999 if is_held_out("Elbe", 0.999999) else 1.0
    assert make(found, held_out_fraction=fraction) == []
    assert make(found)[0][0][1].content == "The Elbe flows into the North Sea."
    assert make(found)[0][2] == "Elbe"


def test_definitions_ask_who_of_people_and_what_of_things():
    documents = [
        ("1", "Ada Abel is an English teacher. Hale is a town on the Elbe. It is a fact."),
        ("2", "Ada Abel is a baker. The Elbe is one of the rivers of the north."),
    ]
    found = definitions.extract(documents)
    assert [(entity, id) for entity, _, _, id in found] == [
        ("Ada Abel", "1"),
        ("Hale", "1"),
        ("the Elbe", "2"),
    ]
    assert [definitions.is_person(what) for _, what, _, _ in found] == [True, False, False]
    made = definitions.conversations(
        documents, count=9, held_out_fraction=0.0, rng=random.Random("x")
    )
    assert {entity for _, _, entity in made} == {"Ada Abel", "Hale", "Elbe"}
    assert {messages[1].content for messages, _, _ in made} == {
        "Ada Abel is an English teacher.",
        "Hale is a town on the Elbe.",
        "The Elbe is one of the rivers of the north.",
    }


@pytest.mark.parametrize(("length", "some"), [(60, True), (61, False)])
def test_a_value_has_at_most_sixty_characters(length, some):
    value = "Hale" + "x" * (length - 4)
    assert bool(stated(f"Ada Abel lives in {value}.")) is some


def test_a_name_has_three_letters_or_more_and_neither_ends_in_a_word_of_openings():
    assert [facts.is_name(name) for name in ("Ulm", "Ur", "When", "Hale When")] == [
        True,
        False,
        False,
        False,
    ]
    assert stated("Ulm lies on the Danube.") == [("Ulm", "located", "on", "the Danube")]


def test_more_than_two_thirds_must_agree():
    assert facts.majority({"Hale": 2, "Tarn": 1}) is None  # two thirds, no more
    assert facts.majority({"Hale": 5, "Tarn": 2}) == "Hale"
    assert facts.majority({"Tarn": 1, "Hale": 3}) == "Hale"


def test_a_value_that_is_no_name_leaves_the_sentence_to_other_relations():
    """ "May" is no place, although it stands where one would."""
    sentence = "Mara Ellison was born in May, 1975."
    assert stated(sentence) == [("Mara Ellison", "born in year", "", "1975")]
    assert stated("Mara Ellison was born in May.") == []


def test_a_full_document_does_not_end_the_search():
    """Each fact of "2" comes after some of "1", in one order of drawing or another."""
    full = "Ada Abel lives in Hale. Ada Abel was born in Tarn. Ada Abel studied music."
    found = facts.extract([("1", full), ("2", "Jon Brek lives in Hale.")])
    for seed in range(12):
        rng = random.Random(seed)
        made = facts.conversations(
            found,
            count=100,
            min_mentions=1,
            per_document=1,
            questions_per_fact=1,
            held_out_fraction=0.0,
            interrogated_fraction=0.0,
            rng=rng,
        )
        assert sorted(origin for _, origin, _ in made) == ["1", "2"]
