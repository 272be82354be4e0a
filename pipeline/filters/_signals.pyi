from collections.abc import Callable, Sequence
from typing import Any

def configure(
    classes: dict[str, str],
    exceptions: dict[str, tuple[str, ...]],
    units: Sequence[str],
    pairs: Sequence[tuple[str, ...]],
    is_url: Callable[[str], object],
    join: Callable[[list[str]], Sequence[str]],
    /,
) -> None: ...
def measure(
    text: str,
    signs: int,
    stop_words: tuple[str, ...],
    lines: tuple[int, int, int, int, int, int, int, int, int],
    code: tuple[tuple[int, int], ...],
    formulas: tuple[tuple[int, int], ...],
    listed: object = None,
    /,
) -> tuple[str, Any, tuple[int, ...], tuple[tuple[int, int], ...]]: ...
def word_set(words: Sequence[str], /) -> object: ...
def split(text: str, by_script: bool, /) -> list[str]: ...
def count_sentences(line: str, /) -> int: ...
