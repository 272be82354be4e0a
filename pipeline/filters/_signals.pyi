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
    signs: int,
    stop_words: tuple[str, ...],
    lines: tuple[int, int, int, int, int, int, int, int, int],
    code: tuple[tuple[int, int], ...],
    formulas: tuple[tuple[int, int], ...],
    /,
) -> tuple[str, list[str], tuple[int, ...], tuple[tuple[int, int], ...]]: ...
def split(text: str, by_script: bool, /) -> list[str]: ...
def count_sentences(line: str, /) -> int: ...
