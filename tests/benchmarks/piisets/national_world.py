"""Numbers that states outside Europe give to people, with their official check digits.

Each maker draws a number that its state could have given and returns the spellings in which it
is written, most usual first. Rules are from the issuing bodies' publications.
"""

from random import Random

from tests.benchmarks.piisets import checks
from tests.benchmarks.piisets.drawing import CONSONANTS, birth, digits, letters, until


def us_ssn(rng: Random) -> list[str]:
    """SSA: no area 000, 666 or 900-999, no group 00, no serial 0000."""
    area = until(rng, lambda r: ((a := f"{r.randint(1, 899):03d}") != "666" and a) or None)
    group, serial = f"{rng.randint(1, 99):02d}", f"{rng.randint(1, 9999):04d}"
    return [f"{area}-{group}-{serial}", f"{area} {group} {serial}", area + group + serial]


def br_cpf(rng: Random) -> list[str]:
    n = digits(rng, 9)
    for first in (10, 11):
        n += str(-checks.weighted(n, range(first, 1, -1)) % 11 % 10)
    return [f"{n[:3]}.{n[3:6]}.{n[6:9]}-{n[9:]}", n]


def mx_curp(rng: Random) -> list[str]:
    born = birth(rng)
    states = "AS BC BS CC CL CM CS CH DF DG GT GR HG JC MC MN MS NT NL OC PL QT QR SP SL SR TC TS"
    body = rng.choice(CONSONANTS) + rng.choice("AEIOU") + letters(rng, 2, CONSONANTS)
    body += f"{born:%y%m%d}" + rng.choice("HM") + rng.choice(states.split())
    body += letters(rng, 3, CONSONANTS)
    body += rng.choice("ABC") if born.year >= 2000 else rng.choice("0123")
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(alphabet.index(c) * (18 - i) for i, c in enumerate(body))
    return [body + str(-total % 10)]


def in_aadhaar(rng: Random) -> list[str]:
    body = digits(rng, 11, "23456789")
    n = body + checks.verhoeff(body)
    return [f"{n[:4]} {n[4:8]} {n[8:]}", n, f"{n[:4]}-{n[4:8]}-{n[8:]}"]


def in_pan(rng: Random) -> list[str]:
    """Income Tax Department: the fourth letter P for a person."""
    return [f"{letters(rng, 3)}P{letters(rng, 1)}{rng.randint(1, 9999):04d}{letters(rng, 1)}"]


def cn_ric(rng: Random) -> list[str]:
    """GB 11643: area code of GB/T 2260, birth date, order, ISO 7064 MOD 11-2."""
    areas = (110101, 110105, 310104, 310115, 320102, 330106, 420106, 440106, 440305, 510107)
    body = f"{rng.choice(areas)}{birth(rng):%Y%m%d}{rng.randint(1, 999):03d}"
    return [body + checks.mod_11_2(body)]


def jp_my_number(rng: Random) -> list[str]:
    """Ministerial ordinance 85 of 2014, article 5."""
    body = digits(rng, 11)
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = checks.weighted(body, weights) % 11
    n = body + str(0 if rest <= 1 else 11 - rest)
    return [f"{n[:4]} {n[4:8]} {n[8:]}", n, f"{n[:4]}-{n[4:8]}-{n[8:]}"]


def kr_rrn(rng: Random) -> list[str]:
    born = birth(rng)
    sex = rng.choice("12" if born.year < 2000 else "34")
    body = f"{born:%y%m%d}{sex}{rng.randint(0, 95):02d}{digits(rng, 3)}"
    total = checks.weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    n = body + str((11 - total % 11) % 10)
    return [f"{n[:6]}-{n[6:]}", n]


def za_id(rng: Random) -> list[str]:
    body = f"{birth(rng):%y%m%d}{digits(rng, 4)}{rng.choice('01')}8"
    n = body + checks.luhn(body)
    return [n, f"{n[:6]} {n[6:10]} {n[10:12]} {n[12:]}"]


def tr_tckn(rng: Random) -> list[str]:
    d = [int(c) for c in digits(rng, 9, "123456789")]
    d.append((7 * sum(d[0:9:2]) - sum(d[1:8:2])) % 10)
    d.append(sum(d) % 10)
    return ["".join(map(str, d))]


def ca_sin(rng: Random) -> list[str]:
    body = digits(rng, 8, "1234567")
    n = body + checks.luhn(body)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]}-{n[3:6]}-{n[6:]}", n]


def au_tfn(rng: Random) -> list[str]:
    def draw(r: Random) -> str | None:
        body = digits(r, 8, "123456789")
        total = checks.weighted(body, (1, 4, 3, 7, 5, 8, 6, 9))
        # the ninth weighs 10, which is -1 modulo 11
        return None if total % 11 == 10 else body + str(total % 11)

    n = until(rng, draw)
    return [f"{n[:3]} {n[3:6]} {n[6:]}", n]


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

    n = until(rng, draw)
    return [f"{n[:2]}-{n[2:10]}-{n[10:]}", n]


def sg_nric(rng: Random) -> list[str]:
    first, d = rng.choice("ST"), digits(rng, 7)
    total = checks.weighted(d, (2, 7, 6, 5, 4, 3, 2)) + (4 if first == "T" else 0)
    return [first + d + "JZIHGFEDCBA"[total % 11]]


def tw_id(rng: Random) -> list[str]:
    letters = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # in the order of their codes, 10 on
    first, d = rng.choice(letters), rng.choice("12") + digits(rng, 7)
    code = letters.index(first) + 10
    total = code // 10 + code % 10 * 9 + checks.weighted(d, range(8, 0, -1))
    return [first + d + str(-total % 10)]


def hk_id(rng: Random) -> list[str]:
    first, d = rng.choice("ABCDEFGHKMPRVYZ"), digits(rng, 6)
    total = 36 * 9 + (int(first, 36)) * 8 + checks.weighted(d, range(7, 1, -1))
    return [f"{first}{d}({'0123456789A'[-total % 11]})"]


def il_id(rng: Random) -> list[str]:
    body = digits(rng, 8, "0123")
    return [body + checks.luhn(body)]


def th_id(rng: Random) -> list[str]:
    body = digits(rng, 12, "12345")
    n = body + str((11 - checks.weighted(body, range(13, 1, -1)) % 11) % 10)
    return [f"{n[0]}-{n[1:5]}-{n[5:10]}-{n[10:12]}-{n[12]}", n]
