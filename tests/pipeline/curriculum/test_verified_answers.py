"""math-verify is asked for formulas alone; what the own reader decides stays decided."""

import importlib.util
import types

import pytest

from pipeline.curriculum import optional_packages
from pipeline.curriculum.verified_answers import MODULE, is_verified
from storage.errors import UserError

INSTALLED = importlib.util.find_spec(MODULE) is not None


@pytest.fixture
def asked(monkeypatch):
    """What the package is asked, in its place: everything is equal."""
    questions: list[str] = []

    def parse(text):
        questions.append(text)
        return text

    def take(module, package, why):
        return types.SimpleNamespace(parse=parse, verify=lambda gold, given: True)

    monkeypatch.setattr(optional_packages, "take", take)
    return questions


@pytest.mark.parametrize("reply", ["42", "#### 42", r"\boxed{42}", r"\boxed{\frac{84}{2}}"])
def test_a_plain_number_needs_no_package(asked, reply):
    assert is_verified(reply, "42")
    assert not is_verified(reply, "420")
    assert not asked


@pytest.mark.parametrize(
    "reply",
    [
        "41 or 42",
        "6 * 7",  # nothing is marked
        r"\boxed{41, 42}",
        r"\boxed{41 \text{ or } 42}",
        r"\boxed{\pm 42}",
        r"\boxed{x}",
        r"\boxed{6 * 7} \boxed{6 * 8}",
        r"\boxed{}",
        "",
    ],
)
def test_candidates_and_words_are_never_verified(asked, reply):
    assert not is_verified(reply, "42")
    assert not asked


@pytest.mark.parametrize("formula", [r"6 * 7", r"\sqrt{16} + 38", r"6 \times 7", "40 + 2"])
def test_one_formula_is_verified(asked, formula):
    assert is_verified(rf"So \boxed{{{formula}}}.", "42")
    assert asked == ["$42$", f"${formula}$"]


@pytest.mark.skipif(INSTALLED, reason="math-verify is installed")
def test_without_the_package_there_is_one_line():
    with pytest.raises(UserError, match="pip install math-verify"):
        is_verified(r"\boxed{6 * 7}", "42")


@pytest.mark.skipif(not INSTALLED, reason="math-verify isn't installed")
def test_the_package_itself_knows_equal_from_unequal():
    assert is_verified(r"\boxed{6 * 7}", "42")
    assert is_verified(r"\boxed{\sqrt{16} + 38}", "42")
    assert not is_verified(r"\boxed{6 * 8}", "42")
