"""The written crawl: same bytes, valid WARC, true ground truth, facts as often as promised."""

import dataclasses
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

from pipeline.sample_web.build import CrawlStatistics
from pipeline.sample_web.config import SampleWebConfig
from pipeline.sample_web.junk import JUNK
from pipeline.sample_web.page_counts import GUARANTEED, KEPT, UNREADABLE
from pipeline.sample_web.planted_duplicates import jaccard, shingles
from pipeline.sample_web.questions import QUESTIONS
from pipeline.sample_web.reversed_statements import REVERSED
from pipeline.sample_web.wordings import STATEMENTS
from storage.errors import UserError
from storage.schemas import FACTS, TRUTH
from storage.tables import read_table

Web = tuple[Path, CrawlStatistics]


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(folder.iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def truth_of(web: Web) -> list[dict[str, object]]:
    return read_table(web[0] / "truth.parquet").to_pylist()


def test_same_config_same_bytes_and_another_seed_others(
    small: Web, small_config: SampleWebConfig, make_web: Callable[[SampleWebConfig], Web]
) -> None:
    again, statistics = make_web(small_config)
    assert hashes(again) == hashes(small[0])
    assert statistics == small[1]
    other, _ = make_web(dataclasses.replace(small_config, seed=2))
    assert not set(hashes(other).values()) & set(hashes(again).values())


@pytest.mark.parametrize("size", ["small", "full"])
def test_every_kind_of_page_is_there(size: str, request: pytest.FixtureRequest) -> None:
    web = request.getfixturevalue(size)
    rows = truth_of(web)
    kinds = Counter(row["kind"] for row in rows)
    wanted = {*KEPT, *JUNK, *UNREADABLE, "foreign", "mirror", "near_duplicate"}
    assert set(kinds) == wanted
    stages = Counter(row["stage"] for row in rows)
    assert set(stages) == {
        *(
            "",
            "read",
            "url",
            "extract",
            "language",
            "repetition",
            "gopher_quality",
            "c4",
            "fineweb",
        ),
        "dedup",
    }
    assert len({row["url"] for row in rows}) == len(rows)
    assert len({row["language"] for row in rows}) >= 6


def test_full_size(full: Web) -> None:
    rows = truth_of(full)
    assert len(rows) == SampleWebConfig().pages >= 3000
    assert len({str(row["url"]).split("/")[2] for row in rows}) >= 40
    english = sum(row["language"] == "en" for row in rows) / len(rows)
    assert 0.65 < english < 0.78
    assert 450_000 < full[1]["words_kept"] < 700_000


def test_tables_have_their_columns(small: Web) -> None:
    assert read_table(small[0] / "truth.parquet").schema.equals(TRUTH)
    assert read_table(small[0] / "facts.parquet").schema.equals(FACTS)


@pytest.mark.parametrize("size", ["small", "full"])
def test_facts_are_stated_as_often_as_they_say(size: str, request: pytest.FixtureRequest) -> None:
    """Counted in the main texts, not taken from the builder's own books."""
    web = request.getfixturevalue(size)
    text = "\n".join(str(row["main_text"]) for row in truth_of(web) if row["expected"] == "kept")
    everything = "\n".join(str(row["main_text"]) for row in truth_of(web))
    # one pass over the text: all windows that begin with a wording of a fact
    facts = read_table(web[0] / "facts.parquet").to_pylist()
    mentions = count_all(facts, text)
    for fact, count in zip(facts, mentions):
        assert count == fact["mentions"], fact
        if fact["frequency"] == "often":
            assert count >= GUARANTEED
        else:
            assert count == (fact["frequency"] == "once")
        assert fact["prompt"][1:] not in everything, fact["prompt"]
        assert fact["question"] not in everything, fact["question"]
    assert any(fact["asked"] for fact in facts)
    assert {fact["split"] for fact in facts} == {"train", "held_out"}


def count_all(facts: list[dict[str, object]], text: str) -> list[int]:
    lines = text.replace(". ", ".\n").replace("? ", "?\n").split("\n")
    by_entity: dict[str, list[str]] = {str(fact["entity"]): [] for fact in facts}
    heads = {name.split()[0] for name in by_entity}
    names = sorted(by_entity)
    for line in lines:
        if heads & set(line.replace(",", " ").replace(".", " ").split()):
            for name in names:
                if name in line:
                    by_entity[name].append(line)
    counts = []
    for fact in facts:
        needles = [
            wording.format(e=fact["entity"], v=fact["value"])[1:]
            for wording in (
                *STATEMENTS[str(fact["attribute"])],
                *REVERSED[str(fact["attribute"])],
            )
        ]
        total = 0
        for line in by_entity[str(fact["entity"])]:
            for needle in needles:
                end = line.find(needle) + len(needle)
                total += needle in line and not line[end : end + 1].isalnum()
        counts.append(total)
    return counts


def test_prompts_and_questions_use_wordings_of_other_facts(full: Web) -> None:
    everything = "\n".join(str(row["main_text"]) for row in truth_of(full))
    for attribute, wordings in STATEMENTS.items():
        for wording in wordings:
            middle = wording[wording.index("{e}") + 3 : wording.index("{v}")]
            assert middle in everything, (attribute, wording)
    asked = {fact["attribute"] for fact in read_table(full[0] / "facts.parquet").to_pylist()}
    assert asked == set(QUESTIONS)


@pytest.mark.parametrize("size", ["small", "full"])
def test_planted_values_stand_in_the_text_and_are_counted(
    size: str, request: pytest.FixtureRequest
) -> None:
    rows = truth_of(request.getfixturevalue(size))
    kinds: Counter[str] = Counter()
    for row in rows:
        values = row["pii_values"]
        assert isinstance(values, list)
        counted = {
            key: int(str(n))
            for key, n in row.items()
            if key.startswith("pii_") and key != "pii_values"
        }
        assert sum(counted.values()) == len(values)
        kinds.update(counted)
        for value in values:
            if row["kind"] != "near_duplicate":  # an edit may have dropped the sentence
                assert value in str(row["main_text"])
    assert all(count > 0 for count in kinds.values()), kinds


def test_duplicates_are_as_similar_as_they_say(full: Web) -> None:
    rows = {row["url"]: row for row in truth_of(full)}
    copies = [row for row in rows.values() if row["duplicate_of"]]
    assert len(copies) > 150
    for row in copies:
        original = rows[row["duplicate_of"]]
        assert original["expected"] == "kept"
        measured = jaccard(shingles(str(row["main_text"])), shingles(str(original["main_text"])))
        assert measured == pytest.approx(row["similarity"])
        assert measured >= 0.8
        assert measured == 1.0 or row["kind"] == "near_duplicate"


def test_other_pages_are_not_alike(full: Web) -> None:
    """All pairs that share a rare 5-gram, among part of the kept pages and all foreign ones."""
    rows = truth_of(full)
    rng = random.Random(4)
    pages = [
        shingles(str(row["main_text"]))
        for row in rows
        if row["kind"] == "foreign" or (row["expected"] == "kept" and rng.random() < 0.4)
    ]
    worst = 0.0
    for _ in range(15_000):
        one, other = rng.sample(pages, 2)
        worst = max(worst, jaccard(one, other))
    holders: dict[tuple[str, ...], list[int]] = {}
    for number, page in enumerate(pages):
        for shingle in page:
            holders.setdefault(shingle, []).append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        if 2 <= len(numbers) <= 4:
            shared.update((a, b) for a in numbers for b in numbers if a < b)
    for (a, b), _ in shared.most_common(2000):
        worst = max(worst, jaccard(pages[a], pages[b]))
    assert worst < 0.5


@pytest.mark.parametrize("size", ["small", "full"])
def test_warc_reads_the_same_in_warcio_and_fastwarc(
    size: str, request: pytest.FixtureRequest
) -> None:
    web = request.getfixturevalue(size)
    out, _ = web
    truth = {(row["warc"], row["url"]): row for row in truth_of(web)}
    seen: Counter[tuple[str, str | None]] = Counter()
    for path in sorted(out.glob("*.warc.gz")):
        with path.open("rb") as stream:
            iterator = WarcioIterator(stream, check_digests="raise")
            records = []
            for record in iterator:
                record.content_stream().read()
                records.append((record.rec_type, record.rec_headers.get_header("WARC-Record-ID")))
                assert record.rec_headers.protocol == "WARC/1.1"
        with path.open("rb") as stream:
            again = [
                (record.headers.get("WARC-Type"), record.record_id)
                for record in ArchiveIterator(stream, record_types=WarcRecordType.any_type)
            ]
        assert [kind for kind, _ in again] == [kind for kind, _ in records]
        assert len({record_id for _, record_id in records}) == len(records)
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.any_type):
                url = record.headers.get("WARC-Target-URI")
                if record.record_type in (WarcRecordType.response, WarcRecordType.revisit):
                    assert (path.name, url) in truth
                    seen[path.name, url] += 1
                if record.record_type is WarcRecordType.response:
                    assert record.verify_block_digest() or record.verify_payload_digest()
    assert set(seen) == set(truth)
    assert set(seen.values()) == {1}


def test_truncated_records_are_marked_and_end_in_the_footer(full: Web) -> None:
    marked = 0
    for path in sorted(full[0].glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                if record.headers.get("WARC-Truncated"):
                    marked += 1
                    body = record.reader.read()
                    assert b"</html>" not in body
                    assert b"</body>" not in body
    assert marked >= 2


@pytest.mark.parametrize(
    "settings",
    [
        {"pages": 100},
        {"hosts": 10},
        {"warc_files": 0},
        {"pages": 250, "entities": 190},
    ],
)
def test_impossible_configs_are_refused_in_one_line(
    settings: dict[str, int], make_web: Callable[[SampleWebConfig], Web]
) -> None:
    with pytest.raises(UserError, match=r"\d") as error:
        make_web(SampleWebConfig(**settings))
    assert "\n" not in str(error.value)
