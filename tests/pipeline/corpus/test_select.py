"""Thresholds on stored signals: what each filter drops, and that no WARC and no text is read."""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.corpus import select
from pipeline.corpus.config import SelectConfig
from pipeline.corpus.read import counts_of, selected_counts, selections
from pipeline.corpus.recipes import recipe
from pipeline.corpus.replay import explain_rules
from pipeline.filters.gopher_quality import GopherQualityConfig
from pipeline.filters.language import LanguageConfig
from pipeline.stage import SILENT, Stage
from storage.errors import UserError
from storage.grouped import members
from storage.schemas import PAGES, SELECTION, SIGNALS
from storage.tables import read_table, table, write_table

# a page that every filter keeps
GOOD = {
    **{name: 0 for name, _ in SIGNALS},
    "extracted_characters": 3000,
    "extracted_lines": 20,
    "line_count": 20,
    "word_count": 500,
    "mean_word_length": 4.5,
    "alphabetic_word_fraction": 0.95,
    "stop_word_count": 6,
    "sentence_count": 25,
    "punctuated_line_fraction": 0.9,
}


def page(id_: str, language: str = "en", score: float = 0.99, **signals: float) -> dict:
    known = {"id": id_, "language": language, "language_score": score}
    return {**known, "text": "not looked at", **GOOD, **signals}


def part(folder: Path, name: str, *pages: dict) -> Path:
    """A part of which only the pages are there: neither ledger nor WARC."""
    write_table(table(list(pages), PAGES), folder / name / "pages.parquet")
    return folder / name


def build(
    out: Path, parts: list[Path], config: SelectConfig, group: int = 2, **scores: list[Path]
) -> tuple[select.SelectionStatistics, pa.Table]:
    """The whole selection's statistics and its groups' rows, one after another."""

    def built(stage: Stage, name: str, **inputs: list[Path]) -> tuple[Any, Path]:
        folder = out / stage.kind / name
        folder.mkdir(parents=True)
        return stage.build(folder, inputs, config, SILENT, out), folder

    def given(first: int) -> dict[str, list[Path]]:
        every = {"parts": parts, **scores}
        return {key: items[first : first + group] for key, items in every.items()}

    groups = range(0, len(parts), group)
    best = {}
    if select.asks_for_best(config):
        counted = [built(select.SCORES, str(first), **given(first))[1] for first in groups]
        best = {"best": [built(select.BEST_STAGE, "all", groups=counted)[1]]}
    made = [built(select.GROUP, str(first), **given(first), **best)[1] for first in groups]
    statistics, whole = built(select.STAGE, "all", groups=made)
    assert members(whole) == made
    assert [len(counts) for counts in counts_of(whole)] == [
        len(parts[first : first + group]) for first in groups
    ]
    rows = list(selections(whole))
    assert [rows.num_rows for rows in rows] == [
        read_table(part / "pages.parquet", ["id"]).num_rows for part in parts
    ]
    found = pa.concat_tables(rows)
    assert sum(selected_counts(whole, len(parts))) == kept_rows(found) == statistics["kept"]
    return statistics, found


def kept_rows(found: pa.Table) -> int:
    return found["outcome"].to_pylist().count("kept")


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    first = part(
        tmp_path,
        "first",
        page("a"),
        page("b", "de", 0.98),
        page("c", score=0.4),
        page("d", duplicate_line_fraction=0.31),
        page("e", word_count=49, curly_bracket_lines=1),
    )
    second = part(
        tmp_path,
        "second",
        page("f", curly_bracket_lines=2, newline_word_ratio=0.9),
        page("g", fineweb_duplicate_line_character_fraction=0.05),
        page("h", adult_word_fraction=0.5),
        page("i", duplicate_line_fraction=0.30, word_count=50),  # at the thresholds
    )
    return [first, second, part(tmp_path, "empty")]


def test_each_page_falls_to_the_first_filter_that_it_fails(tmp_path, parts):
    statistics, found = build(tmp_path / "out", parts, SelectConfig())
    assert found.schema == SELECTION
    rows = {row.pop("id"): tuple(row.values()) for row in found.to_pylist()}
    kept = ("kept", "", "", None, None, "")
    assert rows == {
        "a": (0, *kept),
        "b": (0, "dropped", "language", "languages", 0.98, None, "de"),
        "c": (0, "dropped", "language", "min_score", 0.4, 0.65, "en"),
        "d": (0, "dropped", "repetition", "max_duplicate_line_fraction", 0.31, 0.3, ""),
        "e": (0, "dropped", "gopher_quality", "min_words", 49, 50, ""),
        "f": (1, "dropped", "c4", "max_curly_bracket_lines", 2, 0, ""),
        "g": (1, "dropped", "fineweb", "max_duplicate_line_character_fraction", 0.05, 0.01, ""),
        "h": (1, *kept),
        "i": (1, *kept),
    }
    assert (statistics["pages"], statistics["kept"], statistics["dropped"]) == (9, 3, 6)
    assert statistics["dropped_by_stage"] == {
        "language": 2,
        "repetition": 1,
        "gopher_quality": 1,
        "c4": 1,
        "fineweb": 1,
    }
    assert statistics["kept_by_language"] == {"en": 3}


def kept(found: pa.Table) -> str:
    return "".join(row["id"] for row in found.to_pylist() if row["outcome"] == "kept")


def test_filters_can_be_left_out_added_and_changed(tmp_path, parts):
    none = SelectConfig(filters=())
    assert kept(build(tmp_path / "none", parts, none)[1]) == "abcdefghi"
    few = SelectConfig(filters=("language", "toxicity"))
    assert kept(build(tmp_path / "few", parts, few)[1]) == "adefgi"
    loose = SelectConfig(
        language=LanguageConfig(languages=(), min_score=0.3),
        gopher_quality=GopherQualityConfig(min_words=49),
    )
    _, found = build(tmp_path / "loose", parts, loose)
    assert kept(found) == "abchi"
    row = found.to_pylist()[4]  # passed quality now, and falls to the next
    assert (row["stage"], row["rule"]) == ("c4", "max_curly_bracket_lines")


def test_languages_have_thresholds_of_their_own(tmp_path):
    parts = [
        part(
            tmp_path,
            "p",
            page("a", "de", 0.7, stop_word_count=1),
            page("b", "de", 0.99, curly_bracket_lines=3),
            page("c", "ja", 0.99, mean_word_length=1.1, punctuated_line_fraction=0.5),
            page("d", "en", 0.99, mean_word_length=1.1),
            page("e", "und", 0.0),
        )
    ]
    everyone = LanguageConfig(languages=())
    same = SelectConfig(language=everyone)
    assert kept(build(tmp_path / "same", parts, same)[1]) == ""
    own = dataclasses.replace(same, per_language=True)
    _, found = build(tmp_path / "own", parts, own)
    assert kept(found) == "bc"
    rules = {row["id"]: (row["stage"], row["rule"]) for row in found.to_pylist()}
    assert rules["d"] == ("gopher_quality", "min_mean_word_length")
    assert rules["e"] == ("language", "min_score")


def scores(folder: Path, name: str, **values: float) -> Path:
    rows = pa.table({"id": list(values), "quality_score": list(values.values())})
    write_table(rows, folder / name / "scores.parquet")
    return folder / name


def test_a_learned_score_decides_last_and_over_all_parts(tmp_path):
    parts = [
        part(tmp_path, "p", page("a"), page("b"), page("c", word_count=3)),
        part(tmp_path, "q", page("d"), page("e"), page("f")),
    ]
    given = [
        scores(tmp_path, "s", a=0.9, b=0.2, c=0.99),
        scores(tmp_path, "t", d=0.5, e=0.6, f=0.1),
    ]
    filters = (*SelectConfig().filters, "learned")
    config = SelectConfig(filters=filters, min_quality_score=0.2)
    statistics, found = build(tmp_path / "least", parts, config, scores=given)
    assert kept(found) == "abde"
    assert found.to_pylist()[5]["rule"] == "min_quality_score"
    assert statistics["dropped_by_stage"]["learned"] == 1
    config = SelectConfig(filters=filters, best_fraction=0.4)  # of the five that pass the rest
    for group in (1, 2):  # the best of all, not of a group
        _, found = build(tmp_path / f"best{group}", parts, config, group, scores=given)
        assert kept(found) == "ae"
    row = found.to_pylist()[3]
    assert (row["rule"], row["value"], row["threshold"]) == ("best_fraction", 0.5, 0.6)
    with pytest.raises(RuntimeError, match="other pages"):
        build(tmp_path / "wrong", parts, config, scores=given[::-1])
    with pytest.raises(UserError, match=r"name a model with input\.quality_model"):
        build(tmp_path / "none", parts, config)


def test_scores_that_several_groups_have_add_up(tmp_path):
    parts = [part(tmp_path, "p", *map(page, "abc")), part(tmp_path, "q", *map(page, "def"))]
    given = [
        scores(tmp_path, "s", a=0.9, b=0.9, c=0.9),
        scores(tmp_path, "t", d=0.9, e=0.5, f=0.1),
    ]
    config = SelectConfig(filters=("learned",), best_fraction=0.5)
    for group in (1, 2):
        _, found = build(tmp_path / str(group), parts, config, group, scores=given)
        assert kept(found) == "abcd"


def test_an_unknown_filter_is_the_user_s_mistake():
    known = ", ".join(select.RULES)
    with pytest.raises(UserError, match=rf"filters: unknown 'taste': one of {known}$"):
        SelectConfig(filters=("taste",))


def test_explain_says_what_each_rule_says():
    signals = {**GOOD, "word_count": 49, "language_score": 0.99}
    rows = explain_rules(signals, "en", SelectConfig())
    assert [row["rule"] for row in rows if row["drops"]] == ["min_words"]
    words = next(row for row in rows if row["rule"] == "min_words")
    assert (words["stage"], words["value"], words["must_be"], words["threshold"]) == (
        "gopher_quality",
        49,
        "at least",
        50,
    )
    german = explain_rules({**GOOD, "language_score": 0.99}, "de", SelectConfig())
    assert [row["rule"] for row in german if row["drops"]] == ["languages"]


@pytest.mark.parametrize("filters", [(), ("language",), SelectConfig().filters])
def test_a_page_without_a_line_left_is_dropped_under_any_recipe(tmp_path, filters):
    parts = [part(tmp_path, "p", page("a"), page("b", line_count=0), page("c", line_count=1))]
    statistics, found = build(tmp_path / "out", parts, SelectConfig(filters=filters))
    assert kept(found) == "ac"
    row = found.to_pylist()[1]
    if "fineweb" in filters:  # it has a rule for them
        assert (row["stage"], row["rule"]) == ("fineweb", "empty")
        assert "extract" not in statistics["dropped_by_stage"]
    else:
        assert (row["stage"], row["rule"], row["value"]) == ("extract", "no_text_left", 0)
        assert statistics["dropped_by_stage"]["extract"] == 1
    assert sum(statistics["dropped_by_stage"].values()) == statistics["dropped"] == 1


def test_which_brackets_count_is_the_recipe_s_choice(tmp_path):
    parts = [
        part(
            tmp_path,
            "p",
            page("a"),
            page("b", curly_bracket_lines_anywhere=3),  # in its code
            page("c", curly_bracket_lines=1, curly_bracket_lines_anywhere=3),
        )
    ]
    assert kept(build(tmp_path / "ours", parts, recipe("fineweb-code").select)[1]) == "ab"
    _, found = build(tmp_path / "paper", parts, recipe("fineweb-paper").select)
    assert kept(found) == "a"
    assert [row["value"] for row in found.to_pylist()] == [None, 3, 3]
