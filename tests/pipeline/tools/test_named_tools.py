"""Tools by their names."""

import pytest

from pipeline.chat.messages import ToolCall
from pipeline.tools.config import NAMES
from pipeline.tools.named_tools import named


def test_each_name_is_its_tool_in_the_order_asked_for() -> None:
    with named(NAMES) as box:
        assert tuple(one.name for one in box.tools) == NAMES
        calls = [
            ToolCall("calculator", '{"expression": "6 * 7"}'),
            ToolCall("python", '{"code": "6 * 7"}'),
        ]
        assert [output.text for output in box.answer_all(calls)] == ["42", "42"]
    with named(NAMES[::-1]) as box:
        assert tuple(one.name for one in box.tools) == NAMES[::-1]
    assert named(()).tools == ()
    with pytest.raises(ValueError, match="no tool 'abacus'"):
        named(("abacus",))
