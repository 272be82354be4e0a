# ruff: noqa: SIM905 (lists of words)
"""E-mail addresses (RFC 5321, 5322, 6531) and IP addresses (RFC 4291, 5952), drawn."""

import ipaddress
from random import Random

GIVEN = (
    "anna jonas maria luca pierre sofia tomasz emre yuki wei priya lars ines mateo olga dmitri "
    "chloe henrik fatima rahul nina paul sarah diego elif hana kenji marta oskar lena bruno "
    "clara"
).split()
FAMILY = (
    "schneider rossi dupont garcia nowak yilmaz tanaka wang sharma lindqvist ferreira moreau "
    "petrov jansen novak kowalski silva mueller bianchi lopez suzuki andersen okafor hughes "
    "walsh keller"
).split()
HOSTS = (
    "nordwind alpenpost rivermill tekforge lumetra bluefern papelaria ostwerk casaverde "
    "hoshizora kervan brightwell lindenhof quantika marejada polanica zilverberg fjordlys "
    "montclair tresor"
).split()
TLDS = (
    "com org net de fr es it nl pl com.br co.uk co.jp ru se ch at edu io info dev com.tr ac.in"
).split()
MAILERS = (
    "gmail.com outlook.com yahoo.co.jp gmx.de web.de hotmail.fr libero.it mail.ru qq.com wp.pl"
).split()
IDN = ("müller-bau.de köksliv.se пример-сайт.рф 東京花店.jp café-lumière.fr señal.es").split()


def _draw(rng: Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def email(rng: Random, form: str) -> str:
    """An RFC 5321 mailbox. Forms: plain, tagged, subdomain, atext, quoted, idn, punycode, eai."""
    given, family = rng.choice(GIVEN), rng.choice(FAMILY)
    year = rng.randint(60, 99)
    local = rng.choice(
        [
            f"{given}.{family}",
            f"{given[0]}{family}",
            f"{given}_{family}{year}",
            f"{given}{year}",
            f"{family}-{given}",
            f"{given[0]}.{family}",
            f"{given.title()}.{family.title()}",
            f"{given}",
        ]
    )
    host = rng.choice(HOSTS) + "." + rng.choice(TLDS)
    domain = rng.choice(MAILERS) if rng.random() < 0.3 else host
    if form == "tagged":
        local += "+" + rng.choice(["news", "shop", "2024", "git", "list-dev", "x.y"])
    elif form == "subdomain":
        domain = rng.choice(["mail", "cs", "lists", "eu-west", "dept.bio", "s1"]) + "." + host
    elif form == "atext":
        local = rng.choice(
            [
                f"o'{family}",
                f"{given}/{family}",
                f"{given}!{family}",
                f"{given}={year}",
                f"#{given}",
                f"{given}&{family}",
                f"{{{given}}}",
                f"{given}%{family}",
                f"{given}~",
                f"{given}*",
            ]
        )
    elif form == "quoted":
        local = rng.choice([f'"{given} {family}"', f'"{given}..{family}"', f'"{given}@home"'])
    elif form == "idn":
        domain = rng.choice(IDN)
    elif form == "punycode":
        domain = rng.choice(IDN).encode("idna").decode()
    elif form == "eai":  # RFC 6531
        local = rng.choice(
            ["jürgen.groß", "andré", "иван.петров", "山田", "begoña.núñez", "łukasz"]
        )
    return f"{local}@{domain}"


EMAIL_FORMS = ["plain", "tagged", "subdomain", "atext", "quoted", "idn", "punycode", "eai"]


def ipv4(rng: Random, scope: str) -> str:
    """A public address, one of RFC 1918, or one of the documentation ranges of RFC 5737."""
    if scope == "private":
        net = rng.choice(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])
    elif scope == "documentation":
        net = rng.choice(["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"])
    else:
        while True:
            address = ipaddress.IPv4Address(rng.getrandbits(32))
            if address.is_global and not address.is_multicast and int(address) % 256:
                return str(address)
    network = ipaddress.IPv4Network(net)
    return str(network[rng.randrange(1, network.num_addresses - 1)])


def ipv6(rng: Random, scope: str, form: str) -> str:
    """Forms: short (RFC 5952), full, unpadded, upper, dotted (RFC 4291 section 2.2)."""
    if scope == "private":  # RFC 4193 and link-local
        head = rng.choice([0xFD00 + rng.randrange(256), 0xFE80])
    elif scope == "documentation":
        head = 0x2001
    else:
        head = rng.choice([0x2003, 0x2400, 0x2600, 0x2604, 0x2607, 0x2804, 0x2A00, 0x2A01, 0x2C0F])
    groups = [head] + [rng.getrandbits(16) for _ in range(7)]
    if scope == "documentation":
        groups[1] = 0xDB8
    if head == 0xFE80:
        groups[1:4] = [0, 0, 0]
    if rng.random() < 0.6:  # most hosts have a run of zeroes
        start = rng.randint(2, 5)
        stop = rng.randint(start + 2, 7)
        groups[start:stop] = [0] * (stop - start)
    if form == "dotted":
        tail = ipv4(rng, "public")
        return rng.choice(["::ffff:", "64:ff9b::"]) + tail if scope == "public" else f"fd00::{tail}"
    packed = b"".join(group.to_bytes(2, "big") for group in groups)
    address = ipaddress.IPv6Address(packed)
    if form == "full":
        return address.exploded
    if form == "unpadded":
        return ":".join(f"{group:x}" for group in groups)
    return str(address).upper() if form == "upper" else str(address)


IPV6_FORMS = ["short", "short", "full", "unpadded", "upper", "dotted"]
