"""Numbers that European states give to people, with their official check digits.

Each maker draws a number that its state could have given and returns the spellings in which it
is written, most usual first. Rules are from the issuing bodies' publications.
"""

import datetime
from random import Random

from tests.benchmarks.piisets import checks
from tests.benchmarks.piisets.drawing import CONSONANTS, birth, digits, letters, until


def gb_nino(rng: Random) -> list[str]:
    """HMRC NIM39110."""

    def prefix(r: Random) -> str | None:
        two = r.choice("ABCEGHJKLMNOPRSTWXYZ") + r.choice("ABCEGHJKLMNPRSTWXYZ")
        return None if two in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"} else two

    head, d, tail = until(rng, prefix), digits(rng, 6), rng.choice("ABCD")
    return [f"{head} {d[:2]} {d[2:4]} {d[4:]} {tail}", head + d + tail, f"{head}{d} {tail}"]


def gb_nhs(rng: Random) -> list[str]:
    """NHS data dictionary: modulus 11, weights 10 to 2; ten is not given."""

    def draw(r: Random) -> str | None:
        body = digits(r, 9, "4679")
        check = -checks.weighted(body, range(10, 1, -1)) % 11
        return None if check == 10 else body + str(check)

    n = until(rng, draw)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", n, f"{n[:3]}-{n[3:6]}-{n[6:]}"]


def fr_nir(rng: Random) -> list[str]:
    """INSEE: sex, year, month, department, commune, order, key 97 - n mod 97."""
    born = birth(rng)
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
    born = birth(rng)
    day = born.day + rng.choice((0, 40))
    body = letters(rng, 6, CONSONANTS) + f"{born:%y}{'ABCDEHLMPRST'[born.month - 1]}{day:02d}"
    body += rng.choice("ABCDEFGHIL") + f"{rng.randint(1, 999):03d}"
    total = sum(odd[c] if i % 2 == 0 else int(c, 36) - 10 * c.isalpha() for i, c in enumerate(body))
    n = body + chr(65 + total % 26)
    return [n, f"{n[:3]} {n[3:6]} {n[6:11]} {n[11:]}", n.lower()]


def es_dni(rng: Random) -> list[str]:
    d = digits(rng, 8)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(d) % 23]
    return [d + letter, f"{d}-{letter}", f"{d[:2]}.{d[2:5]}.{d[5:]}-{letter}"]


def es_nie(rng: Random) -> list[str]:
    first, d = rng.choice("XYZ"), digits(rng, 7)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(first)) + d) % 23]
    return [first + d + letter, f"{first}-{d}-{letter}"]


def pt_nif(rng: Random) -> list[str]:
    """Persons' numbers begin with 1, 2 or 3; weights 9 to 2, modulus 11."""
    body = digits(rng, 8, "123")
    check = -checks.weighted(body, range(9, 1, -1)) % 11
    n = body + str(check % 10 if check < 10 else 0)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", n]


def nl_bsn(rng: Random) -> list[str]:
    """The eleven test: weights 9 to 2 and -1."""

    def draw(r: Random) -> str | None:
        body = digits(r, 8, "12345678")
        check = checks.weighted(body, range(9, 1, -1)) % 11
        return None if check == 10 else body + str(check)

    n = until(rng, draw)
    return [n, f"{n[:4]}.{n[4:6]}.{n[6:]}", f"{n[:3]} {n[3:6]} {n[6:]}"]


def be_nn(rng: Random) -> list[str]:
    """Rijksregister: 97 - n mod 97, a 2 before n for those born from 2000 on."""
    born = birth(rng)
    body = f"{born:%y%m%d}{rng.randint(1, 997):03d}"
    key = f"{97 - int(('2' if born.year >= 2000 else '') + body) % 97:02d}"
    y, m, d = body[:2], body[2:4], body[4:6]
    return [f"{y}.{m}.{d}-{body[6:]}.{key}", body + key, f"{y}{m}{d}-{body[6:]}-{key}"]


def se_personnummer(rng: Random) -> list[str]:
    born = birth(rng)
    body = f"{born:%y%m%d}{rng.randint(1, 979):03d}"
    tail = body[6:] + checks.luhn(body)
    return [f"{born:%y%m%d}-{tail}", f"{born:%Y%m%d}-{tail}", f"{born:%Y%m%d}{tail}"]


def fi_hetu(rng: Random) -> list[str]:
    born = birth(rng)
    d, serial = f"{born:%d%m%y}", f"{rng.randint(2, 899):03d}"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(d + serial) % 31]
    return [f"{d}{'A' if born.year >= 2000 else '-'}{serial}{check}"]


def dk_cpr(rng: Random) -> list[str]:
    """Weights 4 3 2 7 6 5 4 3 2 1, sum a multiple of 11; serials 0 to 3 mean the 1900s."""

    def draw(r: Random) -> str | None:
        body = f"{birth(r, 1935, 1999):%d%m%y}{r.randint(0, 399):03d}"
        check = -checks.weighted(body, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if check == 10 else body + str(check)

    n = until(rng, draw)
    return [f"{n[:6]}-{n[6:]}", n]


def no_fnr(rng: Random) -> list[str]:
    def draw(r: Random) -> str | None:
        body = f"{birth(r, 1940, 1999):%d%m%y}{r.randint(0, 499):03d}"
        first = -checks.weighted(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
        if first == 10:
            return None
        body += str(first)
        second = -checks.weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if second == 10 else body + str(second)

    n = until(rng, draw)
    return [n, f"{n[:6]} {n[6:]}"]


def pl_pesel(rng: Random) -> list[str]:
    born = birth(rng)
    month = born.month + (20 if born.year >= 2000 else 0)
    body = f"{born:%y}{month:02d}{born:%d}{digits(rng, 4)}"
    return [body + str(-checks.weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)]


def cz_rc(rng: Random) -> list[str]:
    """Ten digits divisible by 11; women's months + 50."""

    def draw(r: Random) -> str | None:
        born = birth(r, 1954, 2006)
        head = f"{born:%y}{born.month + r.choice((0, 50)):02d}{born:%d}{r.randint(1, 999):03d}"
        check = int(head) % 11
        return None if check == 10 else head + str(check)

    n = until(rng, draw)
    return [f"{n[:6]}/{n[6:]}", n]


def ch_ahv(rng: Random) -> list[str]:
    body = "756" + digits(rng, 9)
    n = body + checks.ean(body)
    return [f"{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}", n]


def at_svnr(rng: Random) -> list[str]:
    def draw(r: Random) -> str | None:
        serial, born = str(r.randint(100, 999)), f"{birth(r):%d%m%y}"
        check = checks.weighted(serial + born, (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
        return None if check == 10 else serial + str(check) + born

    n = until(rng, draw)
    return [f"{n[:4]} {n[4:]}", n]


def ie_ppsn(rng: Random) -> list[str]:
    d = digits(rng, 7)
    second = rng.choice(["", "", "A", "B"])
    total = checks.weighted(d, range(8, 1, -1)) + 9 * (" AB".index(second) if second else 0)
    return [d + "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] + second]


def ro_cnp(rng: Random) -> list[str]:
    born = birth(rng)
    sex = rng.choice("12" if born.year < 2000 else "56")
    body = f"{sex}{born:%y%m%d}{rng.randint(1, 46):02d}{rng.randint(1, 999):03d}"
    check = checks.weighted(body, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return [body + str(1 if check == 10 else check)]


def bg_egn(rng: Random) -> list[str]:
    born = birth(rng)
    month = born.month + (40 if born.year >= 2000 else 0)
    body = f"{born:%y}{month:02d}{born:%d}{rng.randint(0, 999):03d}"
    return [body + str(checks.weighted(body, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10)]


def hr_oib(rng: Random) -> list[str]:
    body = digits(rng, 10)
    return [body + checks.mod_11_10(body)]


def gr_amka(rng: Random) -> list[str]:
    body = f"{birth(rng):%d%m%y}{digits(rng, 4)}"
    return [body + checks.luhn(body)]


def ee_isikukood(rng: Random) -> list[str]:
    born = birth(rng)
    body = (
        rng.choice("34" if born.year < 2000 else "56") + f"{born:%y%m%d}{rng.randint(1, 999):03d}"
    )
    check = checks.weighted(body, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = checks.weighted(body, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return [body + str(check)]


def ru_snils(rng: Random) -> list[str]:
    """Numbers above 001-001-998 carry (sum of weights 9 to 1) mod 101, 100 written 00."""
    body = str(rng.randint(10_000_000, 199_999_999)).zfill(9)
    key = f"{checks.weighted(body, range(9, 0, -1)) % 101 % 100:02d}"
    return [f"{body[:3]}-{body[3:6]}-{body[6:]} {key}", body + key]


def ru_inn(rng: Random) -> list[str]:
    n = f"{rng.randint(1, 92):02d}" + digits(rng, 8)
    n += str(checks.weighted(n, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10)
    return [n + str(checks.weighted(n, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10)]


def ua_rnokpp(rng: Random) -> list[str]:
    days = (birth(rng) - datetime.date(1899, 12, 31)).days
    body = f"{days:05d}{rng.randint(0, 9999):04d}"
    return [body + str(checks.weighted(body, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10)]
