from collections.abc import Callable, Sequence

def configure(
    classes: dict[str, str],
    exceptions: dict[str, tuple[str, ...]],
    units: Sequence[str],
    first_parts: Sequence[str],
    second_parts: Sequence[str],
    is_url: Callable[[str], object],
    join: Callable[[list[str]], Sequence[str]],
    /,
) -> None: ...
def measure(
    text: str,
    unspaced: bool,
    stop_words: tuple[str, ...],
    lines: tuple[int, int, int, int, int, int, int, int],
    /,
) -> tuple[str, list[str], tuple[int, ...]]: ...
def split(text: str, unspaced: bool, /) -> list[str]: ...
def count_sentences(line: str, /) -> int: ...
