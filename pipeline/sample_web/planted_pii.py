"""Personal data planted in pages that should be kept: made up, but of valid form.

Cards satisfy Luhn's rule, IBANs their check digits, addresses are in public ranges, phone numbers
in those reserved for fiction. Every planted value is written to the ground truth.
"""

import random

from stdnum import iban, luhn

from pipeline.sample_web.prose import expand

# kind -> how it is brought into a text; {value} is the planted value
SENTENCES: dict[str, tuple[str, ...]] = {
    "email": (
        "[Questions|Corrections|Old photographs] can be sent to {value} [at any time|until "
        "{weekday}].",
        "[Whoever|Anyone who] wants to join [should write|may write] to {value} before {month}.",
        "[My|Our] new address is {value}, [the old one no longer works|please spread the word].",
    ),
    "ipv4": (
        "The [last|first] visitor to our page came from {value}, [says the log|and stayed for an "
        "hour].",
        "The computer in the {building} has the address {value}, [in case anyone asks|and it is "
        "slow].",
    ),
    "ipv6": ("The new [router|computer] in the {building} answers at {value} [now|again].",),
    "phone": (
        "[Call|Ring] {value} [after six|in the {part_of_day}] if you want to [help|come along].",
        "The [office|ticket desk] can be reached at {value} on {weekday}.",
    ),
    "card": (
        "By mistake the [slip|receipt] with the card number {value} was [printed|pinned up] as "
        "well.",
        "Someone left a bank card with the number {value} on the {furniture}.",
    ),
    "iban": ("[Donations|Gifts] for the new roof go to the account {value}, [thank you|please].",),
    "key": (
        "The programmer had left the key {value} in the text, [and nobody noticed|which was "
        "silly].",
    ),
    "national_id": (
        "On the form one can still read the social security number {value} [in blue ink|quite "
        "well].",
    ),
}
SHARES = {
    "email": 0.3,
    "ipv4": 0.16,
    "phone": 0.2,
    "card": 0.1,
    "iban": 0.08,
    "key": 0.06,
    "ipv6": 0.05,
    "national_id": 0.05,
}


def value(kind: str, rng: random.Random) -> str:
    """A made-up value of that kind."""
    return _MAKERS[kind](rng)


def sentence(kind: str, planted: str, rng: random.Random) -> str:
    """A sentence with the planted value."""
    options = SENTENCES[kind]
    return expand(options[int(rng.random() * len(options))], rng, {"value": planted})


def _digits(count: int, rng: random.Random) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _email(rng: random.Random) -> str:
    first = rng.choice(("anna", "peter", "m.weber", "info", "jo.lane", "choir", "t_hill", "ruth77"))
    host = rng.choice(("mailbox", "postfach", "veylandmail", "rivernet", "oldmill", "hilltop"))
    return f"{first}{_digits(2, rng)}@{host}.{rng.choice(('com', 'net', 'org'))}"


def _ipv4(rng: random.Random) -> str:
    first = rng.choice((5, 23, 31, 46, 62, 80, 91, 134, 151, 178, 193, 212))
    return f"{first}.{rng.randint(1, 250)}.{rng.randint(1, 250)}.{rng.randint(2, 250)}"


def _ipv6(rng: random.Random) -> str:
    groups = [f"{rng.randint(4096, 65535):x}" for _ in range(6)]
    return "2a02:" + f"{rng.randint(4096, 65535):x}:" + ":".join(groups)


def _phone(rng: random.Random) -> str:
    last = f"{rng.randint(100, 199):03d}"  # 555-0100 … 555-0199 and the like are for fiction
    area = rng.choice(("202", "312", "415", "617"))
    return rng.choice(
        (
            f"({area}) 555-0{last}",
            f"+1 {area}-555-0{last}",
            f"+44 20 7946 0{rng.randint(100, 999)}",
            f"+44 1632 960{rng.randint(100, 999)}",
        )
    )


def _card(rng: random.Random) -> str:
    body = rng.choice(("4", "51", "52", "53", "54", "55"))
    body += _digits(15 - len(body), rng)
    number = body + luhn.calc_check_digit(body)
    if rng.random() < 0.5:
        return " ".join(number[i : i + 4] for i in range(0, 16, 4))
    return number


def _iban(rng: random.Random) -> str:
    country, length = rng.choice((("DE", 18), ("AT", 16), ("CH", 17)))
    account = _digits(length, rng)
    number = country + iban.calc_check_digits(f"{country}00{account}") + account
    if rng.random() < 0.5:
        return " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    return number


def _key(rng: random.Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    mixed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    kind = rng.randrange(3)
    if kind == 0:
        return "AK" + "IA" + "".join(rng.choice(letters) for _ in range(16))
    prefix = ("", "gh" + "p_", "sk_" + "live_")[kind]
    return prefix + "".join(rng.choice(mixed) for _ in range(36 if kind == 1 else 24))


def _national_id(rng: random.Random) -> str:
    return f"{rng.randint(101, 599)}-{rng.randint(10, 99)}-{rng.randint(1001, 9999)}"


_MAKERS = {
    "email": _email,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "phone": _phone,
    "card": _card,
    "iban": _iban,
    "key": _key,
    "national_id": _national_id,
}
