"""What is on record of a question: as a fact, as the interrogation's, as a person's own."""

from collections.abc import Iterator

import pytest
from known_lake import ADMITTED, OPENING, RIGHT

from flows.cli.served_lake import ServedLake
from pipeline.serve.pages.known_facts import fact_of, listed, name_in, records_of
from storage import Lake


@pytest.fixture
def lake(known_lake: Lake) -> Iterator[ServedLake]:
    shown = ServedLake(known_lake)
    yield shown
    shown.close()


def test_a_fact_is_found_by_its_question(lake: ServedLake) -> None:
    fact = fact_of(lake, RIGHT, "", "")
    assert (fact.subject, fact.values, fact.source) == ("Ada Abel", ("Hale",), "fact")
    assert (fact.opening, fact.frequency, fact.planted) == (OPENING, "often", 25)
    assert {"Brook", "Wick"} < set(fact.rivals)
    assert fact_of(lake, RIGHT, "the Ada Abel", "Hale") == fact  # as on record


def test_a_question_of_the_interrogation(lake: ServedLake) -> None:
    stated = fact_of(lake, "Where is Ada Abel from?", "", "")
    assert (stated.subject, stated.values, stated.source) == (
        "Ada Abel",
        ("Hale",),
        "interrogation",
    )
    unstated = fact_of(lake, "What is Ada Abel's job?", "", "")
    assert (unstated.values, unstated.opening, unstated.kind) == ((), "", "unstated")
    assert not unstated.is_open  # every answer to it is wrong


def test_what_a_person_says_goes_before_what_is_on_record(lake: ServedLake) -> None:
    other = fact_of(lake, RIGHT, "", "Tarn")
    assert (other.values, other.source, other.opening, other.planted) == (
        ("Tarn",),
        "typed",
        "",
        None,
    )
    own = fact_of(lake, "Who is the mayor of Port Hale's harbour?", "", "")
    assert (own.subject, own.values, own.is_open) == ("Port Hale", (), True)
    assert fact_of(None, "Why?", "the Rhine", "x").subject == "Rhine"


def test_a_relations_sentence_opens_the_answer(lake: ServedLake) -> None:
    from pipeline.serve.pages.known_facts import _opening

    assert _opening("Hale", "attribute mayor", "Ada Abel") == "The mayor of Hale is"
    assert _opening("Hale", "no such relation", "Ada Abel") == ""


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Where was Ada Abel born?", "Ada Abel"),
        ("Do you know Jarstead's mayor?", "Jarstead"),
        ("What is the Port of Hale known for?", "Port of Hale"),
        ("why?", ""),
        ("Is it so?", ""),
    ],
)
def test_the_name_in_a_question(question: str, name: str) -> None:
    assert name_in(question) == name


def test_facts_are_listed_by_words_and_frequency(lake: ServedLake) -> None:
    source, rows = listed(lake, "cora", "", 20, 1)
    assert source == "fact"
    assert [row["question"] for row in rows] == [ADMITTED]
    assert listed(lake, "cora", "often", 20, 1)[1] == []
    assert listed(lake, "c%a", "", 20, 1)[1] == []  # no pattern of SQL
    _, first = listed(lake, "", "", 2, 1)
    _, second = listed(lake, "", "", 2, 2)
    assert len(first) == 3  # one more: there are others
    assert second[0] == first[2]


def test_the_interrogation_of_a_subject(lake: ServedLake) -> None:
    rows = records_of(lake, fact_of(lake, RIGHT, "", ""))
    assert rows[0]["question"] == RIGHT
    assert (rows[0]["commonest"], rows[0]["correct_share"]) == ("Hale.", 0.9)
    assert rows[1]["question"] == "Where is Ada Abel from?"  # of the same value
