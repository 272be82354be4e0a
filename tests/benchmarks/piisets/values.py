"""E-mail addresses, IP addresses, cards, IBANs and keys, drawn from their standards.

Nothing here is a literal that looks like a live secret: keys are put together at run time.
"""

import base64
import ipaddress
import json
import re
import string
from random import Random

from tests.benchmarks.piisets import checks

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
BASE32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"

GIVEN = [
    "anna",
    "jonas",
    "maria",
    "luca",
    "pierre",
    "sofia",
    "tomasz",
    "emre",
    "yuki",
    "wei",
    "priya",
    "lars",
    "ines",
    "mateo",
    "olga",
    "dmitri",
    "chloe",
    "henrik",
    "fatima",
    "rahul",
    "nina",
    "paul",
    "sarah",
    "diego",
    "elif",
    "hana",
    "kenji",
    "marta",
    "oskar",
    "lena",
    "bruno",
    "clara",
]
FAMILY = [
    "schneider",
    "rossi",
    "dupont",
    "garcia",
    "nowak",
    "yilmaz",
    "tanaka",
    "wang",
    "sharma",
    "lindqvist",
    "ferreira",
    "moreau",
    "petrov",
    "jansen",
    "novak",
    "kowalski",
    "silva",
    "mueller",
    "bianchi",
    "lopez",
    "suzuki",
    "andersen",
    "okafor",
    "hughes",
    "walsh",
    "keller",
]
HOSTS = [
    "nordwind",
    "alpenpost",
    "rivermill",
    "tekforge",
    "lumetra",
    "bluefern",
    "papelaria",
    "ostwerk",
    "casaverde",
    "hoshizora",
    "kervan",
    "brightwell",
    "lindenhof",
    "quantika",
    "marejada",
    "polanica",
    "zilverberg",
    "fjordlys",
    "montclair",
    "tresor",
]
TLDS = [
    "com",
    "org",
    "net",
    "de",
    "fr",
    "es",
    "it",
    "nl",
    "pl",
    "com.br",
    "co.uk",
    "co.jp",
    "ru",
    "se",
    "ch",
    "at",
    "edu",
    "io",
    "info",
    "dev",
    "com.tr",
    "ac.in",
]
MAILERS = [
    "gmail.com",
    "outlook.com",
    "yahoo.co.jp",
    "gmx.de",
    "web.de",
    "hotmail.fr",
    "libero.it",
    "mail.ru",
    "qq.com",
    "wp.pl",
]
IDN = [
    "müller-bau.de",
    "köksliv.se",
    "пример-сайт.рф",
    "東京花店.jp",
    "café-lumière.fr",
    "señal.es",
]


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
            ]
            + [f"{given}&{family}", f"{{{given}}}", f"{given}%{family}", f"{given}~", f"{given}*"]
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
    body += _draw(rng, string.digits, length - 1 - len(body))
    number, parts, at = body + checks.luhn(body), [], 0
    for size in groups:
        parts.append(number[at : at + size])
        at += size
    return CARD_SEPARATORS[separator].join(parts)


# The ISO 13616 registry: BBAN structure by country (n digits, a capitals, c both).
IBAN_STRUCTURES = dict(
    entry.split("=")
    for entry in [
        "AD=8n12c",
        "AE=19n",
        "AL=8n16c",
        "AT=16n",
        "AZ=4a20c",
        "BA=16n",
        "BE=12n",
        "BG=4a6n8c",
        "BH=4a14c",
        "BI=23n",
        "BR=23n1a1c",
        "BY=4c4n16c",
        "CH=5n12c",
        "CR=18n",
        "CY=8n16c",
        "CZ=20n",
        "DE=18n",
        "DJ=23n",
        "DK=14n",
        "DO=4c20n",
        "EE=16n",
        "EG=25n",
        "ES=20n",
        "FI=14n",
        "FK=2a12n",
        "FO=14n",
        "FR=10n11c2n",
        "GB=4a14n",
        "GE=2a16n",
        "GI=4a15c",
        "GL=14n",
        "GR=7n16c",
        "GT=24c",
        "HN=4a20n",
        "HR=17n",
        "HU=24n",
        "IE=4a14n",
        "IL=19n",
        "IQ=4a15n",
        "IS=22n",
        "IT=1a10n12c",
        "JO=4a4n18c",
        "KW=4a22c",
        "KZ=3n13c",
        "LB=4n20c",
        "LC=4a24c",
        "LI=5n12c",
        "LT=16n",
        "LU=3n13c",
        "LV=4a13c",
        "LY=21n",
        "MC=10n11c2n",
        "MD=20c",
        "ME=18n",
        "MK=3n10c2n",
        "MN=16n",
        "MR=23n",
        "MT=4a5n18c",
        "MU=4a19n3a",
        "NI=4a20n",
        "NL=4a10n",
        "NO=11n",
        "OM=3n16c",
        "PK=4a16c",
        "PL=24n",
        "PS=4a21c",
        "PT=21n",
        "QA=4a21c",
        "RO=4a16c",
        "RS=18n",
        "RU=14n15c",
        "SA=2n18c",
        "SC=4a20n3a",
        "SD=14n",
        "SE=20n",
        "SI=15n",
        "SK=20n",
        "SM=1a10n12c",
        "SO=19n",
        "ST=21n",
        "SV=4a20n",
        "TL=19n",
        "TN=20n",
        "TR=6n16c",
        "UA=6n19c",
        "VA=18n",
        "VG=4a16n",
        "XK=16n",
        "YE=4a4n18c",
    ]
)
KINDS = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits}


def _bban(rng: Random, country: str) -> str:
    """Account numbers are digits nearly everywhere, so c draws digits three times in four."""
    letters = rng.random() < 0.25
    bban = ""
    for count, kind in re.findall(r"(\d+)([nac])", IBAN_STRUCTURES[country]):
        mixed = kind == "c" and letters
        bban += _draw(
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


def _base64url(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _jwt(rng: Random) -> str:
    head = _base64url({"alg": "HS256", "typ": "JWT"})
    body = _base64url(
        {"sub": str(rng.randint(10**6, 10**9)), "iat": rng.randint(16 * 10**8, 17 * 10**8)}
    )
    return f"{head}.{body}.{_draw(rng, URLSAFE, 43)}"


def _pem(rng: Random) -> str:
    label = rng.choice(["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "]) + "PRIVATE KEY"
    lines = [_draw(rng, ALNUM + "+/", 64) for _ in range(rng.randint(3, 12))]
    lines.append(_draw(rng, ALNUM + "+/", 30) + "==")
    dashes = "-" * 5
    return "\n".join([f"{dashes}BEGIN {label}{dashes}", *lines, f"{dashes}END {label}{dashes}"])


def _base64_key(rng: Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def key(rng: Random, provider: str) -> str:
    """A key in the provider's documented format."""

    def random(alphabet: str, count: int) -> str:
        return _draw(rng, alphabet, count)

    upper = string.ascii_uppercase + string.digits
    if provider == "slack_bot":
        digits = string.digits
        return f"xoxb-{random(digits, 12)}-{random(digits, 13)}-{random(ALNUM, 24)}"
    if provider == "discord_bot":
        user = base64.b64encode(str(rng.randint(10**17, 10**18)).encode()).decode().rstrip("=")
        return f"{user}.{random(URLSAFE, 6)}.{random(URLSAFE, 38)}"
    makers = {
        "aws_access": lambda: rng.choice(["AKIA", "ASIA"]) + random(BASE32, 16),
        "aws_secret": lambda: random(ALNUM + "/+", 40),
        "github": lambda: "gh" + rng.choice("pousr") + "_" + random(ALNUM, 36),
        "github_fine": lambda: "github_pat_" + random(ALNUM, 22) + "_" + random(ALNUM, 59),
        "gitlab": lambda: "glpat-" + random(URLSAFE, 20),
        "slack_user": lambda: "xoxp-" + "-".join(random("123456789", 12) for _ in "abc")
        + "-" + random(HEX, 32),
        "slack_webhook": lambda: "https://hooks.slack.com/services/T"
        + f"{random(upper, 10)}/B{random(upper, 10)}/{random(ALNUM, 24)}",
        "stripe": lambda: rng.choice(["sk", "rk"]) + "_live_" + random(ALNUM, rng.choice([24, 99])),
        "google_api": lambda: "AIza" + random(URLSAFE, 35),
        "google_oauth": lambda: "GOCSPX-" + random(URLSAFE, 28),
        "openai": lambda: "sk-" + random(ALNUM, 20) + "T3" + "BlbkFJ" + random(ALNUM, 20),
        "openai_project": lambda: "sk-proj-" + random(URLSAFE, 74) + "T3" + "BlbkFJ" + random(URLSAFE, 74),
        "anthropic": lambda: "sk-ant-" + "api03-" + random(URLSAFE, 93) + "AA",
        "huggingface": lambda: "hf_" + random(string.ascii_letters, 34),
        "npm": lambda: "npm_" + random(ALNUM, 36),
        "pypi": lambda: "pypi-AgEIcHlwaS5vcmc" + random(URLSAFE, 150),
        "twilio": lambda: "SK" + random(HEX, 32),
        "sendgrid": lambda: "SG." + random(URLSAFE, 22) + "." + random(URLSAFE, 43),
        "mailgun": lambda: "key-" + random(HEX, 32),
        "mailchimp": lambda: random(HEX, 32) + "-us" + str(rng.randint(1, 21)),
        "telegram": lambda: str(rng.randint(10**9, 8 * 10**9)) + ":AA" + random(URLSAFE, 33),
        "digitalocean": lambda: "dop_v1_" + random(HEX, 64),
        "shopify": lambda: "shpat_" + random(HEX, 32),
        "square": lambda: "sq0csp-" + random(URLSAFE, 43),
        "dockerhub": lambda: "dckr_pat_" + random(URLSAFE, 27),
        "azure_storage": lambda: _base64_key(rng, 64),
        "azure_sas": lambda: "sig=" + _base64_key(rng, 32).replace("+", "%2B").replace("/", "%2F")
        .replace("=", "%3D"),
        "grafana": lambda: "glsa_" + random(ALNUM, 32) + "_" + random(HEX, 8),
        "linear": lambda: "lin_api_" + random(ALNUM, 40),
        "databricks": lambda: "dapi" + random(HEX, 32),
        "jwt": lambda: _jwt(rng),
        "pem": lambda: _pem(rng),
    }  # fmt: skip
    return makers[provider]()


KEY_PROVIDERS = [
    "aws_access",
    "aws_secret",
    "github",
    "github_fine",
    "gitlab",
    "slack_bot",
    "slack_user",
    "slack_webhook",
    "stripe",
    "google_api",
    "google_oauth",
    "openai",
    "openai_project",
    "anthropic",
    "huggingface",
    "npm",
    "pypi",
    "twilio",
    "sendgrid",
    "mailgun",
    "mailchimp",
    "telegram",
    "discord_bot",
    "digitalocean",
    "shopify",
    "square",
    "dockerhub",
    "azure_storage",
    "azure_sas",
    "grafana",
    "linear",
    "databricks",
    "jwt",
    "pem",
]
# Whose key alone does not say what it is: these stand only in the contexts that name them.
NAMELESS_KEYS = {
    "aws_secret": 'aws_secret_access_key = {v}',
    "azure_storage": "DefaultEndpointsProtocol=https;AccountName=lumetra;AccountKey={v};"
    "EndpointSuffix=core.windows.net",
    "azure_sas": "https://lumetra.blob.core.windows.net/in?sv=2022-11-02&sp=rl&se=2025-01-01&{v}",
    "mailchimp": "MAILCHIMP_API_KEY={v}",
    "twilio": "TWILIO_API_KEY={v}",
}  # fmt: skip
