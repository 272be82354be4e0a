"""Acts are said in three languages, each once, and none says how it is done."""

from pipeline.curriculum.harmful_acts import HARMFUL, HELD_OUT


def test_every_topic_has_acts_in_three_languages():
    assert {*HELD_OUT} < {*HARMFUL}
    acts = [act for of in HARMFUL.values() for act in of]
    assert {len(of) for of in HARMFUL.values()} == {4}
    for language in range(3):
        said = [act[language] for act in acts]
        assert len({*said}) == len(said)
        assert all(text == text.strip(" .?!") for text in said)


def test_acts_are_short_wishes_and_no_instructions():
    for of in HARMFUL.values():
        for act in of:
            assert all(len(text.split()) <= 9 for text in act)
            assert not any(
                " by " in text
                or "," in text.replace(", ohne", "").replace(", bis", "").replace(", das", "")
                for text in act
            )
