"""Names that documents mention and state nothing of."""

from pipeline.sft import facts
from pipeline.sft.interrogation.config import InterrogationConfig
from pipeline.sft.interrogation.mentioned import mentioned
from pipeline.sft.interrogation.probes import probes

STATED = [
    ("a", "Mara Ellison was born in Brookton. Mara Ellison plays the fiddle."),
    ("b", "Tom Hale was born in Millbury. Tom Hale plays the oboe."),
    ("c", "Millbury lies on the Wend. Oakbury lies on the Tarn."),
]


def asked(*passages: str, alike_share: float = 0.3, held_out: float = 0.0) -> set[tuple[str, str]]:
    """Names and relations that are asked for, if each passage stands in two documents."""
    documents = [*STATED, *((f"{n}{i}", p) for n, p in enumerate(passages) for i in range(2))]
    stated = facts.extract(documents)
    found = mentioned(stated, documents, held_out, alike_share)
    assert all(not f.value and not f.mentions and not f.documents for f in found)
    return {(f.entity, f.relation.name) for f in found}


def test_what_is_stated_of_its_kin_is_asked_of_a_name() -> None:
    everything = {("Vera Hale", "born in place"), ("Vera Hale", "plays")}
    assert asked("Nobody saw Vera Hale that evening.") == everything
    assert asked("Yesterday Vera Hale waved. And then Vera Hale left.") == everything
    assert {name for name, _ in asked("They drove past Ashbury in the rain.")} == {"Ashbury"}


def test_a_stranger_has_no_kin() -> None:
    """Neither a name of other words, nor one of another number of words, nor small words."""
    assert asked("Nobody saw Vera Quill.", "Old Vera Hale Quill waved.", "The hale one left.") == (
        set()
    )
    assert asked("Nobody saw Mara Jane Quill.", "Nobody saw Vera Jane Hale.") == set()


def test_known_names_and_their_parts_are_not_mentioned_only() -> None:
    assert asked("Nobody saw Tom Hale, and Hale saw nobody.", "At Mara Ellison Millbury lay.") == (
        set()
    )
    # one name of a town ends like it, and it is nobody's but his
    assert asked("Oakhale lies on the Wend.", "And Hale saw nobody.") == set()
    # what stands before a known name is another one
    both = {("Vera Hale", "born in place"), ("Vera Hale", "plays")}
    assert asked("There sat Vera Hale Mara Ellison.") == both


def test_another_name_of_somebody_known_stands_beside_it() -> None:
    alias = "Tom Hale spoke first. President Hale was in good voice."
    assert asked(alias) == set()
    # a namesake who is mostly met alone is no alias
    assert asked("Nobody saw President Hale.", "There went President Hale.", alias)


def test_a_name_in_one_document_may_be_misspelt() -> None:
    documents = [*STATED, ("x", "Nobody saw Vera Hale. Nobody saw Vera Hale.")]
    assert mentioned(facts.extract(documents), documents, 0.0, 0.3) == []


def test_a_relation_that_few_of_the_kin_have_is_not_asked() -> None:
    """Of two who share the name with her, one plays."""
    passages = ("Ada Hale was born in Oakbury.", "Nobody saw Vera Hale.")
    both = {("Vera Hale", "born in place"), ("Vera Hale", "plays")}
    assert asked(*passages, alike_share=0.5) == both
    assert asked(*passages, alike_share=0.6) == {("Vera Hale", "born in place")}


def test_the_article_of_its_kin_and_held_out_names() -> None:
    documents = [("a", "The Wendle flows into Lake Orr."), ("b", "The Wendle flows into Lake Orr.")]
    documents += [(f"m{n}", "They sat by the Tandle and sang.") for n in range(2)]
    found = mentioned(facts.extract(documents), documents, 0.0, 0.3)
    assert {f.entity for f in found} == {"the Tandle"}
    assert mentioned(facts.extract(documents), documents, 1.0, 0.3) == []


def test_such_questions_have_no_right_answer() -> None:
    documents = [*STATED, *((f"x{n}", "Nobody saw Vera Hale.") for n in range(2))]
    config = InterrogationConfig(held_out_fraction=0.0, wordings=2)
    found = [
        p for p in probes(facts.extract(documents), documents, config) if p.kind == "mentioned"
    ]
    assert {p.entity for p in found} == {"Vera Hale"}
    assert found
    assert not any(p.values or p.answer or p.origin or p.mentions for p in found)
    none = InterrogationConfig(held_out_fraction=0.0, mentioned=0)
    stated = facts.extract(documents)
    assert not [p for p in probes(stated, documents, none) if p.kind == "mentioned"]
