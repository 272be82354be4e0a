"""Where a value stands in a text as a word of its own, in every script.

In: a value, and a text that may hold it. Out: patterns of what stands before and after it where it
is no part of a longer word. Between spaces that is easy: no letter. Other scripts have no such
border, or another one:

- Han, hiragana, Thai, Lao, Khmer and Burmese (`pipeline.unspaced`) have none that can be
  seen without a dictionary. A value may stand among their signs, but doesn't part a sign from its
  vowels and tone marks. So 京都 is found in 東京都: who knows the other candidates must take the
  longest from the left (`answer_matching`).
- Katakana writes whole names, and a run of it is one: インド is not in インドネシア.
- Korean has spaces between phrases, and particles and "to be" are written onto the noun: 서울입니다
  ("it is Seoul") and 서울에서는 ("in Seoul") hold 서울, and a noun without any is rare in a
  sentence. What else follows makes another word: 서울대 (a university) doesn't. A few words are
  both (고양이 is "a cat", and the town of 고양 as a subject): they pass.
"""

import re
from functools import cache

from pipeline.unspaced import ASAT, LEADING, character_set, marks

_SIGNS = character_set()
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # with the mark of long vowels
_HANGUL = "\uac00-\ud7a3"
_STACK = "\u1039"  # Burmese: the letter before it ends the syllable before, as under an asat
# Particles (J…) and the forms of the copula (VCP) of the Sejong corpus' tag set, as they are
# written onto nouns.
_PARTICLES = """
    은 는 이 가 께서 을 를 의 에 에서 에게 에게서 한테 께 으로 로 으로서 로서 으로써 로써 와 과
    랑 이랑 하고 도 만 까지 부터 마저 조차 밖에 보다 처럼 같이 마다 이나 나 이란 란 이라는 라는
    이라고 라고 요 이다 다 입니다 이에요 예요 이예요 이야 야 이고 고 이며 며 이지만 지만 인데
    이라서 라서 이니까 이죠 죠 이지 이었다 였다 이었습니다 였습니다 이었어요 였어요 인 일 임
    이라 라 인가요 인가
"""
_ONTO = "|".join(sorted(_PARTICLES.split(), key=len, reverse=True))
_MOST_ONTO = 3  # 에서만은
# Signs whose words don't end where a space or mark is, as they stand in a pattern's brackets.
OTHER_BORDERS = f"{_SIGNS}{_HANGUL}"
_NEEDED = re.compile(f"[{OTHER_BORDERS}]")


def has_other_borders(text: str) -> bool:
    """Whether a text has signs of OTHER_BORDERS."""
    return not text.isascii() and _NEEDED.search(text) is not None


def before(value: str, text: str, outside: str = r"\W") -> str:
    """A pattern of what may stand before a value.

    Args:
        value: its first character decides.
        text: in which it is looked for; most have nothing but words between spaces.
        outside: what no word holds, as it stands in brackets: of plain text "\\W", of text in
            which only spaces are left between words "\\s".
    """
    if not has_other_borders(text):
        return f"(?<![^{outside}])"
    kind = _kind(value[:1])
    if kind == "sign":
        return f"(?<![{LEADING}])"
    return f"(?<![{_KATAKANA}])" if kind == "katakana" else f"(?<![^{outside}{_SIGNS}])"


def after(value: str, text: str, outside: str = r"\W") -> str:
    """A pattern of what may stand after a value; its arguments are those of `before`."""
    if not has_other_borders(text):
        return f"(?![^{outside}])"
    kind = _kind(value[-1:])
    if kind == "sign":
        return _no_part_of_the_sign()
    if kind == "katakana":
        return f"(?![{_KATAKANA}\u3099\u309a])"
    return f"(?=(?:{_ONTO}){{0,{_MOST_ONTO}}}(?![^{outside}{_SIGNS}]))"


@cache
def _no_part_of_the_sign() -> str:
    """Neither a mark nor a letter without a vowel, which ends the syllable."""
    return f"(?![{re.escape(marks())}\u3099\u309a]|[{_SIGNS}][{ASAT}{_STACK}])"


def _kind(character: str) -> str:
    for kind, ranges in (("katakana", _KATAKANA), ("sign", _SIGNS)):
        if re.match(f"[{ranges}]", character):
            return kind
    return "other"
