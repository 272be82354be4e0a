"""National identity numbers: known right ones are found, one digit off is not."""

import pytest

from pipeline.filters.national_ids import CHECKS, find_national_ids
from pipeline.filters.pii import PiiConfig, find, replace

# valid numbers of python-stdnum's documentation and of the offices' own examples
EXAMPLES = {
    "US": ["123-45-6789", "SSN: 123456789", "social security number is 123 45 6789"],
    "GB": ["AB 12 34 56 C"],
    "IN": ["Aadhaar 2341 2341 2346", "Aadhaar no. 234123412346", "PAN ABCPE1234F"],
    "BR": ["390.533.447-05", "CPF 39053344705"],
    "ES": ["54362315K", "54362315-K", "X2482300W", "X-2482300-W"],
    "IT": ["RCCMNL83S18D969H"],
    "FR": ["295109912611193", "2 95 10 99 126 111 93"],
    "CN": ["360426199101010071", "11010519491231002X"],
    "KR": ["971013-1019901"],
    "SE": ["811228-9874", "personnummer 880320-0016", "19811228-9874"],
    "MX": ["BOXW310820HNERXN09"],
    "RU": ["112-233-445 95"],
    "PL": ["PESEL: 44051401359"],
    "DE": ["Steuer-ID 36 574 261 809", "IdNr. 36574261809"],
    "CA": ["SIN 123 456 782", "social insurance number 123-456-782"],
    "JP": ["My Number 1234 5678 9018", "マイナンバー:123456789018"],
}
ALL = [(country, value) for country, values in EXAMPLES.items() for value in values]
NO_CHECK = {"US", "GB", "MX"}  # or a part of their forms has none (PAN)


def found(text: str) -> list[str]:
    return [text[start:stop] for start, stop in find_national_ids(text)]


@pytest.mark.parametrize(("country", "value"), ALL)
def test_found(country: str, value: str) -> None:
    for frame in ("{}", "It is {}.", "({}), then", "see\n{}\nbelow"):
        text = frame.format(value)
        spans = [span for span in find(text, PiiConfig()) if span[2] == "national_id"]
        assert len(spans) == 1, (country, text)
        assert text[spans[0][1] :] == text[text.index(value) + len(value) :]
        assert not found(
            replace(text, PiiConfig())[0].replace("078-05-1120", "").replace("219-09-9999", "")
        )


@pytest.mark.parametrize(
    ("country", "value"),
    [(c, v) for c, v in ALL if c not in NO_CHECK and not v.startswith("PAN")],
)
def test_a_wrong_digit_is_no_number(country: str, value: str) -> None:
    last = max(place for place, sign in enumerate(value) if sign.isdigit())
    hits = sum(
        bool(found(value[:last] + digit + value[last + 1 :]))
        for digit in "0123456789"
        if digit != value[last]
    )
    assert hits == 0, country


def test_names_are_needed_where_digits_tell_nothing() -> None:
    bare = "234123412346 39053344705 44051401359 36574261809 123 456 782 1234 5678 9018 ABCPE1234F"
    assert found(bare) == []


def test_text_without_digits_is_passed_over_and_forms_are_linear() -> None:
    assert found("no digits here " * 1000) == []
    for piece in ("1 ", "12-", "1234 ", "SSN ", "ABCDEF12", "123.456.", "880320-", "2 95 10 99 "):
        assert isinstance(found(piece * 20_000), list)


# Printed by their offices, or worked out by their rules; the SNILS' sums are 95, 201, 100, 404.
CHECKED = {
    "tw": ["A123456789", "J123456787", "Z123456780"],
    "hk": ["A123456(3)", "AB987654(3)", "G123456(A)", "Z683365(A)"],
    # the last three have the remainder whose letter is M for F and G and J for M
    "sg": [
        *("S1234567D", "T1234567J", "F1234567N", "G1234567X", "M1234567K"),
        *("F1234562M", "G1234560M", "M1234566J"),
    ],
    # born on leap days, and on a tenth
    "cn": [
        *("360426199101010071", "11010519491231002X", "11010519491231002x"),
        *("110105200002290013", "110105199605100025"),
    ],
    "snils": ["112-233-445 95", "644-444-544 00", "911-001-000 00", "999-999-998 00"],
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(("check", "number"), [(c, n) for c, all_ in CHECKED.items() for n in all_])
def test_of_all_last_signs_one_is_right(check: str, number: str) -> None:
    assert CHECKS[check](number)
    last = max(place for place, sign in enumerate(number) if sign.isalnum())
    for sign in LETTERS if check == "sg" else "0123456789":
        other = number[:last] + sign + number[last + 1 :]
        assert CHECKS[check](other) is (sign == number[last]), other


@pytest.mark.parametrize("check", ["hk", "sg"])  # mod a prime: no single digit goes unseen
def test_no_digit_may_be_another(check: str) -> None:
    for number in CHECKED[check]:
        for place, sign in enumerate(number[:-2]):
            for digit in set("0123456789") - {sign} if sign.isdigit() else ():
                assert not CHECKS[check](number[:place] + digit + number[place + 1 :])


def test_a_resident_was_born_on_a_day_of_the_calendar() -> None:
    assert CHECKS["cn"]("11010519491231002X")
    for wrong in ("11010519491331002X", "11010519490231002X", "11010500001231002X"):
        assert not CHECKS["cn"](wrong)
