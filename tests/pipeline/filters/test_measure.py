"""All signals of a page at once: C against plain Python, on made text and on real pages."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import ENGLISH
from plain_signals import plain_measure
from plain_words import split_words

from pipeline.filters.c4 import C4LinesConfig
from pipeline.filters.measure import SignalsConfig, measure, word_set
from pipeline.filters.words import split_words as split_words_of
from storage.errors import UserError
from storage.schemas import SIGNALS

CONFIGS = [
    SignalsConfig(),
    SignalsConfig(C4LinesConfig(enabled=False)),
    SignalsConfig(C4LinesConfig(require_terminal_punctuation=True, min_words_per_line=0)),
    SignalsConfig(C4LinesConfig(max_word_length=12, min_words_per_line=1), 5),
    SignalsConfig(
        C4LinesConfig(remove_citations=False, drop_javascript_lines=False, drop_policy_lines=False),
        short_line_characters=0,
    ),
]
# words, signs and white space that some rule looks for
PIECES = [
    *("a", "b", "ab", "the", "to", "word.", "don't", ":)", "Hi.", "No!", "“Q.”", "3.5km", "日本"),
    *("[12]", "[]", "[edit]", "[citation needed]", "[1", "1]", "[", "]", "[٣]", "[ 1]"),
    *("{", "}", "lorem ipsum", "Lorem", "JavaScript", "use coo\u212aies", "privacy policy"),
    *(
        "Terms of use",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "\u0130",
        "prİvacy policy",
    ),
    *("…", "...", "....", "- x", "• x", "•", "#", "x" * 13, "y" * 1001, "\ud800", "\U0001f600"),
    *(
        "\n",
        "\n\n",
        "\n \n",
        "\r\n",
        "\r",
        "\x0b",
        "\x1c",
        "\u2028",
        "\x85",
        "  ",
        "\t",
        " ",
        "\n ",
    ),
]


def check(text: str, config: SignalsConfig) -> None:
    page = measure(text, "en", config, ENGLISH)
    after, signals = plain_measure(text, config, ENGLISH)
    assert page.signals == signals
    assert page.text == after
    assert page.words == split_words(after)


@given(
    st.lists(st.sampled_from(PIECES), max_size=60),
    st.sampled_from(["", " ", "\n"]),
    st.sampled_from(CONFIGS),
)
@settings(max_examples=1500)
def test_as_plain_python_on_pieces_that_rules_look_for(
    pieces: list[str], between: str, config: SignalsConfig
) -> None:
    check(between.join(pieces), config)


@given(st.text(max_size=200), st.sampled_from(CONFIGS))
@settings(max_examples=500)
def test_as_plain_python_on_any_text(text: str, config: SignalsConfig) -> None:
    check(text, config)


@given(st.lists(st.sampled_from(["a", "ab", "aba", "b", "ba", "."]), max_size=120))
@settings(max_examples=500)
def test_as_plain_python_on_repetitions(words: list[str]) -> None:
    check(" ".join(words), SignalsConfig())


def test_as_plain_python_on_a_long_page() -> None:
    rng = random.Random("long")
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(1, 8))) for _ in range(4000)]
    words += [*words[500:700], *rng.choices(PIECES, k=200)]
    check(" ".join(rng.choices(words, k=40_000)), SignalsConfig())


@pytest.mark.parametrize("config", CONFIGS[:2])
def test_as_plain_python_on_real_pages(shared_dir: Path, config: SignalsConfig) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    archives = sorted((shared_dir / "crawl").glob("*.warc.gz"))
    if not archives:
        pytest.skip("no crawl in shared/")
    pages = 0
    with archives[1].open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            html = record.reader.read()
            encoding = detect_encoding(html)
            assert encoding is not None
            text = extract_plain_text(bytes_to_str(html, encoding), main_content=True)
            check(text[:20_000], config)
            pages += 1
            if pages == 60:
                break
    assert pages == 60


def test_every_column_of_these_filters_is_measured() -> None:
    names = [field if isinstance(field, str) else field[0] for field in SIGNALS]
    signals = measure("Some text.", "en", SignalsConfig(), ENGLISH).signals
    assert set(signals) <= set(names)
    missing = set(names) - set(signals)
    assert all(name.startswith(("toxic", "adult", "extraction")) for name in missing), missing


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\x85", "{"])
def test_no_text_has_all_signals_and_no_nan(text: str) -> None:
    signals = measure(text, "en", SignalsConfig(), ENGLISH).signals
    assert all(value == value for value in signals.values())
    assert signals["extracted_characters"] == len(text)
    assert signals["line_count"] == 0


def test_stop_words_are_the_callers() -> None:
    text = "Der Hund und die Katze und das Haus."
    stop_words = ("der", "und", "die", "das", "", "x" * 100)
    assert measure(text, "de", SignalsConfig(), stop_words).signals["stop_word_count"] == 3
    assert measure(text, "de", SignalsConfig(), ()).signals["stop_word_count"] == 0
    # a word that comes to be only when a citation is cut out is none of the extracted text's
    cut = measure("one two un[1]d three", "en", SignalsConfig(), ("und",))
    assert cut.words == ["one", "two", "und", "three"]
    assert cut.signals["stop_word_count"] == 0


def test_unspaced_languages_have_a_word_a_sign() -> None:
    text = "这座古老的桥横跨河流。每天都有很多人走过！"
    chinese = measure(text, "zh", SignalsConfig(), ("的",)).signals
    english = measure(text, "en", SignalsConfig(), ("的",)).signals
    assert chinese["word_count"] == 19
    assert chinese["mean_word_length"] == 1
    assert english["word_count"] == 1  # the rules of English know no sign between them
    assert (chinese["stop_word_count"], english["stop_word_count"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "language", "ellipses", "trailing"),
    [
        ("他说……然后走了。。。\n再见……", "zh", 3, 2),  # "……" is one
        ("そして・・・\n終わり...", "ja", 2, 2),
        ("Und…… dann...\nso", "de", 2, 1),
        ("他说……然后走了...", "en", 3, 1),  # Gopher's count of signs, as datatrove has it
        ("一。二。。", "zh", 0, 0),
    ],
)
def test_ellipses_of_other_scripts(text: str, language: str, ellipses: int, trailing: int) -> None:
    signals = measure(text, language, SignalsConfig(), ENGLISH).signals
    words = len(split_words_of(text, language))
    assert signals["ellipsis_word_ratio"] == ellipses / words
    assert signals["ellipsis_line_fraction"] == trailing / len(text.splitlines())


def test_bullets_and_hashes_of_other_scripts() -> None:
    text = "◆ 一\n・ 二\n※ 三\n- 四\n• 五\n— 六\n＃ 七\n八"
    chinese = measure(text, "zh", SignalsConfig(), ENGLISH).signals
    assert chinese["bullet_line_fraction"] == 5 / 8  # a dash opens speech
    assert chinese["hash_word_ratio"] > 0
    english = measure(text, "en", SignalsConfig(), ENGLISH).signals
    assert english["bullet_line_fraction"] == 2 / 8
    assert english["hash_word_ratio"] == 0


def test_sentences_end_with_any_script_s_full_stop() -> None:
    khmer = "ខ្ញុំ សរសេរ។ អ្នក អាន។ យើង ដឹង។"
    assert measure(khmer, "km", SignalsConfig(), ENGLISH).signals["sentence_count"] == 3
    chinese = "一。二！三？四。"
    assert measure(chinese, "zh", SignalsConfig(), ENGLISH).signals["sentence_count"] == 4


def test_n_grams_of_small_signs_are_twice_as_long() -> None:
    again = "กขคงจ"  # five letters, about two words: said twice, they are no repeated 5-gram
    text = f"{again}ฉชซญฎ{again}ฏฐฑฒณ"
    signals = measure(text, "th", SignalsConfig(), ENGLISH).signals
    assert signals["duplicate_5_gram_character_fraction"] == 0
    twice = measure(f"{again}ฉชซญฎ ฬ {again}ฉชซญฎ", "th", SignalsConfig(), ENGLISH).signals
    assert twice["duplicate_5_gram_character_fraction"] == 10 / 23
    chinese = measure("一二三四五六一二三四五", "zh", SignalsConfig(), ENGLISH).signals
    assert chinese["duplicate_5_gram_character_fraction"] == 5 / 11


def test_limits_below_zero_are_refused() -> None:
    with pytest.raises(UserError, match="max_word_length: -1 is negative"):
        C4LinesConfig(max_word_length=-1)
    lines = C4LinesConfig()
    object.__setattr__(lines, "max_word_length", -1)  # past the config: the C code looks as well
    with pytest.raises(ValueError, match="must not be negative"):
        measure("text", "en", SignalsConfig(lines), ENGLISH)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "x" * 3_000_000,
        "a b " * 500_000,
        "\n" * 2_000_000,
        "[" * 500_000,
        "[1]" * 300_000,
        "." * 1_000_000,
        ". \n" * 300_000,
        "use cookie" * 200_000,
    ],
    ids=["run", "two words", "newlines", "brackets", "citations", "dots", "stops", "phrases"],
)
def test_hostile_pages_end(text: str) -> None:
    signals = measure(text, "en", SignalsConfig(), ENGLISH).signals
    assert signals["extracted_characters"] == len(text)


@pytest.mark.parametrize("language", ["en", "zh", "th"])
def test_listed_words_are_counted_without_a_list_of_all(language):
    text = "The cat, the cat [1] and the \u6e2f\u53e3 cat's tail lay here. It was so.\n\nThe end."
    wanted = ("cat", "the", "The", "dog", "港", "港口", "é" * 40, "")
    page = measure(text, language, SignalsConfig(), ())
    found = measure(text, language, SignalsConfig(), (), listed=word_set(wanted))
    counts = Counter(page.words)
    assert found.listed == {word: counts[word] for word in wanted if counts[word]}
    assert len(found.listed) >= 3
    assert (found.words, found.word_total) == ([], len(page.words))
    assert (found.text, found.signals) == (page.text, page.signals)


def test_words_of_spared_code_are_counted_with_the_others():
    code = "x = {\n  cat\n}"
    text = f"The cat of the harbour sat there.\n{code}\nThe cat went home by the road."
    start = text.index(code)
    spans = ((start, start + len(code)),)
    page = measure(text, "en", SignalsConfig(), (), spans)
    found = measure(text, "en", SignalsConfig(), (), spans, listed=word_set(["cat"]))
    assert code in page.text
    assert found.listed == {"cat": page.words.count("cat")} == {"cat": 3}
    assert found.word_total == page.word_total == len(page.words)


def test_a_set_of_words_holds_words():
    with pytest.raises(TypeError):
        word_set([b"cat"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="PyCapsule"):
        measure("cat", "en", SignalsConfig(), (), listed=object())


def test_repeated_ngrams_whose_words_are_cut_elsewhere():
    """Long and short ones, with equal heads and without: datatrove runs words together."""
    rng = random.Random("digits")
    for length in (40, 400):
        for letters in ("1", "12", "123456789"):
            words = ["".join(rng.choices(letters, k=rng.randrange(1, 5))) for _ in range(length)]
            text = " ".join(words + words[length // 3 :])
            config = SignalsConfig()
            assert measure(text, "en", config, ()).signals == pytest.approx(
                plain_measure(text, config, ())[1]
            )


@pytest.mark.parametrize(
    "head", ["a b c d e", "ab c d e f", "abcd efgh ijk lm no", "a b c d efghijklmnop"]
)
def test_repeated_ngrams_shorter_and_longer_than_a_head(head):
    text = f"{head} harbour lies here {head} boats go {head.replace('b c', 'bc')} home {head}"
    signals = measure(text, "en", SignalsConfig(), ()).signals
    assert signals == pytest.approx(plain_measure(text, SignalsConfig(), ())[1])
    assert signals["duplicate_5_gram_character_fraction"] > 0
