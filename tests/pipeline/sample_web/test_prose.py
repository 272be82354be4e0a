"""The grammar of templates, and that every template in the banks can be drawn."""

import random

import pytest

from pipeline.sample_web import (
    planted_pii,
    text_homework,
    text_pages,
    text_people,
    text_places,
    text_stories,
    wordings,
)
from pipeline.sample_web.lexicon import LEXICON
from pipeline.sample_web.prose import expand
from pipeline.sample_web.text_languages import LANGUAGES

NAMES = (
    *("e", "first", "she", "her", "him", "herself", "a", "b", "friend", "value", "thing", "stuff"),
    *("tens", "again", *text_stories.RECIPE_SLOTS),
)
SLOTS = dict.fromkeys(NAMES, "x")


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [text for item in value for text in strings(item)] if isinstance(value, tuple) else []


def test_picks_nest_and_slots_fill() -> None:
    drawn = {expand("[a~ [egg|pear]|{e}] here", random.Random(i), {"e": "Bo"}) for i in range(60)}
    assert drawn == {"An egg here", "A pear here", "Bo here"}


def test_unbalanced_brackets_are_an_error() -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        expand("[one|two", random.Random(1))


@pytest.mark.parametrize(
    "module", [text_homework, text_pages, text_people, text_places, text_stories]
)
def test_every_template_draws_a_clean_sentence(module: object) -> None:
    bank = [t for name, v in vars(module).items() if name.isupper() for t in strings(v)]
    assert len(bank) > 40
    for template in bank:
        for draw in range(4):
            text = expand(template, random.Random(draw), SLOTS)
            assert not set("[]{}|~") & set(text), template
            assert "  " not in text
            assert " a a" not in text.replace(" a apple", " a a")


def test_other_banks_draw_as_well() -> None:
    for bank in (
        LEXICON,
        wordings.LEADS,
        wordings.TAILS,
        wordings.PERSON_TAILS,
        planted_pii.SENTENCES,
    ):
        for template in strings(bank if isinstance(bank, dict) else tuple(bank)):
            assert not set("[]{}|~") & set(expand(template, random.Random(2), SLOTS))
    for titles, sentences, lists in LANGUAGES.values():
        slots = {key: values[0] for key, values in lists.items()}
        for template in titles + sentences:
            assert not set("[]{}|~") & set(expand(template, random.Random(2), slots))


def test_pii_is_of_valid_form() -> None:
    rng = random.Random(5)
    for _ in range(50):
        card = planted_pii.value("card", rng).replace(" ", "")
        assert len(card) == 16
        odd, even = card[-1::-2], card[-2::-2]
        assert (sum(map(int, odd)) + sum(sum(divmod(2 * int(d), 10)) for d in even)) % 10 == 0
        iban = planted_pii.value("iban", rng).replace(" ", "")
        moved = iban[4:] + iban[:4]
        assert int("".join(str(int(c, 36)) for c in moved)) % 97 == 1
