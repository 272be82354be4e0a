"""Payment cards (ISO/IEC 7812) and IBANs (ISO 13616)."""

import re
import string
from random import Random

from tests.benchmarks.piisets import checks
from tests.benchmarks.piisets.checks import draw

# ISO/IEC 7812 issuer ranges: prefixes, length, usual grouping.
CARDS = {
    "visa": (["4"], 16, (4, 4, 4, 4)),
    "mastercard": ([*map(str, range(51, 56)), *map(str, range(2221, 2721, 31))], 16, (4, 4, 4, 4)),
    "amex": (["34", "37"], 15, (4, 6, 5)),
    "discover": (["6011", "644", "645", "649", "65"], 16, (4, 4, 4, 4)),
    "diners": (["300", "305", "36", "38"], 14, (4, 6, 4)),
    "jcb": (["3528", "3540", "3589"], 16, (4, 4, 4, 4)),
    "unionpay": (["6221", "6228", "6282"], 16, (4, 4, 4, 4)),
    "unionpay19": (["6222", "6217"], 19, (6, 13)),
    "maestro": (["6759", "6763"], 16, (4, 4, 4, 4)),
}
CARD_SEPARATORS = {"spaced": " ", "dashed": "-", "nbsp": "\u00a0", "bare": ""}


def card(rng: Random, brand: str, separator: str) -> str:
    prefixes, length, groups = CARDS[brand]
    body = rng.choice(prefixes)
    body += draw(rng, string.digits, length - 1 - len(body))
    number, parts, at = body + checks.luhn(body), [], 0
    for size in groups:
        parts.append(number[at : at + size])
        at += size
    return CARD_SEPARATORS[separator].join(parts)


# The ISO 13616 registry: BBAN structure by country (n digits, a capitals, c both).
IBAN_STRUCTURES = dict(
    re.findall(
        r"([A-Z]{2})=(\w+)",
        """
    AD=8n12c AE=19n AL=8n16c AT=16n AZ=4a20c BA=16n BE=12n BG=4a6n8c BH=4a14c BI=23n BR=23n1a1c
    BY=4c4n16c CH=5n12c CR=18n CY=8n16c CZ=20n DE=18n DJ=23n DK=14n DO=4c20n EE=16n EG=25n ES=20n
    FI=14n FK=2a12n FO=14n FR=10n11c2n GB=4a14n GE=2a16n GI=4a15c GL=14n GR=7n16c GT=24c HN=4a20n
    HR=17n HU=24n IE=4a14n IL=19n IQ=4a15n IS=22n IT=1a10n12c JO=4a4n18c KW=4a22c KZ=3n13c LB=4n20c
    LC=4a24c LI=5n12c LT=16n LU=3n13c LV=4a13c LY=21n MC=10n11c2n MD=20c ME=18n MK=3n10c2n MN=16n
    MR=23n MT=4a5n18c MU=4a19n3a NI=4a20n NL=4a10n NO=11n OM=3n16c PK=4a16c PL=24n PS=4a21c PT=21n
    QA=4a21c RO=4a16c RS=18n RU=14n15c SA=2n18c SC=4a20n3a SD=14n SE=20n SI=15n SK=20n SM=1a10n12c
    SO=19n ST=21n SV=4a20n TL=19n TN=20n TR=6n16c UA=6n19c VA=18n VG=4a16n XK=16n YE=4a4n18c
        """,
    )
)
KINDS = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits}


def _bban(rng: Random, country: str) -> str:
    """Account numbers are digits nearly everywhere, so c draws digits three times in four."""
    letters = rng.random() < 0.25
    bban = ""
    for count, kind in re.findall(r"(\d+)([nac])", IBAN_STRUCTURES[country]):
        mixed = kind == "c" and letters
        bban += draw(
            rng, string.digits + string.ascii_uppercase if mixed else KINDS[kind], int(count)
        )
    if country == "BE":  # the national check digits where they are public
        return bban[:10] + f"{int(bban[:10]) % 97 or 97:02d}"
    if country == "ES":
        first = -checks.weighted(bban[:8], (4, 8, 5, 10, 9, 7, 3, 6)) % 11
        second = -checks.weighted(bban[10:], (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11
        return bban[:8] + f"{first if first < 10 else 1}{second if second < 10 else 1}" + bban[10:]
    if country in {"FR", "MC"}:
        as_digits = "".join(
            c if c.isdigit() else "12345678912345678923456789"[ord(c) - 65] for c in bban[:21]
        )
        return bban[:21] + f"{97 - int(as_digits + '00') % 97:02d}"
    if country in {"BA", "ME", "MK", "PT", "RS", "SI", "TL", "XK"}:
        return bban[:-2] + checks.mod_97_10(bban[:-2])
    if country == "NO":
        body = bban[:10]
        check = -checks.weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return _bban(rng, country) if check == 10 else body + str(check)
    if country == "FI":
        return bban[:13] + checks.luhn(bban[:13])
    return bban


IBAN_FORMS = ("spaced", "compact", "lower", "nbsp", "lower_spaced")


def iban(rng: Random, country: str, form: str) -> str:
    bban = _bban(rng, country)
    number = country + checks.mod_97_10(bban + country) + bban
    if form in {"compact", "lower"}:
        return number.lower() if form == "lower" else number
    spaced = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    return {"nbsp": spaced.replace(" ", "\u00a0"), "lower_spaced": spaced.lower()}.get(form, spaced)
