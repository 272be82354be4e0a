import numpy as np

BLOCK_BYTES: int
CONTAINER_BYTES: int
TAGS: tuple[str, ...]

def segment(
    html: bytes, moves: np.ndarray, masks: np.ndarray, max_depth: int, max_blocks: int, /
) -> tuple[list[str], bytes, bytes, tuple[str, ...], int, bool, bool, bytes, str]: ...
