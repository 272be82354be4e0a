"""What many streams together are sent: not more events than a server and its clients can take."""

import pytest

from pipeline.serve.unsent_tokens import wait_between


def test_few_rows_wait_as_long_as_was_asked_and_many_share_the_events() -> None:
    assert wait_between(0.015, 0) == wait_between(0.015, 1) == wait_between(0.015, 60) == 0.015
    assert wait_between(0.015, 256) == pytest.approx(0.064)
    assert wait_between(0.1, 256) == 0.1
