import numpy as np

Buffer = bytes | np.ndarray

FIRST: list[str]
SECOND: list[str]
LEXICON: int
BLOCK_BYTES: int
CONTAINER_BYTES: int

def first(
    blocks: Buffer,
    containers: Buffer,
    texts: list[str],
    lexicon: Buffer,
    groups: Buffer,
    title: str,
    og_title: str,
    description: str,
    html_bytes: int,
    furniture: int,
    content: int,
    out: Buffer,
    width: int,
    /,
) -> None: ...
def second(
    blocks: Buffer,
    containers: Buffer,
    probabilities: Buffer,
    out: Buffer,
    width: int,
    column: int,
    /,
) -> None: ...
def keys(text: str, /) -> tuple[int, ...]: ...
