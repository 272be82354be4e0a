"""Named recipes, and every departure from them in one line."""

import dataclasses

import pytest

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.recipes import RECIPES, deviations, recipe
from pipeline.filters.quality import GopherQualityConfig
from storage.errors import UserError


def test_the_default_is_the_code_recipe():
    assert CorpusConfig() == recipe("fineweb-code")
    assert all(deviations(config) == [] for config in RECIPES.values())


def test_paper_and_code_differ_in_one_threshold():
    paper = dataclasses.replace(recipe("fineweb-paper"), recipe="fineweb-code")
    assert deviations(paper) == [
        "fineweb.max_duplicate_line_character_fraction: 0.1 (fineweb-code: 0.01)"
    ]


def test_deviations_name_key_value_and_recipe():
    config = CorpusConfig(quality=GopherQualityConfig(min_alphabetic_word_fraction=0.6))
    assert deviations(config) == ["quality.min_alphabetic_word_fraction: 0.6 (fineweb-code: 0.8)"]


def test_unknown_recipes():
    with pytest.raises(UserError, match="one of fineweb-code, fineweb-paper"):
        deviations(CorpusConfig(recipe="fineweb"))
