"""Rules by language: English is FineWeb's, the others FineWeb-2's, none is impossible to meet."""

import dataclasses

import pytest

from pipeline.filters.fineweb import FinewebConfig
from pipeline.filters.gopher_quality import GopherQualityConfig
from pipeline.filters.language import LanguageIdentifier
from pipeline.filters.language_table import TABLE
from pipeline.filters.languages import rules
from pipeline.filters.repetition import RepetitionConfig
from pipeline.filters.scripts import SCRIPTS, is_possible, letter_shares, scripts_of
from pipeline.filters.words import split_words

ASKED_FOR = ("ru zh de ja es fr it pt pl nl", "id tr cs vi ko ar fa")
PROSE = {
    "de": "Das Haus steht auf dem Berg und die Leute im Dorf sehen es von weitem.",
    "fr": "La maison est sur la colline et les gens du village la voient de loin.",
    "ru": "Дом стоит на горе, и люди из деревни видят его с далека, как и до войны.",
    "zh": "房子在山上，村里的人从远处就可以看见它，这是一座很老的房子。",
    "ja": "家は山の上にあり、村の人々は遠くからそれを見ることができます。",
    "ko": "그 집은 산 위에 있는 집이고 이 마을의 사람들은 그 집을 볼 수 있다.",
    "vi": "Ngôi nhà ở trên núi và người trong làng có thể nhìn thấy nó từ xa với một con mắt.",
    "th": "บ้านหลังนี้ไม่ได้อยู่ในเมืองที่มีคนมาก แต่อยู่บนภูเขา",
    "tr": "Ev dağın üzerinde ve köydeki insanlar için bu ev çok uzaktan da görünür.",
}


def test_english_is_fineweb_s():
    english = rules("en")
    assert english.stop_words == ("the", "be", "to", "of", "and", "that", "have", "with")
    assert english.min_language_score == 0.65
    assert english.repetition == RepetitionConfig()
    assert english.gopher_quality == GopherQualityConfig()
    assert english.fineweb == FinewebConfig()
    assert english.use_c4


def test_numbers_of_fineweb_2():
    german, chinese = rules("de"), rules("zh")
    assert german.min_language_score == 0.821
    assert german.repetition.max_duplicate_line_fraction == 0.263
    assert german.repetition.max_top_2_gram_character_fraction == 0.169
    assert german.repetition.max_duplicate_10_gram_character_fraction == 0.098
    assert german.gopher_quality.max_mean_word_length == 15
    assert german.fineweb.max_newline_word_ratio == 0.152
    assert chinese.gopher_quality.min_mean_word_length == 1
    assert rules("ru").fineweb.min_punctuated_line_fraction == 0.231


@pytest.mark.parametrize("language", [*TABLE, "xx", "sw", "und"])
def test_every_language_can_be_met(language):
    own = rules(language)
    assert own.language == language
    assert 0 < own.min_language_score <= 0.9
    assert not own.use_c4
    for field in dataclasses.fields(own.repetition):
        assert 0 < getattr(own.repetition, field.name) <= 1
    assert own.repetition.max_duplicate_paragraph_fraction == 1.0  # off
    assert own.fineweb.max_short_line_fraction == 1.0  # off
    assert own.fineweb.max_duplicate_line_character_fraction == 0.1
    assert own.gopher_quality.min_mean_word_length < own.gopher_quality.max_mean_word_length
    assert own.gopher_quality.min_stop_words == (2 if language in TABLE else 0)
    assert len(set(own.stop_words)) == (16 if language in TABLE else 0)


def test_the_large_languages_have_rows():
    assert {language for line in ASKED_FOR for language in line.split()} <= TABLE.keys()
    assert len(TABLE) >= 17


@pytest.mark.parametrize("language", PROSE)
def test_stop_words_are_found_in_prose(language):
    words = split_words(PROSE[language], language)
    assert len(set(words) & set(rules(language).stop_words)) >= 2


def test_thresholds_that_count_words_are_converted():
    """FineWeb-2's words are a dictionary's; ours are signs, syllables or what spaces part."""
    chinese, korean, thai, vietnamese = (rules(code) for code in ("zh", "ko", "th", "vi"))
    assert [own.gopher_quality.min_words for own in (chinese, korean, thai)] == [74, 30, 126]
    assert korean.fineweb.max_newline_word_ratio == pytest.approx(0.196 / 0.61)
    assert thai.fineweb.max_newline_word_ratio == pytest.approx(0.153 / 2.52)
    assert korean.gopher_quality.max_mean_word_length == pytest.approx(6 / 0.61)  # longer words
    assert vietnamese.gopher_quality.min_mean_word_length == pytest.approx(3 / 1.15)  # shorter ones
    assert chinese.gopher_quality.max_mean_word_length == 5  # between Latin words as published
    assert chinese.gopher_quality.min_mean_word_length == 1
    # 100 of their words, 79.1 with a letter: 48.25 of ours beside 20.9 numbers and signs
    assert korean.gopher_quality.min_alphabetic_word_fraction == pytest.approx(0.6978, abs=1e-4)
    german = rules("de")
    assert german.gopher_quality.min_words == 50
    assert german.gopher_quality.min_alphabetic_word_fraction == 0.774
    assert german.fineweb.max_newline_word_ratio == 0.152


def test_varieties_of_chinese_have_its_rules():
    for code in ("yue", "wuu"):
        assert dataclasses.replace(rules(code), language="zh") == rules("zh")


def test_unknown_languages_share_one_default():
    first, second = rules("sw"), rules("tl")
    assert dataclasses.replace(first, language="tl") == second


def test_letters_by_script():
    assert letter_shares("") == {}
    assert letter_shares("123 !?") == {}
    assert letter_shares("plain") == {"Latn": 1.0}
    assert letter_shares("naïve Ünal") == {"Latn": 1.0}
    shares = letter_shares("東京タワー")
    assert shares == {"Hani": 0.4, "Kana": 0.6}
    assert letter_shares("Дом abc") == {"Cyrl": 0.5, "Latn": 0.5}
    assert letter_shares("\ud800 ß") == {"Latn": 1.0}  # a lone surrogate is no letter
    assert set(letter_shares("אבגאלף ١٢٣ عرب हिन्दी ไทย 한국")) <= set(SCRIPTS)


def test_what_a_label_asks_of_the_letters():
    assert is_possible("zh", {"Hani": 1.0})
    assert not is_possible("ja", {"Hani": 1.0})
    assert is_possible("ja", {"Hani": 0.6, "Kana": 0.4})
    assert not is_possible("zh", {"Hani": 0.6, "Kana": 0.4})
    assert is_possible("zh", {"Hani": 0.1, "Latn": 0.9})  # a page of code with comments
    assert not is_possible("ko", {"Latn": 1.0})
    assert not is_possible("ru", {"Latn": 0.99, "Cyrl": 0.01})
    assert is_possible("sr", {"Latn": 1.0})
    assert is_possible("sr", {"Cyrl": 1.0})
    assert is_possible("th", {})


def test_scripts_are_known_of_all_176_languages():
    labels = LanguageIdentifier().labels
    assert len(labels) == 176
    for label in labels:
        assert set(scripts_of(label)) <= set(SCRIPTS)
    assert scripts_of("de") == ("Latn",)
    assert scripts_of("el") == ("Grek",)
