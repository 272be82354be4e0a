"""What may go well a moment later is tried again; a mistake, a full disk and a bug are not."""

import errno

import pytest

from flows.runner.retries import RETRIED, RETRIES, is_transient
from flows.runner.workers import NetworkError, StageFailed, WorkerKilled
from pipeline.crawl.transport import Missing, TransferError
from storage.durable import DiskFull
from storage.errors import UserError


@pytest.mark.parametrize(
    ("error", "is_worth_it"),
    [
        (WorkerKilled("out of memory?"), True),
        (NetworkError("gone"), True),
        (TransferError("cut off"), True),
        (ConnectionError("the store answers 503"), True),
        (OSError(errno.ENETDOWN, "down"), True),
        (StageFailed("KeyError: x"), False),
        (UserError("input: no file"), False),
        (Missing("404"), False),
        (DiskFull("/lake"), False),
        (KeyError("x"), False),
        (KeyboardInterrupt(), False),
        (None, False),
        ({"kind": "corpus"}, False),  # what a task returned
    ],
)
def test_what_is_tried_again(error, is_worth_it):
    assert is_transient(error) is is_worth_it


def test_pauses_double():
    assert RETRIED["retry_delay_seconds"](RETRIES) == [1.0, 2.0, 4.0]
