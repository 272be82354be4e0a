"""A subject is in one split, whatever the wording and wherever a prompt comes from."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.chat.conversation import assistant, system, user
from pipeline.preferences.prompt_splits import PromptSplits, opening


def test_wordings_of_a_subject_are_together_and_subjects_are_spread():
    splits = PromptSplits(0.3)
    sides = set()
    for n in range(60):
        wordings = [(user(f"Where was P{n} born?"),), (user(f"Tell me P{n}'s birthplace."),)]
        for wording in wordings:
            splits.learn(wording, f"entity:P{n}")
        found = {splits.of(wording) for wording in wordings}
        assert len(found) == 1
        sides |= found
    assert sides == {"train", "validation"}


def test_another_source_with_the_same_words_goes_where_the_subject_goes():
    splits = PromptSplits(0.5)
    for n in range(40):
        splits.learn((user(f"Where was P{n} born?"),), f"entity:P{n % 2}")
    for n in range(40):
        known = splits.of((user(f"Where was P{n} born?"),))
        again = (system("Be brief."), user(f"  where was p{n}  BORN?"), assistant("Hm."), user("x"))
        assert splits.of(again) == known


def test_turns_of_one_talk_stay_together():
    splits = PromptSplits(0.5)
    for n in range(40):
        first = user(f"Question {n}")
        assert splits.of((first,)) == splits.of((first, assistant("a"), user(f"more {n}")))


@given(st.text(max_size=40))
def test_case_and_spacing_say_nothing(text):
    assert opening((user(text),)) == opening((system("s"), user(f" {text}\n"), user("other")))


def test_the_fraction_is_kept():
    splits = PromptSplits(0.1)
    share = sum(splits.of((user(f"q {n}"),)) == "validation" for n in range(3_000)) / 3_000
    assert 0.08 < share < 0.12
    assert all(PromptSplits(0.0).of((user(f"q {n}"),)) == "train" for n in range(50))
