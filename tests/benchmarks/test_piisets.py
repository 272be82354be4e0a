"""The personal-data test sets: check digits against python-stdnum, spans, halves, the index."""

import collections
import importlib
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import phonenumbers
import pytest
from stdnum import iban, luhn
from stdnum.cn import ric

from tests.benchmarks import pii_clean, pii_planted
from tests.benchmarks.piisets import checks, keys, money, phones, values
from tests.benchmarks.piisets.carriers import NATIONAL
from tests.benchmarks.piisets.index import (
    INDEX,
    Entry,
    Label,
    digest,
    half_of,
    locate,
    read_index,
    write_index,
)
from tests.benchmarks.piisets.planted import Planted, national_maker, planted
from tests.benchmarks.piisets.spans import Span, learn_placeholders, replaced

STDNUM = {
    "us_ssn": "us.ssn", "gb_nhs": "gb.nhs", "fr_nir": "fr.nir", "de_steuer_id": "de.idnr",
    "it_codice_fiscale": "it.codicefiscale", "es_dni": "es.dni", "es_nie": "es.nie",
    "pt_nif": "pt.nif", "nl_bsn": "nl.bsn", "be_nn": "be.nn", "se_personnummer": "se.personnummer",
    "fi_hetu": "fi.hetu", "dk_cpr": "dk.cpr", "no_fnr": "no.fodselsnummer", "pl_pesel": "pl.pesel",
    "cz_rc": "cz.rc", "br_cpf": "br.cpf", "mx_curp": "mx.curp", "in_aadhaar": "in_.aadhaar",
    "in_pan": "in_.pan", "jp_my_number": "jp.in_", "kr_rrn": "kr.rrn", "za_id": "za.idnr",
    "tr_tckn": "tr.tckimlik", "ch_ahv": "ch.ssn", "at_svnr": "at.vnr", "ie_ppsn": "ie.pps",
    "ca_sin": "ca.sin", "au_tfn": "au.tfn", "ro_cnp": "ro.cnp", "bg_egn": "bg.egn",
    "hr_oib": "hr.oib", "gr_amka": "gr.amka", "ee_isikukood": "ee.ik", "cl_rut": "cl.rut",
    "ar_cuil": "ar.cuit", "il_id": "il.idnr", "th_id": "th.pin", "ru_inn": "ru.inn",
    "ua_rnokpp": "ua.rntrc",
}  # fmt: skip
DRAWS = 60


def draws(name: str) -> list[str]:
    return [v for seed in range(DRAWS) for v in national_maker(name)(Random(seed))]


@pytest.mark.parametrize("name", STDNUM)
def test_national_numbers_pass_an_independent_check(name: str) -> None:
    valid = importlib.import_module(f"stdnum.{STDNUM[name]}").validate
    for value in draws(name):
        if name == "es_dni":  # stdnum does not take the dots off
            value = value.replace(".", "")
        if name == "us_ssn" and " " in value:
            value = value.replace(" ", "-")
        valid(value)


def test_chinese_numbers_have_the_check_digit_of_their_body() -> None:
    # stdnum's list of areas lacks districts that GB/T 2260 has, so its whole check cannot serve
    for value in draws("cn_ric"):
        assert ric.calc_check_digit(value) == value[-1]


def _sg(value: str) -> bool:
    total = sum(int(c) * w for c, w in zip(value[1:8], (2, 7, 6, 5, 4, 3, 2)))
    return value[8] == "JZIHGFEDCBA"[(total + 4 * (value[0] == "T")) % 11]


def _tw(value: str) -> bool:
    code = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(value[0]) + 10
    digits = f"{code}{value[1:]}"
    return sum(int(c) * w for c, w in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def _hk(value: str) -> bool:
    letter = ord(value[0]) - 55
    digits = [int(c) for c in value[1:7]] + [int(value[8], 11)]
    weights = (7, 6, 5, 4, 3, 2, 1)
    return (36 * 9 + letter * 8 + sum(d * w for d, w in zip(digits, weights))) % 11 == 0


def _snils(value: str) -> bool:
    digits = [int(c) for c in value if c.isdigit()]
    total = sum(d * (9 - place) for place, d in enumerate(digits[:9]))
    while total > 101:
        total %= 101
    return (0 if total in (100, 101) else total) == digits[9] * 10 + digits[10]


def _nino(value: str) -> bool:
    return bool(
        re.fullmatch(
            r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d){6} ?[A-D]", value
        )
    )


@pytest.mark.parametrize(
    ("name", "check", "published"),
    [
        ("sg_nric", _sg, "S1234567D"),
        ("tw_id", _tw, "A123456789"),
        ("hk_id", _hk, "A123456(3)"),
        ("ru_snils", _snils, "112-233-445 95"),
        ("gb_nino", _nino, "AA 12 34 56 A"),
    ],
)
def test_numbers_that_stdnum_lacks(name: str, check: Callable[[str], bool], published: str) -> None:
    assert check(published)
    assert not check(published.replace("2", "7", 1)) or name == "gb_nino"
    assert all(check(value) for value in draws(name))


def test_every_national_number_is_checked_here() -> None:
    assert set(NATIONAL) == {*STDNUM, "cn_ric", "sg_nric", "tw_id", "hk_id", "ru_snils", "gb_nino"}


def test_ibans_pass_the_registrys_check() -> None:
    for country in money.IBAN_STRUCTURES:
        for form in money.IBAN_FORMS:
            value = money.iban(Random(f"{country}{form}"), country, form).replace("\u00a0", " ")
            # stdnum also looks Belgian banks up; a drawn one need not exist
            iban.validate(value, check_country=country != "BE")


@pytest.mark.parametrize("brand", money.CARDS)
def test_cards_pass_luhn_in_every_grouping(brand: str) -> None:
    for separator in money.CARD_SEPARATORS:
        value = money.card(Random(brand + separator), brand, separator)
        digits = re.sub(r"\D", "", value)
        luhn.validate(digits)
        assert len(digits) == money.CARDS[brand][1]


def test_phone_plans_make_numbers_that_their_countries_have() -> None:
    # the generic patterns may draw a few unassigned blocks
    for country in phones.PLANS:
        good = 0
        for seed in range(40):
            value = phones.phone(Random(seed), country, ("national", "e164", "zero")[seed % 3])
            region = None if value.startswith("+") else country
            good += phonenumbers.is_valid_number(phonenumbers.parse(value, region))
        assert good >= 36, country


def test_addresses_parse_and_lie_in_their_ranges() -> None:
    for seed in range(200):
        assert ipaddress.IPv4Address(values.ipv4(Random(seed), "public")).is_global
        assert ipaddress.IPv4Address(values.ipv4(Random(seed), "private")).is_private
        for form in values.IPV6_FORMS:
            address = ipaddress.IPv6Address(values.ipv6(Random(seed), "public", form))
            assert address.is_global or address.ipv4_mapped


def test_verhoeff_by_its_published_example() -> None:
    assert checks.verhoeff("236") == "3"


def test_the_planted_set_is_large_aligned_and_the_same_each_time() -> None:
    items = planted()
    assert items == planted()
    assert items != planted(1)
    assert len(items) >= 3000
    assert all(item.text[item.start : item.end] == item.value for item in items)
    halves = collections.Counter((item.kind, item.half) for item in items)
    assert min(halves.values()) > 100
    assert len({item.language for item in items if item.kind == "email"} - {""}) >= 8
    assert not any("{" + name + "}" in item.text for item in items for name in "vnfw")


def test_no_key_stands_in_the_sources_as_a_literal() -> None:
    source = Path(keys.__file__).read_text()
    for provider in keys.KEY_PROVIDERS:
        drawn = keys.key(Random(7), provider)
        assert drawn not in source
        assert drawn != keys.key(Random(8), provider)


def _stars(text: str) -> tuple[str, dict[str, int]]:
    """A finder of digit runs only."""
    out, count = re.subn(r"\d{4,}", "0000", text)
    return out, {"card": count}


def test_spans_of_replaced_text() -> None:
    assert replaced("a 12345 b 9876.", "a 0000 b 0000.", {"0000": "card"}) == [
        Span(2, 7, "card"),
        Span(10, 14, "card"),
    ]
    assert replaced("0000 and 5555", "0000 and 0000", {"0000": "card"}) == [Span(9, 13, "card")]
    assert replaced("unlike", "other", {"0000": "card"}) is None


def test_placeholders_are_learnt_from_outputs_alone() -> None:
    cards = [item for item in planted() if item.kind == "card"]
    assert learn_placeholders(cards, _stars) == {"0000": "card"}


def test_a_value_replaced_only_in_part_teaches_no_placeholder() -> None:
    values_ = [f"+{code} {number}" for code in (1, 2) for number in range(1000, 1010)]
    items = [
        Planted("phone", "", value, f"call {value} now", 5, True, "en", "dev") for value in values_
    ]

    def find(text: str) -> tuple[str, dict[str, int]]:
        # those of country 2 lose the number and keep the code
        return re.sub(r"\+1 \d+|(?<=\+2 )\d+", "0000", text), {"phone": 1}

    assert learn_placeholders(items, find) == {"0000": "phone"}
    outcomes = pii_planted.judge(items, find)
    assert [o.exact for o in outcomes] == [True] * 10 + [False] * 10
    assert [o.gone for o in outcomes] == [True] * 10 + [False] * 10


def test_index_keeps_no_text_and_finds_shifted_snippets(tmp_path: Path) -> None:
    text = "first line\nroom 4711 is free\nlast"
    start = text.index("room")
    label = Label(5, 4, "phone", "true")
    entry = Entry("package x 1 a.txt", start, 17, digest("room 4711 is free"), "score", (label,))
    write_index(tmp_path / "i.gz", [entry])
    assert read_index(tmp_path / "i.gz") == [entry]
    assert b"room" not in (tmp_path / "i.gz").read_bytes()
    assert locate(text, entry) == "room 4711 is free"
    assert locate("put before\n" + text, entry) == "room 4711 is free"
    assert locate(text.replace("4711", "4712"), entry) is None


def test_false_alarms_spare_labelled_spans() -> None:
    text = "room 4711 and 1234567 here"
    labels = (Label(5, 4, "card", "true"),)
    entry = Entry("package x 1 a.txt", 0, len(text), digest(text), "score", labels)
    judged = pii_clean.judge(entry, text, _stars, {"0000": "card"})
    assert judged is not None
    assert [text[span.start : span.end] for span in judged.false] == ["1234567"]
    assert (judged.true_found, judged.words) == (1, 5)


def test_the_committed_index_is_large_and_stratified() -> None:
    entries = read_index()
    assert INDEX.stat().st_size < 600_000
    assert len(entries) >= 5000
    sizes = collections.Counter(entry.category for entry in entries)
    assert sum(size >= 150 for size in sizes.values()) >= 15
    halves = collections.Counter(half_of(entry.source) for entry in entries)
    assert min(halves.values()) > 1500
    for entry in entries:
        for label in entry.labels:
            assert 0 <= label.start < label.start + label.length <= entry.length
