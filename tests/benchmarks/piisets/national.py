"""Numbers that states give to people, with their official check digits and usual spellings.

Each maker draws a number that its state could have given and returns the spellings in which it
is written, most usual first. Rules are from the issuing bodies' publications as named in each line.
"""

import datetime
from collections.abc import Callable
from random import Random

from tests.benchmarks.piisets import checks

Maker = Callable[[Random], list[str]]
CONSONANTS = "BCDFGLMNPRSTVZ"
VOWELS = "AEIOU"


def _digits(rng: Random, count: int, first: str = "0123456789") -> str:
    return rng.choice(first) + "".join(rng.choice("0123456789") for _ in range(count - 1))


def _letters(rng: Random, count: int, of: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
    return "".join(rng.choice(of) for _ in range(count))


def _birth(rng: Random, first: int = 1935, last: int = 2006) -> datetime.date:
    return datetime.date(rng.randint(first, last), 1, 1) + datetime.timedelta(rng.randrange(365))


def _until(rng: Random, draw: Callable[[Random], str | None]) -> str:
    while True:
        if (number := draw(rng)) is not None:
            return number


def us_ssn(rng: Random) -> list[str]:
    """SSA: no area 000, 666 or 900-999, no group 00, no serial 0000."""
    area = _until(rng, lambda r: ((a := f"{r.randint(1, 899):03d}") != "666" and a) or None)
    group, serial = f"{rng.randint(1, 99):02d}", f"{rng.randint(1, 9999):04d}"
    return [f"{area}-{group}-{serial}", f"{area} {group} {serial}", area + group + serial]


def gb_nino(rng: Random) -> list[str]:
    """HMRC NIM39110."""

    def prefix(r: Random) -> str | None:
        two = r.choice("ABCEGHJKLMNOPRSTWXYZ") + r.choice("ABCEGHJKLMNPRSTWXYZ")
        return None if two in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"} else two

    head, d, tail = _until(rng, prefix), _digits(rng, 6), rng.choice("ABCD")
    return [f"{head} {d[:2]} {d[2:4]} {d[4:]} {tail}", head + d + tail, f"{head}{d} {tail}"]


def gb_nhs(rng: Random) -> list[str]:
    """NHS data dictionary: modulus 11, weights 10 to 2; ten is not given."""

    def draw(r: Random) -> str | None:
        body = _digits(r, 9, "4679")
        check = -checks.weighted(body, range(10, 1, -1)) % 11
        return None if check == 10 else body + str(check)

    n = _until(rng, draw)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", n, f"{n[:3]}-{n[3:6]}-{n[6:]}"]


def fr_nir(rng: Random) -> list[str]:
    """INSEE: sex, year, month, department, commune, order, key 97 - n mod 97."""
    born = _birth(rng)
    department = rng.choice([f"{d:02d}" for d in range(1, 96) if d != 20])
    commune, order = f"{rng.randint(1, 600):03d}", f"{rng.randint(1, 600):03d}"
    n = f"{rng.choice('12')}{born:%y%m}{department}{commune}{order}"
    key = f"{97 - int(n) % 97:02d}"
    parts = [n[0], n[1:3], n[3:5], n[5:7], n[7:10], n[10:13], key]
    return [" ".join(parts), n + key, f"{n} {key}"]


def de_steuer_id(rng: Random) -> list[str]:
    """BZSt: of the first ten digits exactly one comes twice, one not at all; ISO 7064 MOD 11,10."""
    pool = list("0123456789")
    rng.shuffle(pool)
    pool[9] = pool[rng.randrange(9)]  # one repeated, one missing
    while True:
        rng.shuffle(pool)
        body = "".join(pool)
        if body[0] != "0":
            break
    n = body + checks.mod_11_10(body)
    return [f"{n[:2]} {n[2:5]} {n[5:8]} {n[8:]}", n]


def it_codice_fiscale(rng: Random) -> list[str]:
    """D.M. 23/12/1976: odd places by a table, even places by value, sum mod 26."""
    odd = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)))
    odd |= dict(zip("ABCDEFGHIJ", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)))
    odd |= dict(
        zip("KLMNOPQRSTUVWXYZ", (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23))
    )
    born = _birth(rng)
    day = born.day + rng.choice((0, 40))
    body = _letters(rng, 6, CONSONANTS) + f"{born:%y}{'ABCDEHLMPRST'[born.month - 1]}{day:02d}"
    body += rng.choice("ABCDEFGHIL") + f"{rng.randint(1, 999):03d}"
    total = sum(odd[c] if i % 2 == 0 else int(c, 36) - 10 * c.isalpha() for i, c in enumerate(body))
    n = body + chr(65 + total % 26)
    return [n, f"{n[:3]} {n[3:6]} {n[6:11]} {n[11:]}", n.lower()]


def es_dni(rng: Random) -> list[str]:
    d = _digits(rng, 8)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(d) % 23]
    return [d + letter, f"{d}-{letter}", f"{d[:2]}.{d[2:5]}.{d[5:]}-{letter}"]


def es_nie(rng: Random) -> list[str]:
    first, d = rng.choice("XYZ"), _digits(rng, 7)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(first)) + d) % 23]
    return [first + d + letter, f"{first}-{d}-{letter}"]


def pt_nif(rng: Random) -> list[str]:
    """Persons' numbers begin with 1, 2 or 3; weights 9 to 2, modulus 11."""
    body = _digits(rng, 8, "123")
    check = -checks.weighted(body, range(9, 1, -1)) % 11
    n = body + str(check % 10 if check < 10 else 0)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", n]


def nl_bsn(rng: Random) -> list[str]:
    """The eleven test: weights 9 to 2 and -1."""

    def draw(r: Random) -> str | None:
        body = _digits(r, 8, "12345678")
        check = checks.weighted(body, range(9, 1, -1)) % 11
        return None if check == 10 else body + str(check)

    n = _until(rng, draw)
    return [n, f"{n[:4]}.{n[4:6]}.{n[6:]}", f"{n[:3]} {n[3:6]} {n[6:]}"]


def be_nn(rng: Random) -> list[str]:
    """Rijksregister: 97 - n mod 97, a 2 before n for those born from 2000 on."""
    born = _birth(rng)
    body = f"{born:%y%m%d}{rng.randint(1, 997):03d}"
    key = f"{97 - int(('2' if born.year >= 2000 else '') + body) % 97:02d}"
    y, m, d = body[:2], body[2:4], body[4:6]
    return [f"{y}.{m}.{d}-{body[6:]}.{key}", body + key, f"{y}{m}{d}-{body[6:]}-{key}"]


def se_personnummer(rng: Random) -> list[str]:
    born = _birth(rng)
    body = f"{born:%y%m%d}{rng.randint(1, 979):03d}"
    tail = body[6:] + checks.luhn(body)
    return [f"{born:%y%m%d}-{tail}", f"{born:%Y%m%d}-{tail}", f"{born:%Y%m%d}{tail}"]


def fi_hetu(rng: Random) -> list[str]:
    born = _birth(rng)
    d, serial = f"{born:%d%m%y}", f"{rng.randint(2, 899):03d}"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(d + serial) % 31]
    return [f"{d}{'A' if born.year >= 2000 else '-'}{serial}{check}"]


def dk_cpr(rng: Random) -> list[str]:
    """Weights 4 3 2 7 6 5 4 3 2 1, sum a multiple of 11; serials 0 to 3 mean the 1900s."""

    def draw(r: Random) -> str | None:
        body = f"{_birth(r, 1935, 1999):%d%m%y}{r.randint(0, 399):03d}"
        check = -checks.weighted(body, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if check == 10 else body + str(check)

    n = _until(rng, draw)
    return [f"{n[:6]}-{n[6:]}", n]


def no_fnr(rng: Random) -> list[str]:
    def draw(r: Random) -> str | None:
        body = f"{_birth(r, 1940, 1999):%d%m%y}{r.randint(0, 499):03d}"
        first = -checks.weighted(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
        if first == 10:
            return None
        body += str(first)
        second = -checks.weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if second == 10 else body + str(second)

    n = _until(rng, draw)
    return [n, f"{n[:6]} {n[6:]}"]


def pl_pesel(rng: Random) -> list[str]:
    born = _birth(rng)
    month = born.month + (20 if born.year >= 2000 else 0)
    body = f"{born:%y}{month:02d}{born:%d}{_digits(rng, 4)}"
    return [body + str(-checks.weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)]


def cz_rc(rng: Random) -> list[str]:
    """Ten digits divisible by 11; women's months + 50."""

    def draw(r: Random) -> str | None:
        born = _birth(r, 1954, 2006)
        head = f"{born:%y}{born.month + r.choice((0, 50)):02d}{born:%d}{r.randint(1, 999):03d}"
        check = int(head) % 11
        return None if check == 10 else head + str(check)

    n = _until(rng, draw)
    return [f"{n[:6]}/{n[6:]}", n]


def br_cpf(rng: Random) -> list[str]:
    n = _digits(rng, 9)
    for first in (10, 11):
        n += str(-checks.weighted(n, range(first, 1, -1)) % 11 % 10)
    return [f"{n[:3]}.{n[3:6]}.{n[6:9]}-{n[9:]}", n]


def mx_curp(rng: Random) -> list[str]:
    born = _birth(rng)
    states = "AS BC BS CC CL CM CS CH DF DG GT GR HG JC MC MN MS NT NL OC PL QT QR SP SL SR TC TS"
    body = rng.choice(CONSONANTS) + rng.choice("AEIOU") + _letters(rng, 2, CONSONANTS)
    body += f"{born:%y%m%d}" + rng.choice("HM") + rng.choice(states.split())
    body += _letters(rng, 3, CONSONANTS)
    body += rng.choice("ABC") if born.year >= 2000 else rng.choice("0123")
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(alphabet.index(c) * (18 - i) for i, c in enumerate(body))
    return [body + str(-total % 10)]


def in_aadhaar(rng: Random) -> list[str]:
    body = _digits(rng, 11, "23456789")
    n = body + checks.verhoeff(body)
    return [f"{n[:4]} {n[4:8]} {n[8:]}", n, f"{n[:4]}-{n[4:8]}-{n[8:]}"]


def in_pan(rng: Random) -> list[str]:
    """Income Tax Department: the fourth letter P for a person."""
    return [f"{_letters(rng, 3)}P{_letters(rng, 1)}{rng.randint(1, 9999):04d}{_letters(rng, 1)}"]


def cn_ric(rng: Random) -> list[str]:
    """GB 11643: area code of GB/T 2260, birth date, order, ISO 7064 MOD 11-2."""
    areas = [
        "110101",
        "110105",
        "310104",
        "310115",
        "320102",
        "330106",
        "420106",
        "440106",
        "440305",
        "510107",
        "610102",
    ]
    body = f"{rng.choice(areas)}{_birth(rng):%Y%m%d}{rng.randint(1, 999):03d}"
    return [body + checks.mod_11_2(body)]


def jp_my_number(rng: Random) -> list[str]:
    """Ministerial ordinance 85 of 2014, article 5."""
    body = _digits(rng, 11)
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = checks.weighted(body, weights) % 11
    n = body + str(0 if rest <= 1 else 11 - rest)
    return [f"{n[:4]} {n[4:8]} {n[8:]}", n, f"{n[:4]}-{n[4:8]}-{n[8:]}"]


def kr_rrn(rng: Random) -> list[str]:
    born = _birth(rng)
    sex = rng.choice("12" if born.year < 2000 else "34")
    body = f"{born:%y%m%d}{sex}{rng.randint(0, 95):02d}{_digits(rng, 3)}"
    total = checks.weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    n = body + str((11 - total % 11) % 10)
    return [f"{n[:6]}-{n[6:]}", n]


def za_id(rng: Random) -> list[str]:
    body = f"{_birth(rng):%y%m%d}{_digits(rng, 4)}{rng.choice('01')}8"
    n = body + checks.luhn(body)
    return [n, f"{n[:6]} {n[6:10]} {n[10:12]} {n[12:]}"]


def tr_tckn(rng: Random) -> list[str]:
    d = [int(c) for c in _digits(rng, 9, "123456789")]
    d.append((7 * sum(d[0:9:2]) - sum(d[1:8:2])) % 10)
    d.append(sum(d) % 10)
    return ["".join(map(str, d))]


def ch_ahv(rng: Random) -> list[str]:
    body = "756" + _digits(rng, 9)
    n = body + checks.ean(body)
    return [f"{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}", n]


def at_svnr(rng: Random) -> list[str]:
    def draw(r: Random) -> str | None:
        serial, born = str(r.randint(100, 999)), f"{_birth(r):%d%m%y}"
        check = checks.weighted(serial + born, (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
        return None if check == 10 else serial + str(check) + born

    n = _until(rng, draw)
    return [f"{n[:4]} {n[4:]}", n]


def ie_ppsn(rng: Random) -> list[str]:
    d = _digits(rng, 7)
    second = rng.choice(["", "", "A", "B"])
    total = checks.weighted(d, range(8, 1, -1)) + 9 * (" AB".index(second) if second else 0)
    return [d + "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] + second]


def ca_sin(rng: Random) -> list[str]:
    body = _digits(rng, 8, "1234567")
    n = body + checks.luhn(body)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]}-{n[3:6]}-{n[6:]}", n]


def au_tfn(rng: Random) -> list[str]:
    def draw(r: Random) -> str | None:
        body = _digits(r, 8, "123456789")
        total = checks.weighted(body, (1, 4, 3, 7, 5, 8, 6, 9))
        # the ninth weighs 10, which is -1 modulo 11
        return None if total % 11 == 10 else body + str(total % 11)

    n = _until(rng, draw)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", n]


def ro_cnp(rng: Random) -> list[str]:
    born = _birth(rng)
    sex = rng.choice("12" if born.year < 2000 else "56")
    body = f"{sex}{born:%y%m%d}{rng.randint(1, 46):02d}{rng.randint(1, 999):03d}"
    check = checks.weighted(body, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return [body + str(1 if check == 10 else check)]


def bg_egn(rng: Random) -> list[str]:
    born = _birth(rng)
    month = born.month + (40 if born.year >= 2000 else 0)
    body = f"{born:%y}{month:02d}{born:%d}{rng.randint(0, 999):03d}"
    return [body + str(checks.weighted(body, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10)]


def hr_oib(rng: Random) -> list[str]:
    body = _digits(rng, 10)
    return [body + checks.mod_11_10(body)]


def gr_amka(rng: Random) -> list[str]:
    body = f"{_birth(rng):%d%m%y}{_digits(rng, 4)}"
    return [body + checks.luhn(body)]


def ee_isikukood(rng: Random) -> list[str]:
    born = _birth(rng)
    body = (
        rng.choice("34" if born.year < 2000 else "56") + f"{born:%y%m%d}{rng.randint(1, 999):03d}"
    )
    check = checks.weighted(body, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = checks.weighted(body, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return [body + str(check)]


def cl_rut(rng: Random) -> list[str]:
    body = str(rng.randint(5_000_000, 24_999_999))
    total = sum(int(c) * (2 + i % 6) for i, c in enumerate(reversed(body)))
    check = "0123456789K"[-total % 11]
    return [f"{int(body):,}".replace(",", ".") + f"-{check}", f"{body}-{check}"]


def ar_cuil(rng: Random) -> list[str]:
    def draw(r: Random) -> str | None:
        body = r.choice(["20", "27", "23", "24"]) + str(r.randint(5_000_000, 46_999_999)).zfill(8)
        check = -checks.weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if check == 10 else body + str(check)

    n = _until(rng, draw)
    return [f"{n[:2]}-{n[2:10]}-{n[10:]}", n]


def sg_nric(rng: Random) -> list[str]:
    first, d = rng.choice("ST"), _digits(rng, 7)
    total = checks.weighted(d, (2, 7, 6, 5, 4, 3, 2)) + (4 if first == "T" else 0)
    return [first + d + "JZIHGFEDCBA"[total % 11]]


def tw_id(rng: Random) -> list[str]:
    letters = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # in the order of their codes, 10 on
    first, d = rng.choice(letters), rng.choice("12") + _digits(rng, 7)
    code = letters.index(first) + 10
    total = code // 10 + code % 10 * 9 + checks.weighted(d, range(8, 0, -1))
    return [first + d + str(-total % 10)]


def hk_id(rng: Random) -> list[str]:
    first, d = rng.choice("ABCDEFGHKMPRVYZ"), _digits(rng, 6)
    total = 36 * 9 + (int(first, 36)) * 8 + checks.weighted(d, range(7, 1, -1))
    return [f"{first}{d}({'0123456789A'[-total % 11]})"]


def il_id(rng: Random) -> list[str]:
    body = _digits(rng, 8, "0123")
    return [body + checks.luhn(body)]


def th_id(rng: Random) -> list[str]:
    body = _digits(rng, 12, "12345")
    n = body + str((11 - checks.weighted(body, range(13, 1, -1)) % 11) % 10)
    return [f"{n[0]}-{n[1:5]}-{n[5:10]}-{n[10:12]}-{n[12]}", n]


def ru_snils(rng: Random) -> list[str]:
    """Numbers above 001-001-998 carry (sum of weights 9 to 1) mod 101, 100 written 00."""
    body = str(rng.randint(10_000_000, 199_999_999)).zfill(9)
    key = f"{checks.weighted(body, range(9, 0, -1)) % 101 % 100:02d}"
    return [f"{body[:3]}-{body[3:6]}-{body[6:]} {key}", body + key]


def ru_inn(rng: Random) -> list[str]:
    n = f"{rng.randint(1, 92):02d}" + _digits(rng, 8)
    n += str(checks.weighted(n, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10)
    return [n + str(checks.weighted(n, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10)]


def ua_rnokpp(rng: Random) -> list[str]:
    days = (_birth(rng) - datetime.date(1899, 12, 31)).days
    body = f"{days:05d}{rng.randint(0, 9999):04d}"
    return [body + str(checks.weighted(body, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10)]
