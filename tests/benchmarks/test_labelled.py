"""The labelled pages fit the crawl they were made on, and the measure gives known answers."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.benchmarks.labelled import (
    LABELS,
    PARTS,
    PageScore,
    canvas,
    grouped,
    load,
    mean_scores,
    read_record,
    shingle_scores,
    shingles,
    table,
    words,
)

ENTRIES = json.loads((LABELS / "labels.json").read_text())["pages"]
SECOND = json.loads((LABELS / "second_pass.json").read_text())["pages"]
FIELDS = {"url", "warc", "offset", "payload_sha256", "language", "kind", "lines", "canvas_sha256"}


def test_the_set_is_large_and_wide() -> None:
    hosts = {urlsplit(entry["url"]).hostname for entry in ENTRIES}
    languages = Counter(entry["language"] for entry in ENTRIES)
    kinds = Counter(entry["kind"] for entry in ENTRIES)
    assert len(ENTRIES) == len({entry["url"] for entry in ENTRIES}) == 260
    assert len(hosts) == 237
    assert languages.keys() >= {"en", "de", "fr", "es", "pt", "ru", "zh", "ja", "ko", "ar", "th"}
    assert languages["en"] < len(ENTRIES) / 2
    assert 0.5 < (kinds["news"] + kinds["blog"]) / len(ENTRIES) < 0.65
    assert kinds.keys() >= {"documentation", "book", "forum", "legal", "wiki", "product", "index"}


@pytest.mark.parametrize("entries", [ENTRIES, SECOND], ids=["labels", "second pass"])
def test_labels_are_ranges_of_lines_and_no_text(entries: list[dict]) -> None:
    for entry in entries:
        assert entry.keys() == FIELDS | set(PARTS)
        lines = [
            line for part in PARTS for first, last in entry[part] for line in range(first, last + 1)
        ]
        assert len(lines) == len(set(lines)), f"{entry['url']}: a line with two labels"
        assert all(0 <= line < entry["lines"] for line in lines)
        for part in PARTS:
            for (_, last), (first, _) in pairwise(entry[part]):
                assert first > last + 1


def test_pages_and_their_lines_are_those_that_were_labelled(shared_dir: Path) -> None:
    pages = load(shared_dir / "crawl")
    assert len(pages) == len(ENTRIES)
    assert sum(not page.gold for page in pages) == 5  # lists of links, and an empty template
    for page, entry in zip(pages, ENTRIES):
        assert page.url == entry["url"]
        assert len(canvas(page.html, page.charset)) == entry["lines"]
        gold_lines = sum(last - first + 1 for first, last in entry["main"])
        assert len(page.gold.splitlines()) >= gold_lines
        # the gold text with everything optional around it is as good as the gold text alone
        perfect = shingle_scores(f"{page.optional}\n{page.gold}", page.gold, page.optional)
        assert perfect.missed == 0
        assert perfect.wrong <= 3 + 0.01 * perfect.hits, page.url  # over the edges of lines


def test_the_record_is_read_with_its_charset(shared_dir: Path) -> None:
    html, charset = read_record(shared_dir / "crawl" / ENTRIES[0]["warc"], ENTRIES[0]["offset"])
    assert b"Malaga" in html
    assert charset.lower() in ("", "utf-8", "iso-8859-1", "windows-1252")


@pytest.mark.parametrize("field", ["payload_sha256", "canvas_sha256"])
def test_a_changed_page_or_renderer_is_noticed(
    shared_dir: Path, tmp_path: Path, field: str
) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"pages": [ENTRIES[0] | {field: "0" * 64}]}))
    with pytest.raises(ValueError, match=r"not the page that was|no longer fit"):
        load(shared_dir / "crawl", labels)


def test_two_labellings_of_the_same_pages_agree(shared_dir: Path) -> None:
    first = {page.url: page for page in load(shared_dir / "crawl")}
    second = load(shared_dir / "crawl", LABELS / "second_pass.json")
    assert len(second) == 24
    mean = mean_scores(
        [
            shingle_scores(page.gold, first[page.url].gold, first[page.url].optional)
            for page in second
        ]
    )
    assert mean.f1 > 0.99


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's a 4-word test.", ["It", "s", "a", "4", "word", "test"]),
        ("日本のSSDは1台", ["日", "本", "の", "SSD", "は", "1", "台"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("die\u00adsem שָׁלוֹם", ["diesem", "שָׁלוֹם"]),
        (" – …\n", []),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_shingles_are_runs_of_four_words() -> None:
    assert shingles(["a", "b", "c", "d", "a", "b", "c", "d"])["a", "b", "c", "d"] == 2
    assert shingles(["only", "two"]) == Counter({("only", "two"): 1})
    assert not shingles([])


def test_scores_known_answers() -> None:
    gold = "one two three four five six seven"  # four shingles
    assert shingle_scores(gold, gold) == PageScore(4, 0, 0)
    assert shingle_scores("", gold) == PageScore(0, 0, 4)
    assert shingle_scores("one two three four five", gold) == PageScore(2, 0, 2)
    # joined to seven words of something else: three shingles over the edge, four of its own
    more = shingle_scores(f"{gold} a b c d e f g", gold)
    assert more == PageScore(4, 7, 0)
    assert more.precision == pytest.approx(4 / 11)
    assert more.recall == 1.0
    assert more.f1 == pytest.approx(8 / 15)
    # a text given twice is half wrong: shingles count as often as they stand there
    assert shingle_scores(f"{gold}\n{gold}", gold) == PageScore(4, 7, 0)


def test_optional_lines_are_neither_right_nor_wrong() -> None:
    gold, optional = "one two three four five", "A headline of five words\nby nobody"
    with_both = "A headline of five words\nby nobody\none two three four five"
    assert shingle_scores(with_both, gold, optional) == PageScore(2, 0, 0)
    assert shingle_scores(gold, gold, optional) == PageScore(2, 0, 0)
    # run together with the text only the shingles over the edge are wrong
    joined = "A headline of five words one two three four five"
    assert shingle_scores(joined, gold, optional) == PageScore(2, 3, 0)
    # forgiven as often as it stands on the page, and no oftener
    twice = "x y z w v A headline of five words"
    assert shingle_scores(f"{twice} {twice}", gold, optional).wrong > 2
    # a line that is also main text stays as often as it is main text
    assert shingle_scores(gold, gold, gold) == PageScore(2, 0, 0)
    assert shingle_scores(f"{gold}\n{gold}", gold, gold) == PageScore(2, 0, 0)


def test_means_over_pages() -> None:
    good, half, empty, stray = (
        PageScore(10, 0, 0),
        PageScore(5, 5, 5),
        PageScore(0, 0, 10),
        PageScore(0, 7, 0),  # a page without main text, of which something was taken
    )
    assert empty.precision == empty.recall == empty.f1 == 0.0
    mean = mean_scores([good, half, stray])
    assert mean.pages == 2
    assert mean.precision == mean.recall == mean.f1 == pytest.approx(0.75)
    assert mean.low == pytest.approx(0.5)
    assert mean.high == pytest.approx(1.0)
    assert mean_scores([good, half] * 30, seed=3) == mean_scores([good, half] * 30, seed=3)
    assert mean_scores([good] * 9) == mean_scores([good] * 9, seed=1)


def test_table_by_kind_and_language(shared_dir: Path) -> None:
    pages = load(shared_dir / "crawl")
    scores = [shingle_scores(page.gold, page.gold, page.optional) for page in pages]
    assert set(grouped(pages, scores, "language")) >= {"en", "zh", "ar"}
    text = table(pages, scores)
    assert "1.000  1.000 to 1.000" in text
    assert "5 pages have no main text: 0 shingles taken of each" in text
