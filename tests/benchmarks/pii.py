"""How well personal data is found: values planted in real pages, and texts that hold none.

`python -m tests.benchmarks.pii --crawl FOLDER` prints, as Markdown, recall and precision by kind
with 95% intervals, and the false alarms per million characters of old books. Values are made here,
by rules of their own and not by the detectors' patterns; so are the decoys (ISBNs, dates, versions,
prices, hashes, wrong check digits) that must be left alone. Pages come from WARC files; none of
their text is kept.
"""

import argparse
import dataclasses
import json
import random
import re
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.crawl.http import NoPage, read_page
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.warc import read_records
from pipeline.extract import extract_text
from pipeline.filters.pii import PiiConfig, find
from pipeline.filters.url import host_of
from pipeline.intervals import wilson
from storage.schemas import PII_KINDS

# Hosts of books older than e-mail, telephones and cards: whatever is found there is a false alarm.
OLD_BOOKS = ("standardebooks.org", "shakespeare.mit.edu", "ebible.org", "www.gutenberg.org")
NAME = re.compile(r"(?:tel\. |Phone: |CPF |PESEL |Aadhaar: )")  # not part of the value
FRAMES = (
    " {} ",
    " ({}) ",
    ": {}. ",
    ' "{}" ',
    " {}, ",
    "\n{}\n",
    "; {}; ",
)


@dataclasses.dataclass
class Count:
    planted: int = 0
    found: int = 0
    right: int = 0


def pick(rng: random.Random, choices: str, length: int) -> str:
    return "".join(rng.choice(choices) for _ in range(length))


def digits(rng: random.Random, length: int) -> str:
    return pick(rng, string.digits, length)


def luhn_complete(stem: str) -> str:
    for last in string.digits:
        total = 0
        for place, sign in enumerate(reversed(stem + last)):
            value = int(sign) * (1 + place % 2)
            total += value // 10 + value % 10
        if total % 10 == 0:
            return stem + last
    raise AssertionError


def email(rng: random.Random) -> str:
    name = rng.choice(["anna", "j.smith", "li_wei", "o'hara", "team+news", "müller", "x7"])
    host = rng.choice(["mail.example-firm", "uni-bonn", "corp", "post.gov", "shop24"])
    top = rng.choice(["com", "de", "co.uk", "org", "io", "中国", "xn--p1ai"])
    return f"{name}{rng.randrange(99)}@{host}.{top}"


def ipv4(rng: random.Random) -> str:
    first = rng.choice([5, 8, 23, 34, 52, 66, 81, 93, 104, 151, 185, 199, 213])
    return ".".join(map(str, [first, *(rng.randrange(10, 256) for _ in range(3))]))


def ipv6(rng: random.Random) -> str:
    groups = [rng.choice(["2a00", "2606", "2400", "2a02"])]
    groups += [f"{rng.randrange(1, 65536):x}" for _ in range(7)]
    return "::".join([":".join(groups[:3]), groups[7]]) if rng.random() < 0.5 else ":".join(groups)


def phone(rng: random.Random) -> str:
    area = f"{rng.choice(['212', '415', '312', '617', '206'])}"
    forms: list[Callable[[], str]] = [
        lambda: f"+1 {area} {rng.randrange(200, 999)} {digits(rng, 4)}",
        lambda: f"({area}) {rng.randrange(200, 999)}-{digits(rng, 4)}",
        lambda: f"{area}-{rng.randrange(200, 999)}-{digits(rng, 4)}",
        lambda: f"+44 20 7{digits(rng, 3)} {digits(rng, 4)}",
        lambda: f"+49 30 {rng.randrange(2, 9)}{digits(rng, 6)}",
        lambda: f"+33 6 {' '.join(digits(rng, 2) for _ in range(4))}",
        lambda: f"01 4{digits(rng, 1)} {' '.join(digits(rng, 2) for _ in range(3))}",
        lambda: f"tel. 030 {rng.randrange(2, 9)}{digits(rng, 6)}",
        lambda: f"+91 9{digits(rng, 4)} {digits(rng, 5)}",
        lambda: f"0{rng.randrange(1, 6)}.{'.'.join(digits(rng, 2) for _ in range(4))}",  # France
        lambda: f"0171/{rng.randrange(2, 9)}{digits(rng, 6)}",  # Germany
        lambda: f"07{rng.choice('4578')}{digits(rng, 2)} {digits(rng, 6)}",  # United Kingdom
        lambda: f"06-{rng.randrange(10, 60)}{digits(rng, 6)}",  # the Netherlands
        lambda: f"Phone: {area} {rng.randrange(200, 999)} {digits(rng, 4)}",
        lambda: f"03-{rng.randrange(3, 7)}{digits(rng, 3)}-{digits(rng, 4)}",  # Japan
        lambda: f"({area}){rng.randrange(200, 999)}-{digits(rng, 4)}",
        lambda: f"1-800-{rng.randrange(200, 999)}-{digits(rng, 4)}",
        lambda: f"+55 11 9{digits(rng, 4)}-{digits(rng, 4)}",
        lambda: f"0{rng.choice('2378')} 9{digits(rng, 3)} {digits(rng, 4)}",  # Australia
    ]
    return rng.choice(forms)()


def card(rng: random.Random) -> str:
    stem = rng.choice(["4539", "4916", "5281", "5500", "2221", "6011"]) + digits(rng, 11)
    number = luhn_complete(stem)
    sign = rng.choice(["", " ", "-", "\u00a0"])
    return sign.join(number[start : start + 4] for start in range(0, 16, 4))


def iban(rng: random.Random) -> str:
    country, bank = rng.choice([("DE", 18), ("FR", 23), ("ES", 20), ("NL", 0), ("IT", 0)])
    account = digits(rng, bank)
    if country == "NL":
        account = rng.choice(["ABNA", "INGB", "RABO"]) + digits(rng, 10)
    if country == "IT":
        account = rng.choice(string.ascii_uppercase) + digits(rng, 22)
    rest = int("".join(str(int(sign, 36)) for sign in account + country + "00")) % 97
    number = f"{country}{98 - rest:02d}{account}"
    if rng.random() < 0.5:
        return number
    return "\u00a0 "[rng.randrange(2)].join(
        number[start : start + 4] for start in range(0, len(number), 4)
    )


def key(rng: random.Random) -> str:
    letters = string.ascii_letters + string.digits
    forms = [
        "AKIA" + pick(rng, string.ascii_uppercase + "234567", 16),
        "ghp_" + pick(rng, letters, 36),
        "sk_live_" + pick(rng, letters, 24),
        "AIza" + pick(rng, letters + "-_", 34) + "a",
        f"xoxb-{digits(rng, 12)}-{pick(rng, letters, 24)}",
        "glpat-" + pick(rng, letters, 20),
        "hf_" + pick(rng, letters, 34),
        "sk-proj-" + pick(rng, letters + "-_", 46) + "A7b",
        "eyJ"
        + pick(rng, letters, 33)
        + ".eyJ"
        + pick(rng, letters, 60)
        + "."
        + pick(rng, letters, 43),
        "-----BEGIN RSA PRIVATE KEY-----\n"
        + "\n".join(pick(rng, letters + "+/", 64) for _ in range(5))
        + "\n-----END RSA PRIVATE KEY-----",
        "SG." + pick(rng, letters, 22) + "." + pick(rng, letters, 43),  # SendGrid
        "npm_" + pick(rng, letters, 36),
    ]
    return rng.choice(forms)


def national_id(rng: random.Random) -> str:
    def cpf() -> str:
        stem = digits(rng, 8) + "7"
        for _ in range(2):
            weights = range(len(stem) + 1, 1, -1)
            rest = sum(int(d) * w for d, w in zip(stem, weights)) % 11
            stem += str(0 if rest < 2 else 11 - rest)
        return f"{stem[:3]}.{stem[3:6]}.{stem[6:9]}-{stem[9:]}"

    def dni() -> str:
        number = rng.randrange(10**7, 10**8)
        return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"

    def chinese() -> str:
        date = f"19{rng.randrange(50, 99)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
        stem = f"{rng.choice(['110105', '310104', '440301'])}{date}{digits(rng, 3)}"
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        return stem + "10X98765432"[sum(int(d) * w for d, w in zip(stem, weights)) % 11]

    def french() -> str:
        stem = f"{rng.choice('12')}{rng.randrange(40, 99)}{rng.randrange(1, 13):02d}"
        stem += f"{rng.randrange(10, 95)}{digits(rng, 6)}"
        return f"{stem}{97 - int(stem) % 97:02d}"

    def swedish() -> str:
        date = f"{rng.randrange(40, 99)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
        return f"{date}-{luhn_complete(date + digits(rng, 3))[6:]}"

    def american() -> str:
        return f"{rng.randrange(100, 600)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}"

    def polish() -> str:
        stem = f"{rng.randrange(40, 99)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
        stem += digits(rng, 4)
        weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
        return f"PESEL {stem}{-sum(int(d) * w for d, w in zip(stem, weights)) % 10}"

    forms = [cpf, dni, chinese, french, swedish, american, american, polish]
    return rng.choice(forms)()


def decoy(rng: random.Random) -> str:
    """A string of digits that is nobody's data."""
    wrong_card = luhn_complete("4539" + digits(rng, 11))
    wrong_card = wrong_card[:-1] + str((int(wrong_card[-1]) + rng.randrange(1, 10)) % 10)
    forms = [
        f"ISBN 978-{rng.randrange(10)}-{digits(rng, 2)}-{digits(rng, 6)}-{rng.randrange(10)}",
        f"{rng.randrange(1900, 2030)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}",
        f"{rng.randrange(1, 29):02d}.{rng.randrange(1, 13):02d}.{rng.randrange(1900, 2030)}",
        f"version {rng.randrange(1, 9)}.{rng.randrange(20)}.{digits(rng, 2)}.{digits(rng, 2)}",
        f"${rng.randrange(1, 999)},{digits(rng, 3)}.{digits(rng, 2)}",
        f"{rng.randrange(10**9, 10**10)}",
        f"{rng.randrange(1, 99)},{digits(rng, 3)},{digits(rng, 3)}",
        f"{pick(rng, '0123456789abcdef', 40)}",
        f"{pick(rng, '0123456789abcdef', 8)}-{pick(rng, '0123456789abcdef', 4)}-4"
        f"{pick(rng, '0123456789abcdef', 3)}-a{pick(rng, '0123456789abcdef', 3)}-"
        f"{pick(rng, '0123456789abcdef', 12)}",
        f"order {digits(rng, 7)}",
        wrong_card,
        f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}",
        f"192.168.{rng.randrange(256)}.{rng.randrange(256)}",
        f"{rng.uniform(-90, 90):.6f}, {rng.uniform(-180, 180):.6f}",
        f"pp. {rng.randrange(100, 900)}-{rng.randrange(900, 1900)}",
        f"10.{rng.randrange(1000, 9999)}/{pick(rng, string.ascii_lowercase, 6)}.{digits(rng, 5)}",
        f"{rng.uniform(0, 10):.12f}",
        f"@{pick(rng, string.ascii_lowercase, 8)}",
        f"arXiv:{rng.randrange(1000, 2600)}.{digits(rng, 5)}",
        f"{rng.choice('+-')}{digits(rng, 5)}e{rng.randrange(20)}",
    ]
    return rng.choice(forms)


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "email": email,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "phone": phone,
    "card": card,
    "iban": iban,
    "key": key,
    "national_id": national_id,
}


def texts(crawl: Path, per_host: int, most: int) -> Iterator[tuple[str, str]]:
    """Host and main text of the first pages of each host, in the order of the files."""
    seen: Counter[str] = Counter()
    limits = LimitsConfig()
    given = 0
    for path in sorted(crawl.glob("*.warc.gz")):
        for record in read_records(path, limits):
            host = host_of(record.url)
            if record.record_type != "response" or seen[host] >= per_host or given >= most:
                continue
            try:
                page = read_page(record.content, "", limits.max_html_bytes, limits.max_header_bytes)
            except NoPage:
                continue
            text = extract_text(page.html, record.url)
            if len(text) >= 500:
                seen[host] += 1
                given += 1
                yield host, text


def planted(
    text: str, rng: random.Random, config: PiiConfig
) -> tuple[str, list[tuple[int, int, str]]]:
    """The text, its own findings taken out, with values and decoys between words; their spans."""
    for start, stop, _ in reversed(find(text, config)):
        text = text[:start] + text[stop:]
    breaks = [match.start() for match in re.finditer(r"(?<=[a-z,.]) (?=[A-Za-z])", text)]
    if len(breaks) < 20:
        return "", []
    places = sorted(rng.sample(breaks, 10))
    pieces, spans, end, length = [], [], 0, 0
    for number, place in enumerate(places):
        kind = rng.choice(PII_KINDS) if number % 2 else ""
        value = MAKERS[kind](rng) if kind else decoy(rng)
        before, after = rng.choice(FRAMES).split("{}")
        pieces += [text[end:place], before]
        length += place - end + len(before)
        if kind:
            prefix = len(name[0]) if (name := NAME.match(value)) else 0
            spans.append((length + prefix, length + len(value), kind))
        pieces += [value, after]
        length += len(value) + len(after)
        end = place
    return "".join([*pieces, text[end:]]), spans


def measure(crawl: Path, pages: int, per_host: int, seed: int) -> dict[str, object]:
    config = PiiConfig()
    rng = random.Random(seed)
    counts = {kind: Count() for kind in PII_KINDS}
    clean_characters = alarms = used = characters = 0
    seconds = 0.0
    for host, text in texts(crawl, per_host, pages):
        if host in OLD_BOOKS:
            clean_characters += len(text)
            alarms += len(find(text, config))
        with_values, spans = planted(text, rng, config)
        if not spans:
            continue
        used += 1
        characters += len(with_values)
        started = time.perf_counter()
        found = find(with_values, config)
        seconds += time.perf_counter() - started
        wanted = set(spans)
        for start, stop, kind in found:
            counts[kind].found += 1
            counts[kind].right += (start, stop, kind) in wanted
        for _, _, kind in spans:
            counts[kind].planted += 1
    return {
        "pages": used,
        "characters": characters,
        "characters_per_second": round(characters / max(seconds, 1e-9)),
        "clean_characters": clean_characters,
        "clean_alarms": alarms,
        "kinds": {kind: dataclasses.asdict(count) for kind, count in counts.items()},
    }


def markdown(result: dict[str, object]) -> str:
    def share(hits: int, n: int) -> str:
        if not n:
            return "–"
        low, high = wilson(hits, n)
        return f"{hits / n:.3f} [{low:.3f}, {high:.3f}]"

    kinds: dict[str, dict[str, int]] = result["kinds"]  # type: ignore[assignment]
    rows = ["| kind | planted | recall | precision |", "|---|---|---|---|"]
    total = Count()
    for kind, c in kinds.items():
        rows.append(
            f"| {kind} | {c['planted']} | {share(c['right'], c['planted'])}"
            f" | {share(c['right'], c['found'])} |"
        )
        total.planted += c["planted"]
        total.right += c["right"]
        total.found += c["found"]
    rows.append(
        f"| all | {total.planted} | {share(total.right, total.planted)}"
        f" | {share(total.right, total.found)} |"
    )
    clean = int(str(result["clean_characters"]))
    rows += [
        "",
        f"{result['pages']} real pages, as many decoys as values; exact spans count. False"
        f" alarms in {clean / 1e6:.1f} million characters of old books: {result['clean_alarms']}."
        f" {int(str(result['characters_per_second'])) / 1e6:.1f} million characters a second.",
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=800)
    parser.add_argument("--per-host", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = measure(given.crawl, given.pages, given.per_host, given.seed)
    sys.stdout.write((json.dumps(result) if given.json else markdown(result)) + "\n")


if __name__ == "__main__":
    main()
