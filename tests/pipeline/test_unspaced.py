"""One notion of a word in scripts without spaces, whoever counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup import _words, minhash
from pipeline.filters import _ngrams
from pipeline.filters.decontamination import DecontaminationConfig, NgramIndex
from pipeline.filters.examples import Example
from pipeline.filters.words import split_words
from pipeline.unspaced import RANGES, characters, count_words, has_small_signs

THAI = "ในประเทศไทยมีน้ำ"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" a  b\nc ", 3),
        ("don't—stop é", 2),
        ("灯塔的历史", 5),
        ("GPT是2018年", 4),
        (THAI, 9),
        ("ខ្ញុំសរសេរ", 5),
        ("མ་ད་ཡིག", 3),  # Tibetan: parted by its own sign
        ("“灯塔”。 — abc, 塔（x）", 6),
        ("မြန်မာ", 2),
        ("한국어 문장", 2),
        ("ｶﾞｷﾞ ー", 3),
    ],
)
def test_words_are_counted(text: str, words: int) -> None:
    assert count_words(text) == words


@given(st.text(st.sampled_from("aé 1\n漢字かなｶﾞกเาำน้ខ្ញុំမြန်မာ한"), max_size=40))
def test_the_same_words_for_all_who_count(text: str) -> None:
    """Texts of letters: the filters' words, and those that reports count."""
    assert count_words(text) == len(split_words(text, "xx"))


def test_one_table_for_filters_dedup_and_evaluation_sets() -> None:
    letters = [sign for sign in characters()[::7] if sign.isalpha()]
    for sign in letters:
        run = f"a{sign}a"
        assert len(split_words(run, "xx")) in (2, 3), sign  # 2: a vowel stays with what it follows
        assert len(_ngrams.words(run)[3]) == 3, sign
        folded = minhash.normalize(run).split()
        assert len(folded) == 3 or not minhash.normalize(sign), sign
    assert [low for low, _ in RANGES] == sorted(low for low, _ in RANGES)
    with pytest.raises(ValueError, match="pairs"):
        _ngrams.set_unspaced([(1, 2)] * 65)
    with pytest.raises(TypeError):
        _ngrams.set_unspaced([(1, "x")])  # type: ignore[list-item]
    _ngrams.set_unspaced(RANGES)


def test_small_signs_need_longer_n_grams() -> None:
    assert has_small_signs(THAI)
    assert not has_small_signs("灯塔的历史 abc")
    assert not has_small_signs("plain")
    assert not has_small_signs("")
    assert has_small_signs("กข a")  # two of three letters
    assert not has_small_signs("กข ab")
    assert not has_small_signs("\u0e83 \u0e83")  # of Lao's range, but no letter
    letters = "กขคงจฉชซญฎฏฐฑฒณดตถทธนบปผฝพฟภมย"
    index = NgramIndex([Example("t", 0, (letters,))], DecontaminationConfig())
    assert index.scan(letters[:13] + " ok") is None  # four words or so: no evidence
    assert index.scan(letters[:26]) is not None
    chinese = "昨天下午市图书馆举办了一场关于古代灯塔的讲座"
    index = NgramIndex([Example("t", 0, (chinese,))], DecontaminationConfig())
    assert index.scan(chinese[:13]) is not None


def test_passages_count_signs() -> None:
    counts = np.frombuffer(_words.passages("灯塔的历史\n灯塔\nzwei Wörter", False), "<u8")
    assert counts.reshape(-1, 2)[:, 1].tolist() == [5, 2, 2]
