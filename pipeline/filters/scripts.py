"""Which script a text is written in, to find language labels that cannot be right.

`letter_shares(text)` counts the letters of a text's first characters by script. `is_possible(
language, shares)` says whether a label of lid.176 can be right: Chinese without a Han character,
or Japanese without kana, cannot. Names of scripts are Unicode's (ISO 15924).
"""

import numpy as np

_SAMPLE_CHARACTERS = 4000
# a script's blocks as [first, last] code points, ascending; marks between letters count with them
_BLOCKS = (
    (0x0041, 0x005A, "Latn"),
    (0x0061, 0x007A, "Latn"),
    (0x00C0, 0x00D6, "Latn"),  # without the signs × and ÷
    (0x00D8, 0x00F6, "Latn"),
    (0x00F8, 0x024F, "Latn"),
    (0x0370, 0x03FF, "Grek"),
    (0x0400, 0x052F, "Cyrl"),
    (0x0531, 0x058F, "Armn"),
    (0x0591, 0x05FF, "Hebr"),
    (0x0610, 0x06FF, "Arab"),
    (0x0750, 0x077F, "Arab"),
    (0x0780, 0x07BF, "Thaa"),
    (0x08A0, 0x08FF, "Arab"),
    (0x0900, 0x0963, "Deva"),
    (0x0971, 0x097F, "Deva"),  # behind signs that other scripts share
    (0x0980, 0x09FF, "Beng"),
    (0x0A00, 0x0A7F, "Guru"),
    (0x0A80, 0x0AFF, "Gujr"),
    (0x0B00, 0x0B7F, "Orya"),
    (0x0B80, 0x0BFF, "Taml"),
    (0x0C00, 0x0C7F, "Telu"),
    (0x0C80, 0x0CFF, "Knda"),
    (0x0D00, 0x0D7F, "Mlym"),
    (0x0D80, 0x0DFF, "Sinh"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Laoo"),
    (0x0F00, 0x0FFF, "Tibt"),
    (0x1000, 0x109F, "Mymr"),
    (0x10A0, 0x10FF, "Geor"),
    (0x1100, 0x11FF, "Hang"),
    (0x1200, 0x139F, "Ethi"),
    (0x1780, 0x17FF, "Khmr"),
    (0x1800, 0x18AF, "Mong"),
    (0x1C80, 0x1C8F, "Cyrl"),
    (0x1E00, 0x1EFF, "Latn"),
    (0x1F00, 0x1FFF, "Grek"),
    (0x3041, 0x30FF, "Kana"),
    (0x3130, 0x318F, "Hang"),
    (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Hani"),
    (0x4E00, 0x9FFF, "Hani"),
    (0xAC00, 0xD7AF, "Hang"),
    (0xF900, 0xFAFF, "Hani"),
    (0xFB1D, 0xFB4F, "Hebr"),
    (0xFB50, 0xFDFF, "Arab"),
    (0xFE70, 0xFEFE, "Arab"),
    (0xFF21, 0xFF3A, "Latn"),
    (0xFF41, 0xFF5A, "Latn"),
    (0xFF66, 0xFF9F, "Kana"),
    (0x20000, 0x3134F, "Hani"),
)
SCRIPTS = tuple(sorted({name for _, _, name in _BLOCKS}))
_STARTS = np.array([first for first, _, _ in _BLOCKS], np.uint32)
_ENDS = np.array([last for _, last, _ in _BLOCKS], np.uint32)
_NUMBERS = np.array([SCRIPTS.index(name) for _, _, name in _BLOCKS], np.int64)

# Languages of lid.176 that are not, or not only, written in Latin letters.
_WRITTEN_IN = {
    "Cyrl": "ab av ba be bg bxr ce cv kk krc kv ky lez mhr mk mn mrj myv os ru rue sah sr sh tg tt"
    " tyv udm uk uz az tk xal ku",
    "Arab": "ar arz azb ckb fa glk ks ku lrc mzn pnb ps sd ug ur az kk tt uz diq",
    "Deva": "bh bho dty gom hi mai mr ne new sa",
    "Hani": "zh yue wuu ja ko",
    "Kana": "ja",
    "Hang": "ko",
    "Grek": "el",
    "Armn": "hy",
    "Hebr": "he yi",
    "Thaa": "dv",
    "Beng": "as bn bpy",
    "Guru": "pa",
    "Gujr": "gu",
    "Orya": "or",
    "Taml": "ta",
    "Telu": "te",
    "Knda": "kn gom",
    "Mlym": "ml",
    "Sinh": "si",
    "Thai": "th",
    "Laoo": "lo",
    "Tibt": "bo dz",
    "Mymr": "my",
    "Geor": "ka xmf",
    "Ethi": "am ti",
    "Khmr": "km",
    "Mong": "mn",
    "Latn": "az diq gom ku sh sr tk tt uz",  # besides their other script
}
_SCRIPTS_OF: dict[str, tuple[str, ...]] = {}
for _script, _languages in _WRITTEN_IN.items():
    for _language in _languages.split():
        _SCRIPTS_OF[_language] = (*_SCRIPTS_OF.get(_language, ()), _script)

_MIN_SHARE = 0.1  # of the letters, for alphabets: texts also have code and names
_MIN_DENSE_SHARE = 0.05  # for scripts where one character is a syllable or a word
_MIN_KANA = 0.02  # of Han and kana, below which nothing is Japanese
_MAX_KANA = 0.30  # of Han and kana, above which nothing is Chinese


def letter_shares(text: str) -> dict[str, float]:
    """Each script's share of the letters; empty if there are none."""
    sample = text[:_SAMPLE_CHARACTERS]
    if sample.isascii():
        return {"Latn": 1.0} if any(map(str.isalpha, sample)) else {}
    points = np.frombuffer(sample.encode("utf-32-le", "surrogatepass"), np.uint32)
    blocks = np.searchsorted(_STARTS, points, side="right") - 1
    inside = (blocks >= 0) & (points <= _ENDS[blocks])
    counts = np.bincount(_NUMBERS[blocks[inside]], minlength=len(SCRIPTS))
    letters = int(counts.sum())
    return {SCRIPTS[i]: int(counts[i]) / letters for i in np.flatnonzero(counts).tolist()}


def scripts_of(language: str) -> tuple[str, ...]:
    """The scripts a language of lid.176 is written in."""
    return _SCRIPTS_OF.get(language, ("Latn",))


def is_possible(language: str, shares: dict[str, float]) -> bool:
    """Whether a text with these letters can be in that language; a text without letters can."""
    if not shares:
        return True
    kana, han = shares.get("Kana", 0.0), shares.get("Hani", 0.0)
    if language == "ja":
        return kana + han >= _MIN_DENSE_SHARE and kana >= _MIN_KANA * (kana + han)
    if language in ("zh", "yue", "wuu"):
        return han >= _MIN_DENSE_SHARE and kana <= _MAX_KANA * (kana + han)
    if language == "ko":
        return shares.get("Hang", 0.0) >= _MIN_DENSE_SHARE
    return sum(shares.get(script, 0.0) for script in scripts_of(language)) >= _MIN_SHARE
