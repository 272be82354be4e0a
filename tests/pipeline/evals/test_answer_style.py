"""What of an answer is counted as style, and how two answers differ in it."""

import numpy as np
import pytest

from pipeline.evals.answer_style import AnswerStyle, answer_style, scales, style_differences
from storage.errors import UserError

MARKDOWN = """# Herons

They are **grey**, __tall__ and *quiet*.

## Where

- at the **weir**
* by the mill
  + in the reeds
1. first
 22. last
-not an item, 3.nor this
#nor a header

```python
# no header
- no item **not bold**
```
"""


def test_headers_lists_and_bold_are_counted_outside_code() -> None:
    assert answer_style(MARKDOWN, 50) == AnswerStyle(50, headers=2, lists=5, bold=3)
    assert answer_style("```\n# a fence that never closes\n- x", 9) == AnswerStyle(9)
    assert answer_style("", 0) == AnswerStyle(0)
    assert answer_style("a ** b ** c\n**over\nlines**", 9) == AnswerStyle(9, bold=1)
    with pytest.raises(UserError, match="-1 tokens"):
        answer_style("x", -1)


def test_differences_are_relative_and_turn_with_the_sides() -> None:
    a, b = [AnswerStyle(20, 1, 0, 3), AnswerStyle(0)], [AnswerStyle(9, 0, 4, 3), AnswerStyle(0)]
    found = style_differences(a, b)
    assert found[0] == pytest.approx([11 / 30, 1 / 2, -4 / 5, 0])
    assert found[1].tolist() == [0, 0, 0, 0]
    assert np.array_equal(style_differences(b, a), -found)
    assert style_differences([], []).shape == (0, 4)


def test_scales_are_root_mean_squares_and_never_0() -> None:
    differences = np.array([[3.0, 0, 1, -1], [4.0, 0, 1, 1]])
    assert scales(differences) == pytest.approx([12.5**0.5, 1, 1, 1])
    assert scales(-differences) == pytest.approx(scales(differences))
    assert scales(np.zeros((0, 4))).tolist() == [1, 1, 1, 1]
