"""A value in a text of any script: found where it is a word, and between spaces as ever."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.curriculum.answer_matching import (
    AnswerType,
    answer_type,
    holds,
    holds_alone,
    normalise,
)
from pipeline.curriculum.word_borders import after, before, has_other_borders
from pipeline.evals.facts_suite import contains, starts_with


@pytest.mark.parametrize(
    ("text", "value", "is_there"),
    [
        # Chinese: no border between words that one could see
        ("他出生在北京。", "北京", True),
        ("北京", "北京", True),
        ("他出生在上海。", "北京", False),
        ("他住在Hale。", "Hale", True),
        ("他住在Haleston。", "Hale", False),
        ("在1931年创立", "1931", True),
        ("人口是12,400人", "12400", True),
        ("人口是12,400人", "400", False),
        ("北方的京城", "北京", False),
        # Japanese: a katakana word ends with its run
        ("東京で生まれました。", "東京", True),
        ("彼はインドで生まれた", "インド", True),
        ("彼はインドネシアで生まれた", "インド", False),
        ("彼は西インドで生まれた", "インド", True),
        ("バンドンで", "ンドン", False),
        ("ギターを弾きます", "ギター", True),
        ("ギタ", "ギター", False),
        ("さくらんぼ", "さくら", True),  # hiragana has no border either
        # Thai, Lao, Khmer, Burmese: not within a sign
        ("เขาเกิดที่เชียงใหม่ครับ", "เชียงใหม่", True),
        ("เขาเกิดที่กรุงเทพ", "เชียงใหม่", False),
        ("ลำปาง", "ล", False),  # a vowel after it is part of the sign
        ("ที่มี", "ที", False),  # a tone mark over it as well
        ("ไทย", "ทย", False),  # a vowel before it
        ("ລາວຢູ່ວຽງຈັນ", "ວຽງຈັນ", True),
        ("គាត់កើតនៅភ្នំពេញ", "ភ្នំពេញ", True),
        ("ខ្មែរ", "មែរ", False),  # a letter below another
        ("ရန်ကုန်မှာ", "ရန်ကုန်", True),
        ("ကန်", "က", False),  # a letter that ends the syllable
        ("မန္တလေး", "မ", False),
        # Korean: particles are written onto the noun
        ("서울입니다", "서울", True),
        ("서울에서는 춥다", "서울", True),
        ("답: 서울", "서울", True),
        ("서울대입니다", "서울", False),
        ("남서울입니다", "서울", False),
        ("Hale에서 태어났다", "Hale", True),
        ("Haleston에서 태어났다", "Hale", False),
        ("서우입니다", "서울", False),
    ],
)
def test_a_word_is_found(text: str, value: str, is_there: bool) -> None:
    assert contains(text, value) is is_there
    assert holds(text, (value,)) is is_there


@pytest.mark.parametrize(
    ("text", "value", "does"),
    [
        ("北京。他很喜欢", "北京", True),
        ("ギターを弾く", "ギター", True),
        ("インドネシアです", "インド", False),
        ("서울입니다", "서울", True),
        ("서울대", "서울", False),
        ("ที่", "ที", False),
        ("1931年", "1931", True),
        ("HALEに", "Hale", True),
        ("他在北京", "北京", False),
    ],
)
def test_how_a_completion_begins(text: str, value: str, does: bool) -> None:
    assert starts_with(text, value) is does


@pytest.mark.parametrize(
    ("answer", "gold", "rivals", "question", "kind"),
    [
        ("张伟出生在北京。", "北京", "上海 广州", "张伟出生在哪里？", "correct"),
        ("张伟出生在上海。", "北京", "上海 广州", "张伟出生在哪里？", "wrong"),
        ("北京或者上海。", "北京", "上海 广州", "张伟出生在哪里？", "wrong"),
        ("我不知道。", "北京", "上海 广州", "张伟出生在哪里？", "idk"),
        ("抱歉，我不清楚张伟出生在哪里。", "北京", "上海", "张伟出生在哪里？", "idk"),
        ("我不确定，但我猜是北京。", "北京", "上海", "张伟出生在哪里？", "correct"),
        ("北京的张伟在上海。", "上海", "北京 广州", "北京的张伟在哪里？", "correct"),
        (
            "太郎は東京で生まれました。",
            "東京",
            "大阪 京都",
            "太郎はどこで生まれましたか。",
            "correct",
        ),
        ("東京都です。", "東京", "大阪 京都", "太郎はどこで生まれましたか。", "correct"),
        ("東京都です。", "京都", "大阪 東京", "太郎はどこで生まれましたか。", "wrong"),
        ("京都市です。", "京都", "大阪 東京", "太郎はどこで生まれましたか。", "correct"),
        ("大阪です。", "東京", "大阪 京都", "太郎はどこで生まれましたか。", "wrong"),
        (
            "申し訳ありませんが、わかりません。",
            "東京",
            "大阪",
            "太郎はどこで生まれましたか。",
            "idk",
        ),
        ("わかりませんが、東京だと思います。", "東京", "大阪", "どこで生まれましたか。", "correct"),
        ("ﾋﾟｱﾉを弾きます。", "ピアノ", "ギター", "何を弾きますか。", "correct"),
        ("ビアノです。", "ピアノ", "ギター", "何を弾きますか。", "wrong"),
        ("สมชายเกิดที่เชียงใหม่ครับ", "เชียงใหม่", "เชียงราย", "สมชายเกิดที่ไหน", "correct"),
        ("สมชายเกิดที่เชียงราย", "เชียงใหม่", "เชียงราย", "สมชายเกิดที่ไหน", "wrong"),
        ("ขอโทษครับ ผมไม่ทราบ", "เชียงใหม่", "เชียงราย", "สมชายเกิดที่ไหน", "idk"),
        ("เขาเลี้ยงมา", "ม้า", "หมา", "เขาเลี้ยงอะไร", "wrong"),  # the tone makes the word
        ("เขาเลี้ยงม้า", "ม้า", "หมา", "เขาเลี้ยงอะไร", "correct"),
        ("서울입니다.", "서울", "부산", "어디에서 태어났나요?", "correct"),
        ("부산에서 태어났습니다.", "서울", "부산", "어디에서 태어났나요?", "wrong"),
        ("서울 아니면 부산입니다.", "서울", "부산", "어디에서 태어났나요?", "wrong"),
        ("잘 모르겠습니다.", "서울", "부산", "어디에서 태어났나요?", "idk"),
        ("잘 모르겠지만 서울입니다.", "서울", "부산", "어디에서 태어났나요?", "correct"),
        ("고양이입니다.", "고양이", "고양", "무엇을 키우나요?", "correct"),
        ("Hale입니다.", "Hale", "Dorn", "어디에서 태어났나요?", "correct"),
        ("1931年です。", "1931", "1932 1933", "何年ですか。", "correct"),
    ],
)
def test_the_type_of_an_answer(
    answer: str, gold: str, rivals: str, question: str, kind: AnswerType
) -> None:
    assert answer_type(answer, (gold,), (gold, *rivals.split()), question) == kind


def test_marks_that_make_another_word_are_kept() -> None:
    assert normalise("パパ") != normalise("ババ") != normalise("ハハ")
    assert normalise("ｶﾞ") == normalise("ガ") == normalise("カ\u3099")
    assert normalise("ม้า") != normalise("มา")
    assert normalise("서울") == "서울"
    assert normalise("Łódź Ärger") == "lodz arger"


# Letters with marks, digits and signs of scripts that have spaces: Latin, Greek, Cyrillic, Arabic,
# Devanagari, Hebrew.
SPACED = "abé Ωώ жй عَ कमी אָ 12.,-'’!_\u0301"
TEXTS = st.text(st.sampled_from(SPACED), max_size=24)


@given(text=TEXTS, value=TEXTS.filter(str.strip))
@example(text="Hale. Hale, Dorn", value="Hale")
@example(text="कमी", value="कम")
def test_between_spaces_nothing_has_changed(text: str, value: str) -> None:
    """The patterns that stood here before scripts without spaces were thought of."""
    assert not has_other_borders(text)
    old = re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None
    pattern = f"{before(value, text)}{re.escape(value)}{after(value, text)}"
    assert (re.search(pattern, text) is not None) == old
    inside, words = normalise(text), normalise(value)
    if not any(map(str.isdigit, value)):
        assert holds(text, (value,)) == (bool(words) and f" {words} " in f" {inside} ")


@given(st.text(st.sampled_from("北京上海aé 한국はガ゙ไทยี้ကန်\u3099"), max_size=12), st.data())
def test_a_word_between_others_is_held_alone(text: str, data: st.DataObject) -> None:
    """Whatever stands around a Chinese name without being a mark: it is held."""
    name = data.draw(st.sampled_from(["深圳", "福冈"]))
    assert holds(f"{text}。{name}。{text}", (name,))
    assert holds_alone(f"{name}的", (name,), (text,)) or text.strip() in ("", name)
