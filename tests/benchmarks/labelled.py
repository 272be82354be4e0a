"""The project's own labelled pages: 260 pages of a real crawl whose main text a reader marked.

In: the crawl's folder and `labels/labels.json` (ranges of lines; no page text is kept here).
Out: pages with their gold text, and how well a text found by an extractor agrees with it.
The measure is the article-extraction-benchmark's (multisets of 4-word shingles, precision and
recall averaged over pages), with lines that are neither right nor wrong left out, and letters as
words where a script puts no spaces. `labels/README.md` says what counts as main text.
"""

import argparse
import dataclasses
import hashlib
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from fastwarc.warc import ArchiveIterator
from resiliparse.extract.html2text import extract_plain_text

from pipeline.extract.decode import decode

LABELS = Path(__file__).parent / "labels"
PARTS = ("title", "main", "optional", "comment")
SHINGLE_WORDS = 4
RESAMPLES = 2000  # of the bootstrap

Ranges = list[list[int]]  # first and last line, both in it


@dataclasses.dataclass(frozen=True)
class LabelledPage:
    """A page as the crawl holds it, with the text a reader found in it."""

    url: str
    html: bytes
    charset: str  # of the HTTP header, "" if it names none
    language: str  # ISO 639-1
    kind: str  # news, blog, documentation, book, index …
    gold: str  # the main text, a line a block; "" where the page has none
    optional: str  # title, byline, date, captions …: neither right nor wrong
    comments: str  # what readers wrote below


@dataclasses.dataclass(frozen=True)
class PageScore:
    """Shingles found rightly, found wrongly, and missed, on one page."""

    hits: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.wrong) if self.hits else 0.0

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + self.missed) if self.hits else 0.0

    @property
    def f1(self) -> float:
        return harmonic_mean(self.precision, self.recall)


@dataclasses.dataclass(frozen=True)
class MeanScore:
    """Over the pages that have main text; F1 is of the mean precision and the mean recall."""

    pages: int
    precision: float
    recall: float
    f1: float
    low: float  # 95% bootstrap interval of F1, over pages
    high: float


def load(crawl: Path, labels: Path = LABELS / "labels.json") -> list[LabelledPage]:
    """Every labelled page, in the order of the file; fails if a page or its rendering changed."""
    pages = []
    for entry in json.loads(labels.read_text())["pages"]:
        html, charset = read_record(crawl / entry["warc"], entry["offset"])
        if hashlib.sha256(html).hexdigest() != entry["payload_sha256"]:
            raise ValueError(f"{entry['url']}: not the page that was labelled")
        lines = canvas(html, charset)
        if canvas_sha256(lines) != entry["canvas_sha256"]:
            raise ValueError(
                f"{entry['url']}: its lines changed (another resiliparse, or pipeline.extract."
                "decode), so the labels no longer fit"
            )
        title, main, optional, comment = (pick(lines, entry[part]) for part in PARTS)
        pages.append(
            LabelledPage(
                url=entry["url"],
                html=html,
                charset=charset,
                language=entry["language"],
                kind=entry["kind"],
                gold=main,
                optional="\n".join(filter(None, (title, optional))),
                comments=comment,
            )
        )
    return pages


def read_record(warc: Path, offset: int) -> tuple[bytes, str]:
    """The HTTP body of the response at `offset`, and the charset its header names."""
    with warc.open("rb") as stream:
        stream.seek(offset)
        record = next(iter(ArchiveIterator(stream, parse_http=True)))
        content_type = record.http_headers.get("Content-Type") or ""
        charset = re.search(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", content_type, re.IGNORECASE)
        return record.reader.read(), charset.group(1) if charset else ""


def canvas(html: bytes, charset: str) -> list[str]:
    """All text of the page as lines, one a block: what the reader saw and the labels count."""
    text = extract_plain_text(
        decode(html, charset)[0],
        preserve_formatting=True,
        main_content=False,
        list_bullets=False,
        alt_texts=False,
        links=False,
        form_fields=False,
        noscript=False,
        comments=True,
    )
    return [line.strip() for line in text.split("\n") if line.strip()]


def canvas_sha256(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def pick(lines: Sequence[str], ranges: Ranges) -> str:
    """The lines of the ranges, joined."""
    return "\n".join(line for first, last in ranges for line in lines[first : last + 1])


def _characters(*categories: str) -> str:
    """The letters of the Basic Multilingual Plane in these Unicode categories."""
    return "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c) in categories)


# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han (Korean has spaces).
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
)
MARKS = re.escape(_characters("Mn", "Mc"))  # \w knows no vowel signs: Hindi, Thai, Hebrew points
WORD = re.compile(f"[{UNSPACED}\U00020000-\U0003134f][{MARKS}]*|(?:(?![{UNSPACED}])[\\w{MARKS}])+")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")  # soft hyphens, joiners …


def words(text: str) -> list[str]:
    """Words, and single characters where a script has no spaces."""
    return WORD.findall(INVISIBLE.sub("", text))


def shingles(tokens: Sequence[str]) -> Counter[tuple[str, ...]]:
    """Each run of four words and how often; a text of fewer words is one shingle."""
    if not tokens:
        return Counter()
    runs = range(max(1, len(tokens) - SHINGLE_WORDS + 1))
    return Counter(tuple(tokens[start : start + SHINGLE_WORDS]) for start in runs)


def shingle_scores(predicted: str, gold: str, optional: str = "") -> PageScore:
    """How well a text agrees with the gold text.

    Optional lines are taken out of `predicted` first, so that the shingles over their edges do not
    count either; shingles inside an optional line that was run together with another are forgiven.
    A line that is optional in one place and gold in another (a heading and its entry in the table
    of contents) stays as often as it is gold.
    """
    lines = [tuple(words(line)) for line in predicted.splitlines()]
    optional_lines = [tuple(words(line)) for line in optional.splitlines()]
    surplus = Counter(lines) - Counter(tuple(words(line)) for line in gold.splitlines())
    droppable = surplus & Counter(optional_lines)
    kept: list[str] = []
    for line in lines:
        if droppable[line]:
            droppable[line] -= 1
        else:
            kept += line
    found, right = shingles(kept), shingles(words(gold))
    forgiven: Counter[tuple[str, ...]] = Counter()
    for line in optional_lines:
        forgiven += shingles(line)
    hits = found & right
    return PageScore(
        hits=hits.total(),
        wrong=(found - right - forgiven).total(),
        missed=(right - hits).total(),
    )


def harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0


def mean_scores(scores: Sequence[PageScore], seed: int = 0) -> MeanScore:
    """Mean precision and recall over pages, their F1 and its interval (pages drawn anew)."""
    with_text = [score for score in scores if score.hits + score.missed]
    table = np.array([(score.precision, score.recall) for score in with_text])
    precision, recall = table.mean(axis=0)
    drawn = np.random.default_rng(seed).integers(len(table), size=(RESAMPLES, len(table)))
    p, r = table[drawn].mean(axis=1).T
    low, high = np.percentile(2 * p * r / np.maximum(p + r, 1e-12), (2.5, 97.5))
    f1 = harmonic_mean(float(precision), float(recall))
    return MeanScore(len(table), float(precision), float(recall), f1, float(low), float(high))


def score_pages(
    pages: Iterable[LabelledPage], extract: Callable[[LabelledPage], str]
) -> list[PageScore]:
    return [shingle_scores(extract(page), page.gold, page.optional) for page in pages]


def grouped(
    pages: Sequence[LabelledPage], scores: Sequence[PageScore], attribute: str
) -> dict[str, MeanScore]:
    """The means by `kind` or by `language`, the largest group first."""
    groups: dict[str, list[PageScore]] = {}
    for page, score in zip(pages, scores):
        if page.gold:
            groups.setdefault(getattr(page, attribute), []).append(score)
    order = sorted(groups, key=lambda name: (-len(groups[name]), name))
    return {name: mean_scores(groups[name]) for name in order}


def table(pages: Sequence[LabelledPage], scores: Sequence[PageScore]) -> str:
    """All pages, then by kind and by language, a line each; last the pages without main text."""
    rows = {"all": mean_scores(scores)}
    rows |= grouped(pages, scores, "kind") | grouped(pages, scores, "language")
    lines = [f"{'':14} pages  precision  recall  F1     95% interval"]
    for name, mean in rows.items():
        lines.append(
            f"{name:14} {mean.pages:5}  {mean.precision:9.3f}  {mean.recall:6.3f}  {mean.f1:.3f}"
            f"  {mean.low:.3f} to {mean.high:.3f}"
        )
    taken = [score.wrong for page, score in zip(pages, scores) if not page.gold]
    if taken:
        lines.append(
            f"{len(taken)} pages have no main text: {np.mean(taken):.0f} shingles taken of each"
        )
    return "\n".join(lines)


def show(crawl: Path, match: str) -> None:
    """Print the lines of the pages whose address has `match` in it, with their labels."""
    for entry in json.loads((LABELS / "labels.json").read_text())["pages"]:
        if match not in entry["url"]:
            continue
        marks = {
            line: part
            for part in PARTS
            for first, last in entry[part]
            for line in range(first, last + 1)
        }
        print(f"\n{entry['url']}  {entry['kind']} {entry['language']}")
        for number, line in enumerate(canvas(*read_record(crawl / entry["warc"], entry["offset"]))):
            print(f"{number:4} {marks.get(number, ''):8} {line}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Score extractors on the labelled pages.")
    parser.add_argument("crawl", type=Path, help="folder of .warc.gz files")
    parser.add_argument("--show", help="print the labelled lines of pages with this in the address")
    options = parser.parse_args()
    if options.show:
        show(options.crawl, options.show)
        return
    from pipeline.extract import extract_text

    pages = load(options.crawl)
    scores = score_pages(pages, lambda page: extract_text(page.html, page.url))
    sys.stdout.write(table(pages, scores) + "\n")


if __name__ == "__main__":
    main()
