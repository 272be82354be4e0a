"""Named recipes, and every departure from them in one line."""

import dataclasses
import json

import pytest

from pipeline.config import from_dict, to_dict
from pipeline.corpus.config import CorpusConfig, SelectConfig
from pipeline.corpus.recipes import RECIPES, TABLES, Recipe, deviations, recipe
from pipeline.corpus.select import RULES
from pipeline.dedup.config import DedupConfig
from pipeline.filters.decide import threshold_of
from pipeline.filters.gopher_quality import GopherQualityConfig
from pipeline.scan.config import ScanConfig
from storage.errors import UserError


def tree(chosen: Recipe) -> dict:
    """As a run's config shows it."""
    return json.loads(json.dumps(to_dict(chosen)))


def test_the_default_is_the_code_recipe():
    assert (recipe("fineweb-code").scan, recipe("fineweb-code").select) == (
        ScanConfig(),
        SelectConfig(),
    )
    for name, chosen in RECIPES.items():
        assert deviations(tree(chosen), name) == []
        assert chosen.notes, "where our means differ from what was published"


def test_paper_and_code_differ_in_one_threshold_and_in_where_a_bracket_counts():
    assert deviations(tree(recipe("fineweb-paper")), "fineweb-code") == [
        "select.c4.braces_in_code: True (fineweb-code: False)",
        "select.fineweb.max_duplicate_line_character_fraction: 0.1 (fineweb-code: 0.01)",
    ]


def test_deviations_name_key_value_and_recipe():
    quality = GopherQualityConfig(min_alphabetic_word_fraction=0.6)
    changed = dataclasses.replace(
        recipe("fineweb-code"), select=SelectConfig(gopher_quality=quality)
    )
    assert deviations(tree(changed), "fineweb-code") == [
        "select.gopher_quality.min_alphabetic_word_fraction: 0.6 (fineweb-code: 0.8)"
    ]
    fewer = dataclasses.replace(recipe("gopher"), select=SelectConfig(filters=("language",)))
    assert deviations(tree(fewer), "gopher") == [
        "select.filters: [language] (gopher: [language, gopher_quality, repetition, toxicity])"
    ]


def test_every_recipe_can_be_carried_out():
    configs = {"scan": ScanConfig, "select": SelectConfig}
    configs |= {"dedup": DedupConfig, "corpus": CorpusConfig}
    assert tuple(configs) == TABLES
    for chosen in RECIPES.values():
        for table, kind in configs.items():
            assert from_dict(kind, tree(chosen)[table]) == getattr(chosen, table)
        for name in chosen.select.filters:
            for rule in RULES[name]:
                own = chosen.select if name == "learned" else getattr(chosen.select, name)
                assert threshold_of(rule, own) >= 0


def test_unknown_recipes():
    with pytest.raises(UserError, match="unknown recipe 'fineweb': one of dclm, fineweb-code"):
        recipe("fineweb")
