"""Words around digits: telephones, calls, those who answer, and words that mean more or else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filters.phone_names import (
    ORDER,
    STRONG,
    WEAK,
    fold,
    has_phone_words,
    has_phone_words_after,
)

NAMES = [
    *("Téléphone : ", "KOMÓRKA: ", "по телефону ", "Telefonnummer ", "tel./fax: ", "電話番号 "),
    *("手机 ", "연락처 : ", "Phone (home): ", "Nº de teléfono de contacto: ", "Mob. No.: "),
    *("मोबाइल नंबर: ", "call Anna Smith on ", "dzwonić pod numer ", "Mon portable, c'est le "),
    "ご予約はTEL",
]
ORDERS = ["Appelez le ", "Volejte ", "Empfang: ", "Bookings (", "Växel ", "Chiamate il numero "]
WEAKER = ["cell ", "call ", "T: ", "| M: ", "Contact "]
OTHERS = [
    *("Mattel : ", "Tel Aviv ", "order no. ", "standard ", "marque ", "intel: ", "the call of "),
    "cellar ",
]


@pytest.mark.parametrize("said", NAMES)
def test_names(said: str) -> None:
    assert STRONG.search(fold(said))
    assert has_phone_words(fold(said))


@pytest.mark.parametrize("said", ORDERS)
def test_orders_and_desks(said: str) -> None:
    assert ORDER.search(fold(said))
    assert has_phone_words(fold(said))


def test_words_of_many_meanings_and_of_others() -> None:
    for said in WEAKER:
        assert WEAK.search(fold(said)), said
        assert not STRONG.search(fold(said)), said
    for said in OTHERS:
        assert not STRONG.search(fold(said)), said
        assert not ORDER.search(fold(said)), said


def test_names_behind() -> None:
    for text in ("1로 전화 주세요", "1 (mobile)", "1 numarasından", "1へお電話ください"):
        assert has_phone_words_after(text, 1), text
    for text in ("1 (red)", "1 apples", "1", "1 call"):
        assert not has_phone_words_after(text, 1), text


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
