"""Events come out whole, however the stream is cut into blocks and whichever line ends it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.cli import server_sent_events
from flows.cli.server_sent_events import OversizedEvent, data_of

LINES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(1, 9), min_size=1),
    st.sampled_from(["data: ", "event: x\ndata: ", ": nothing\ndata: "]),
)
def test_any_cut_gives_the_same_events(
    events: list[list[str]], end: str, sizes: list[int], head: str
) -> None:
    written = "".join(
        "".join(f"{head}{line}\n" for line in event) + "\n" for event in events
    ).replace("\n", end)
    raw = written.encode()
    blocks: list[bytes] = []
    at = 0
    while at < len(raw):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(raw[at : at + size])
        at += size
    assert list(data_of(blocks)) == ["\n".join(event) for event in events]


def test_what_has_no_end_is_no_event() -> None:
    assert list(data_of([b"data: a\n\nretry: 3\n\ndata: b"])) == ["a"]
    assert list(data_of([b"data:a\ndata\ndata: \xe4\n\n"])) == ["a\n\n\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize("line", [b"data: 12345678", b"data: 123\ndata: 123\n", b"x" * 20])
def test_an_event_without_bounds_is_refused(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_sent_events, "MOST_EVENT_BYTES", 10)
    with pytest.raises(OversizedEvent):
        list(data_of([line]))
