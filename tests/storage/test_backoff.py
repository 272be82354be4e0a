"""Pauses double up to the longest, and no two are alike."""

import datetime
import email.utils

import pytest

from storage.backoff import asked_seconds, pause_seconds


@pytest.mark.parametrize(
    ("failures", "middle"), [(1, 0.5), (2, 1.0), (5, 8.0), (6, 10.0), (7, 10.0), (5_000, 10.0)]
)
def test_pauses_double_up_to_the_longest_and_chance_spreads_them(failures, middle):
    drawn = [pause_seconds(failures, 0.5, 10.0) for _ in range(500)]
    assert all(0.5 * middle <= seconds <= 1.5 * middle for seconds in drawn)
    assert min(drawn) < 0.75 * middle < 1.25 * middle < max(drawn)


def test_without_a_first_pause_there_is_none():
    assert pause_seconds(9, 0.0, 10.0) == 0.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),  # RFC 9110's own example, long past
    ],
)
def test_what_a_retry_after_header_asks_for(header, seconds):
    assert asked_seconds(header) == seconds


def test_a_date_is_a_time_from_now():
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=100)
    found = asked_seconds(email.utils.format_datetime(later))
    assert found is not None
    assert 95 < found <= 100
    # A date without a zone is in UTC.
    found = asked_seconds(later.strftime("%a, %d %b %Y %H:%M:%S"))
    assert found is not None
    assert 95 < found <= 100
