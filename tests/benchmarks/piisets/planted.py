"""The planted set: each value in a text of its own, its kind, span and what its context says."""

import dataclasses
from collections.abc import Callable, Iterator
from random import Random

from tests.benchmarks.piisets import carriers, keys, money, national, national_world, phones, values

SEED = 20240518
# How many values a kind, a form, or a country gets; together about 4,500.
EMAILS, IPS, CARDS, KEYS = 75, 55, 9, 15
PHONES_A_COUNTRY, IBANS_A_COUNTRY, NATIONAL_A_STATE = 26, 5, 22
HOME = {  # the languages a country's numbers are written in
    "DE": "de", "AT": "de", "CH": "de", "FR": "fr", "BE": "fr", "LU": "fr", "NL": "nl", "ES": "es",
    "MX": "es", "AR": "es", "PT": "pt", "BR": "pt", "IT": "it", "PL": "pl", "CZ": "cs", "SE": "sv",
    "RU": "ru", "TR": "tr", "JP": "ja", "CN": "zh", "TW": "zh", "KR": "ko",
}  # fmt: skip
NAMES = {
    "ja": ["田中裕子", "鈴木健"], "zh": ["王伟", "李娜"], "ru": ["Ольга Петрова", "Иван Смирнов"],
    "ko": ["김민수", "이서연"], "": ["Anna Keller", "Jonas Walsh", "Maria Rossi", "Emre Novak",
                                   "Clara Hughes", "Luca Ferreira", "Sofia Lindqvist"],
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Planted:
    """One value in its text."""

    kind: str  # as the finders count it
    form: str  # sub-kind: e-mail form, country, provider, state's number
    value: str
    text: str
    start: int  # in characters
    named: bool  # whether the context says what the value is
    language: str  # ISO 639-1 of the carrier, "" for records
    half: str  # dev or test
    scored: bool = True  # False: kept or replaced by convention (private, documentation addresses)

    @property
    def end(self) -> int:
        return self.start + len(self.value)


def _wrap(rng: Random, carrier: str, value: str, field: str, language: str) -> tuple[str, int]:
    name = rng.choice(NAMES.get(language, NAMES[""]))
    filled = carrier.format(v="\0", n=name, f=field, w=rng.randint(10, 9999))
    start = filled.index("\0")
    return filled.replace("\0", value), start


def _place(
    rng: Random, kind: str, form: str, value: str, languages: list[str], scored: bool = True
) -> Planted:
    """In a naming sentence (45%), a naming record (20%) or an open context (35%)."""
    draw = rng.random()
    language, named = "", True
    if draw < 0.45:
        known = [code for code in languages if code in carriers.NAMED[kind]] or ["en"]
        language = rng.choice(known)
        carrier = rng.choice(carriers.NAMED[kind][language])
    elif draw < 0.65:
        carrier = rng.choice(carriers.RECORDS)
    else:
        named = False
        known = [code for code in languages if code in carriers.OPEN[kind]] or ["en"]
        language = rng.choice(known)
        carrier = rng.choice(carriers.OPEN[kind][language])
    return _finish(rng, kind, form, value, carrier, named, language, scored)


def _finish(
    rng: Random, kind: str, form: str, value: str, carrier: str, named: bool, language: str,
    scored: bool = True,
) -> Planted:  # fmt: skip
    own = form.split("_", 1)[-1]  # the number's own name, where that is no common word
    own = "national_id" if own in {"id", "nn", "rc", "ric", "pan", "sin"} else own
    field = rng.choice(carriers.FIELDS.get(kind, [own]))
    text, start = _wrap(rng, carrier, value, field, language)
    half = "dev" if rng.random() < 0.5 else "test"
    return Planted(kind, form, value, text, start, named, language, half, scored)


def _languages(rng: Random, kind: str) -> list[str]:
    """English for a third, else any: so that every script is met."""
    every = sorted(carriers.NAMED[kind])
    return ["en"] if rng.random() < 0.34 else [rng.choice(every)]


def _emails(rng: Random) -> Iterator[Planted]:
    for form in values.EMAIL_FORMS:
        for _ in range(EMAILS):
            value = values.email(rng, form)
            if form == "quoted":  # its quotes would break a record's
                carrier = rng.choice(carriers.NAMED["email"]["en"])
                yield _finish(rng, "email", form, value, carrier, True, "en")
            else:
                yield _place(rng, "email", form, value, _languages(rng, "email"))


def _addresses(rng: Random) -> Iterator[Planted]:
    for scope, share in (("public", 5), ("private", 1), ("documentation", 1)):
        for _ in range(IPS * share):
            value = values.ipv4(rng, scope)
            languages = _languages(rng, "ipv4")
            yield _place(rng, "ipv4", scope, value, languages, scope == "public")
        for form in values.IPV6_FORMS if scope == "public" else ("short",):
            for _ in range(IPS):
                value = values.ipv6(rng, scope, form)
                label = form if scope == "public" else scope
                languages = _languages(rng, "ipv6")
                yield _place(rng, "ipv6", label, value, languages, scope == "public")


def _phones(rng: Random) -> Iterator[Planted]:
    for country in phones.PLANS:
        home = HOME.get(country, "en")
        for _ in range(PHONES_A_COUNTRY):
            form = rng.choice(phones.FORMS)
            # 00 is dialled from Europe
            languages = ["en", "de", "fr"] if form == "idd" else [home, home, "en"]
            yield _place(rng, "phone", country, phones.phone(rng, country, form), languages)


def _cards(rng: Random) -> Iterator[Planted]:
    for brand in money.CARDS:
        for separator in money.CARD_SEPARATORS:
            for _ in range(CARDS):
                value = money.card(rng, brand, separator)
                yield _place(rng, "card", separator, value, _languages(rng, "card"))


def _ibans(rng: Random) -> Iterator[Planted]:
    for country in money.IBAN_STRUCTURES:
        for form in (money.IBAN_FORMS * IBANS_A_COUNTRY)[:IBANS_A_COUNTRY]:
            value = money.iban(rng, country, form)
            yield _place(rng, "iban", form, value, _languages(rng, "iban"))


def _keys(rng: Random) -> Iterator[Planted]:
    for provider in keys.KEY_PROVIDERS:
        for _ in range(KEYS):
            value = keys.key(rng, provider)
            if provider == "pem":
                yield _finish(rng, "key", provider, value, "{n} sent:\n{v}\n", False, "en")
            elif (carrier := keys.NAMELESS_KEYS.get(provider)) is not None:
                yield _finish(rng, "key", provider, value, carrier, True, "")
            else:
                yield _place(rng, "key", provider, value, _languages(rng, "key"))


def national_maker(form: str) -> Callable[[Random], list[str]]:
    module = national if hasattr(national, form) else national_world
    maker: Callable[[Random], list[str]] = getattr(module, form)
    return maker


def _national(rng: Random) -> Iterator[Planted]:
    for form, (language, sentences) in carriers.NATIONAL.items():
        maker = national_maker(form)
        for _ in range(NATIONAL_A_STATE):
            spellings = maker(rng)
            value = spellings[0] if rng.random() < 0.5 else rng.choice(spellings)
            draw = rng.random()
            if draw < 0.6:
                carrier, named, code = rng.choice(sentences), True, language
            elif draw < 0.75:
                carrier, named, code = rng.choice(carriers.RECORDS), True, ""
            else:
                carrier, named, code = rng.choice(carriers.NATIONAL_OPEN), False, ""
            yield _finish(rng, "national_id", form, value, carrier, named, code)


def planted(seed: int = SEED) -> list[Planted]:
    """The whole set, in one order."""
    makers = (_emails, _addresses, _phones, _cards, _ibans, _keys, _national)
    return [
        item for number, maker in enumerate(makers) for item in maker(Random(seed * 31 + number))
    ]
