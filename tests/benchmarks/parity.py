"""Do our text filters keep what datatrove's keep? Rule by rule on real pages, every case listed.

`python -m tests.benchmarks.parity --crawl FOLDER --peer-python PATH --scratch FOLDER`. In: WARC
files, and a Python that has datatrove 0.10.1 and spaCy (peers/requirements.txt). Out: a Markdown
table on stdout, and parity.json in the scratch folder. The main texts are extracted once
(trafilatura with FineWeb's settings, English by lid.176 with a score of 0.65 or more), both sides
judge the same texts, and each rule is asked alone, so that no rule hides behind an earlier one.
Extracted texts and the peer's verdicts stay in the scratch folder: a second run only judges again.
"""

import argparse
import hashlib
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.filters import c4, fineweb, gopher_quality, repetition
from pipeline.filters.decide import Filter, columns_of, decide, threshold_of
from pipeline.filters.language_table import ENGLISH_MIN_SCORE
from pipeline.filters.languages import rules as language_rules
from pipeline.filters.measure import MeasuredPage, SignalsConfig, measure
from pipeline.filters.words import sentence_count, split_words

PEER = Path(__file__).parent / "peers" / "filters.py"
FILTERS = [
    Filter("repetition", repetition.RULES, repetition.RepetitionConfig()),
    Filter("gopher_quality", gopher_quality.RULES, gopher_quality.GopherQualityConfig()),
    Filter("c4", c4.RULES, c4.C4Config()),
    Filter("fineweb", fineweb.RULES, fineweb.FinewebConfig()),
]
EXPLAINED = 200  # disagreements of one rule for which values are asked; more are only counted
LEAST_AGREEMENT = 0.995  # of each rule


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, required=True, help="folder of WARC files")
    parser.add_argument("--peer-python", required=True, help="a Python with datatrove and spaCy")
    parser.add_argument("--scratch", type=Path, required=True, help="for what is kept between runs")
    parser.add_argument("--files", type=int, default=0, help="of the crawl; 0 = all")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    texts = options.scratch / "texts.parquet"
    if not texts.exists():
        extract_texts(options.crawl, options.files, texts)
    verdicts = options.scratch / "peer.jsonl"
    rows = pq.read_metadata(texts).num_rows
    if not verdicts.exists() or len(verdicts.read_text().splitlines()) != rows:
        subprocess.run(
            [options.peer_python, str(PEER), "decide", str(texts), str(verdicts)], check=True
        )
    report = compare(texts, verdicts, options.peer_python, options.scratch)
    (options.scratch / "parity.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    print(markdown(report))


def extract_texts(crawl: Path, files: int, out: Path) -> None:
    """English main texts of a crawl, as FineWeb's example extracts them."""
    import trafilatura
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    from pipeline.filters.language import LanguageIdentifier

    languages = LanguageIdentifier()
    found: dict[str, list[str]] = {"url": [], "text": []}
    for path in sorted(crawl.glob("*.warc.gz"))[: files or None]:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                html = record.reader.read()
                text = trafilatura.extract(
                    bytes_to_str(html, detect_encoding(html) or "utf-8"),
                    favor_precision=True,
                    include_comments=False,
                    deduplicate=True,
                )
                language, score = languages.predict(text) if text else ("", 0.0)
                if text and language == "en" and score >= ENGLISH_MIN_SCORE:
                    found["url"].append(record.headers.get("WARC-Target-URI") or "")
                    found["text"].append(text)
    pq.write_table(pa.table(found), out)


def rule_keys() -> dict[str, tuple[Filter, Any]]:
    """Our rules by the peer script's names: with their stage, where two stages have the name."""
    names = Counter(rule.name for filter_ in FILTERS for rule in filter_.rules)
    return {
        f"{filter_.stage}.{rule.name}" if names[rule.name] > 1 else rule.name: (filter_, rule)
        for filter_ in FILTERS
        for rule in filter_.rules
        if rule.name != "empty"
    }


def compare(texts: Path, verdicts: Path, peer_python: str, scratch: Path) -> dict[str, Any]:
    """Agreement of each rule, of the kept sets, and every disagreement with its explanation."""
    table = pq.read_table(texts)
    pages, urls = table["text"].to_pylist(), table["url"].to_pylist()
    with verdicts.open() as stream:
        theirs = [json.loads(line) for line in stream]
    stop_words = language_rules("en").stop_words
    ours = [measure(text, "en", SignalsConfig(), stop_words) for text in pages]
    columns = columns_of(pa.Table.from_pylist([page.signals for page in ours]), FILTERS)
    kept_there = np.array(
        [not any(row["first"].values()) and not fineweb_drops(row) for row in theirs]
    )
    kept_here = decide(columns, FILTERS).kept
    rules, questions = {}, []
    for key, (filter_, rule) in rule_keys().items():
        here = ~decide(columns, [Filter(filter_.stage, (rule,), filter_.config)]).kept
        # a rule that the peer never came to, since nothing is left of the page, drops it too
        there = np.array([key in row["dropped"] for row in theirs])
        unasked = np.array([key in row["empty"] for row in theirs])
        differ = np.flatnonzero((here != there) & ~unasked)
        questions += [[int(row), key] for row in differ[:EXPLAINED]]
        rules[key] = {
            "stage": filter_.stage,
            "threshold": threshold_of(rule, filter_.config),
            "dropped_by_both": int((here & there).sum()),
            "only_here": int((here & ~there & ~unasked).sum()),
            "only_there": int((there & ~here & ~unasked).sum()),
            "agreement": 1 - len(differ) / len(pages),
        }
    hashes = [hashlib.sha256(page.text.encode("utf-8", "surrogatepass")) for page in ours]
    same_text = [one.hexdigest() == row["cleaned"] for one, row in zip(hashes, theirs)]
    return {
        "pages": len(pages),
        "characters": sum(map(len, pages)),
        "kept_here": int(kept_here.sum()),
        "kept_there": int(kept_there.sum()),
        "kept_jaccard": jaccard(kept_here, kept_there),
        "same_text_after_c4": int(sum(same_text)),
        "rules": rules,
        "disagreements": explain(questions, ours, urls, peer_python, texts, scratch),
    }


def jaccard(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    """How alike two sets are; 1 for two empty ones."""
    return float((one & other).sum() / (one | other).sum()) if (one | other).any() else 1.0


def fineweb_drops(row: dict[str, Any]) -> bool:
    keys = [key for key, (filter_, _) in rule_keys().items() if filter_.stage == "fineweb"]
    return any(key in row["dropped"] or key in row["empty"] for key in keys)


def explain(
    questions: list[list[Any]],
    ours: list[MeasuredPage],
    urls: list[str],
    peer_python: str,
    texts: Path,
    scratch: Path,
) -> list[dict[str, Any]]:
    """Values on both sides and why they differ, for each [row, rule]."""
    if not questions:
        return []
    asked, answered = scratch / "questions.json", scratch / "answers.json"
    asked.write_text(json.dumps(questions))
    subprocess.run(
        [peer_python, str(PEER), "explain", str(texts), str(asked), str(answered)], check=True
    )
    keys = rule_keys()
    pages = pq.read_table(texts)["text"].to_pylist()
    listed = []
    for answer in json.loads(answered.read_text()):
        filter_, rule = keys[answer["rule"]]
        row = answer["row"]
        value = ours[row].signals[rule.signal]
        words = ours[row].words if filter_.stage == "fineweb" else split_words(pages[row])
        threshold = threshold_of(rule, filter_.config)
        cause, example = why(answer, ours[row], words, value, threshold)
        listed.append(
            {
                "url": urls[row],
                "rule": answer["rule"],
                "value_here": value,
                "value_there": answer["value"],
                "threshold": threshold,
                "cause": cause,
                "example": example,
            }
        )
    return listed


def why(
    answer: dict[str, Any], page: MeasuredPage, words: list[str], value: float, threshold: float
) -> tuple[str, str]:
    """The class of a disagreement, and where the two sides part."""
    if page.text != answer["cleaned"]:
        pairs = zip(page.text.split("\n"), answer["cleaned"].split("\n"))
        line = next((f"{one!r} / {other!r}" for one, other in pairs if one != other), "length")
        return "another text after C4's line rules", line[:200]
    if words != answer["words"]:
        at = next(
            (i for i, (one, other) in enumerate(zip(words, answer["words"])) if one != other),
            min(len(words), len(answer["words"])),
        )
        here, there = words[at : at + 4], answer["words"][at : at + 4]
        return "words split differently", f"{here} / {there}"
    sentences = [sentence_count(line) for line in page.text.split("\n")]
    if answer["rule"] == "min_sentences" and sentences != answer["sentences"]:
        return "sentences counted differently", f"{sentences} / {answer['sentences']}"[:200]
    if abs(threshold - value) <= 1e-9 * max(1, abs(threshold)):
        return "rounding at the threshold", ""
    return "not explained", ""


def markdown(report: dict[str, Any]) -> str:
    """The report as a table, and the disagreements by cause."""
    pages = report["pages"]
    lines = [
        f"{pages:,} English pages, {report['characters']:,} characters. Kept here"
        f" {report['kept_here']:,}, by datatrove {report['kept_there']:,}; Jaccard of the kept sets"
        f" {report['kept_jaccard']:.4f}; same text after C4's line rules on"
        f" {report['same_text_after_c4']:,} pages.",
        "",
        "| stage | rule | dropped by both | only here | only there | agreement |",
        "|---|---|---|---|---|---|",
    ]
    for key, rule in report["rules"].items():
        lines.append(
            f"| {rule['stage']} | {key.rpartition('.')[2]} | {rule['dropped_by_both']:,}"
            f" | {rule['only_here']:,} | {rule['only_there']:,} | {rule['agreement']:.4%} |"
        )
    lines += ["", f"Disagreements: {len(report['disagreements'])}."]
    causes = Counter((item["cause"], item["rule"]) for item in report["disagreements"])
    lines += [f"- {cause}: {rule}, {count}" for (cause, rule), count in sorted(causes.items())]
    for item in report["disagreements"]:
        lines.append(
            f"- {item['rule']}: {item['value_here']:.6g} here, {item['value_there']} there,"
            f" threshold {item['threshold']:g}: {item['cause']} {item['example']} ({item['url']})"
        )
    worst = min(rule["agreement"] for rule in report["rules"].values())
    verdict = "at least" if worst >= LEAST_AGREEMENT else "LESS THAN"
    lines += ["", f"Every rule agrees on {verdict} {LEAST_AGREEMENT:.1%} of pages ({worst:.4%})."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
