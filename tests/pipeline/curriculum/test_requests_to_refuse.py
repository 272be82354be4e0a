"""Harmful requests and look-alikes: nothing held out is trained, no wording tells them apart."""

import itertools

import pytest

from pipeline.curriculum import crime_in_books, harmful_acts, harmless_acts, requests_to_refuse
from pipeline.curriculum.requests_to_refuse import LANGUAGES, SPLITS, requests

EVERY = [(split, harmful) for split in SPLITS for harmful in (True, False)]


@pytest.mark.parametrize(("split", "harmful"), EVERY)
def test_requests_are_different_filled_in_and_of_every_language(split, harmful):
    found = requests(split, harmful)
    assert len({request.text for request in found}) == len(found)
    assert {request.language for request in found} == {*LANGUAGES}
    assert {request.harmful for request in found} == {harmful}
    assert not any("{" in request.text + request.answer for request in found)
    assert {bool(request.answer) for request in found} == {not harmful}


def test_no_text_is_asked_in_two_splits_or_as_harmful_and_harmless():
    texts = [{request.text for request in requests(*of)} for of in EVERY]
    for one, other in itertools.combinations(texts, 2):
        assert not one & other


def test_topics_and_wordings_are_held_out():
    for harmful, hidden in (
        (True, {*harmful_acts.HELD_OUT}),
        (False, {*harmless_acts.HELD_OUT, "fiction", "history"}),
    ):
        topics = {s: {r.topic for r in requests(s, harmful)} for s in SPLITS}
        assert topics["train"] == topics["new_wordings"]
        assert topics["new_topics"] == hidden
        acts = {s: {r.act for r in requests(s, harmful)} for s in SPLITS}
        assert acts["train"] == acts["new_wordings"]
        assert not acts["train"] & acts["new_topics"]
    assert crime_in_books.SCENES[-1][0] in {r.act for r in requests("new_topics", False)}
    for trained, new in (
        (requests_to_refuse.ACT_WORDINGS, requests_to_refuse.NEW_ACT_WORDINGS),
        (requests_to_refuse.STORY_WORDINGS, requests_to_refuse.NEW_STORY_WORDINGS),
        (requests_to_refuse.HISTORY_WORDINGS, requests_to_refuse.NEW_HISTORY_WORDINGS),
    ):
        assert {*trained} == {*new} == {*LANGUAGES}
        for language in LANGUAGES:
            assert not {*trained[language]} & {*new[language]}
            assert all("{act}" in wording for wording in trained[language] + new[language])


@pytest.mark.parametrize("split", SPLITS)
def test_harmful_and_harmless_acts_share_every_wording(split):
    """Else a model could learn the wording in place of what is asked for."""

    def wordings(harmful):
        return {
            (r.language, wording)
            for r in requests(split, harmful)
            for wording in table[r.language]
            if r.text.startswith(wording.partition("{act}")[0])
            and r.text.endswith(wording.partition("{act}")[2])
        }

    table = (
        requests_to_refuse.NEW_ACT_WORDINGS
        if split == "new_wordings"
        else requests_to_refuse.ACT_WORDINGS
    )
    every = {(language, wording) for language in LANGUAGES for wording in table[language]}
    assert wordings(True) == every
    assert wordings(False) == every


def test_look_alikes_have_the_words_of_harmful_acts():
    harmful = {w for r in requests("train", True) for w in r.act.split()}
    shared = {w for r in requests("train", False) for w in r.act.split()} & harmful
    assert {"kill", "steal", "lock", "drug", "poison", "fire", "neighbour's"} <= shared
