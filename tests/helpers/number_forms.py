"""Forms of numbers and what they are worth: the table of the tests, and docs/numbers.md from it.

    python -m tests.helpers.number_forms    writes docs/numbers.md

Values are what the writer means, by the conventions named beside each group, not what any code
here makes of them. A value of None: it is no single number, and must never be taken for one.
"""

from fractions import Fraction
from pathlib import Path

DOC = Path(__file__).parents[2] / "docs" / "numbers.md"

# Group: (form, value as a fraction's text or None)
FORMS: dict[str, list[tuple[str, str | None]]] = {
    "plain, in a sentence": [
        ("405", "405"),
        ("405.", "405"),
        ("It is 405!", "405"),
        ("It is 405, in total.", "405"),
        ("I think 400, no, 405.", "405"),
        ("347 + 58 = 405", "405"),
        ("7+8=15, 4+5+1=10, 3+1=4. So 347 + 58 = 405.", "405"),
        ("Answer:405", "405"),
        ("#### 405", "405"),
        ("(405)", "405"),
        ("“405”", "405"),
        ("405 apples", "405"),
        ("Step 2: 405", "405"),
        ("347 + 58: 405", "405"),
        ("405 (= 400 + 5)", None),
        ("405km", "405"),
        ("$405", "405"),
        ("405 €", "405"),
        ("0", "0"),
        ("405 or 406", "406"),
        ("答案是405。", "405"),
    ],
    "signs": [
        ("-405", "-405"),
        ("\u2212405", "-405"),
        ("\u2013405", "-405"),
        ("\uff0d405", "-405"),
        ("\ufe63405", "-405"),
        ("\u2011405", "-405"),
        ("= -405", "-405"),
        ("= - 405", "-405"),
        ("It is \u2212 405.", "-405"),
        ("-$405", "-405"),
        ("$-405", "-405"),
        ("-(405)", "-405"),
        ("**-405**", "-405"),
        ("-**405**", "-405"),
        ("minus 405", "-405"),
        ("Negative 405.", "-405"),
        ("minus  405", "-405"),
        ("x=-405", "-405"),
        ("3; \u2212405", "-405"),
        ("+405", "405"),
        ("It is +405.", "405"),
        ("\u00b1405", None),
        ("It is\u2014405.", "405"),
    ],
    "thousands": [
        ("5,200", "5200"),
        ("5 200", "5200"),
        ("5\u00a0200", "5200"),
        ("5\u202f200", "5200"),
        ("5\u2009200", "5200"),
        ("5'200", "5200"),
        ("5\u2019200", "5200"),
        ("5_200", "5200"),
        ("5{,}200", "5200"),
        (r"5\,200", "5200"),
        ("1,405", "1405"),
        ("12,405", "12405"),
        ("3 405", "3405"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1 234 567", "1234567"),
        ("12,34,567", "1234567"),
        ("1,00,000", "100000"),
        ("-1,405", "-1405"),
        ("$1,405.00", "1405"),
        ("In 2024 405", "405"),
        ("4 05", None),
        ("1,23,45", None),
        ("12,4,405", None),
        ("1234,567,890", None),
        ("123,45,678", None),
        ("1234.567.890", None),
    ],
    "decimals": [
        ("405.0", "405"),
        ("405.00", "405"),
        ("405,0", "405"),
        ("405.5", "811/2"),
        ("3.405", "3405/1000"),
        ("0.405", "405/1000"),
        (".405", "405/1000"),
        ("0,405", "405/1000"),
        ("40,5", "405/10"),
        ("1,405.0", "1405"),
        ("1.405,0", "1405"),
        ("1 405,5", "2811/2"),
        ("1'405.5", "2811/2"),
        ("3,14159", "314159/100000"),
        ("1234,567", "1234567/1000"),
        ("-0.5", "-1/2"),
    ],
    "fractions": [
        ("810/2", "405"),
        ("405/1", "405"),
        ("1/405", "1/405"),
        ("1 / 405", "1/405"),
        ("405/2", "405/2"),
        ("3 1/2", "7/2"),
        ("½", "1/2"),
        ("3½", "7/2"),
        ("3 7/2", "7/2"),
        ("3⁄4", "3/4"),
        ("-1/2", "-1/2"),
        (r"\frac{1}{405}", "1/405"),
        (r"\dfrac{810}{2}", "405"),
        ("405/0", None),
        ("1/2/405", None),
    ],
    "percent, powers, magnitudes": [
        ("405%", "405/100"),
        ("405 %", "405/100"),
        (r"405\%", "405/100"),
        ("405 percent", "405/100"),
        ("4.05e2", "405"),
        ("4.05E+2", "405"),
        ("405e3", "405000"),
        ("4.05 × 10^2", "405"),
        ("4.05×10²", "405"),
        (r"4.05 \times 10^{2}", "405"),
        ("405×10⁻²", "405/100"),
        ("405k", "405000"),
        ("405 thousand", "405000"),
        ("5.2 million", "5200000"),
        ("405M", "405000000"),
        ("405 bn", "405000000000"),
        ("405m", "405"),
        ("405²", None),
        ("2^405", None),
        ("√405", None),
    ],
    "other scripts and settings": [
        ("４０５", "405"),
        ("٤٠٥", "405"),
        ("४०५", "405"),
        ("５，２００", "5200"),
        ("٥٬٢٠٠", "5200"),
        (r"\boxed{405}", "405"),
        ("$405$", "405"),
        ("**405**", "405"),
        ("`405`", "405"),
        ("_405_", "405"),
    ],
    "not a single number": [
        ("0405", None),
        ("007", None),
        ("347 + 58", None),
        ("347+58", None),
        ("347 - 58", None),
        ("347 \u2212 58", None),
        ("404-405", None),
        ("404\u2013405", None),
        ("2024-04-05", None),
        ("4:05", None),
        ("3:405", None),
        ("1.2.405", None),
        ("127.0.0.405", None),
        (">405", None),
        ("≠ 405", None),
        ("A405", None),
        ("x_405", None),
        ("0x405", None),
        ("405th", None),
        ("No idea.", None),
        ("", None),
    ],
}


def rows() -> list[tuple[str, str, Fraction | None]]:
    """(group, form, value) of all."""
    return [
        (group, form, None if value is None else Fraction(value))
        for group, forms in FORMS.items()
        for form, value in forms
    ]


def document() -> str:
    """docs/numbers.md."""
    lines = [
        "# Numbers as the judges read them",
        "",
        "Rewards of reinforcement learning and scores of arithmetic and facts take the last",
        "number of a reply and compare its exact value. These are the test's own forms",
        f"(`tests/helpers/number_forms.py` writes this page), {len(rows())} of them. A form",
        "without a value is never right. Where countries differ, the English way is taken: 3.405",
        "is three and a bit, 3,405 is thousands; with two separators there is no doubt.",
    ]
    for group, forms in FORMS.items():
        lines += ["", f"## {group.capitalize()}", "", "| written | value |", "|---|---|"]
        for form, value in forms:
            shown = form.replace("|", "\\|").replace("`", "'")
            code = "".join(f"<U+{ord(c):04X}>" if _hidden(c) else c for c in shown)
            lines.append(f"| `{code}` | {value or 'none'} |" if form else "| (nothing) | none |")
    return "\n".join(lines) + "\n"


def _hidden(character: str) -> bool:
    """What looks like another character on a page."""
    return character in "\u00a0\u2009\u202f\u2011\u2013\u2212\ufe63\uff0d\u2014\u2019"


if __name__ == "__main__":
    DOC.write_text(document(), encoding="utf-8")
