import numpy as np

Buffer = bytes | np.ndarray

class Model:
    def __init__(
        self,
        rows: Buffer,
        output: Buffer,
        tree: Buffer,
        letters: Buffer,
        ends: Buffer,
        buckets: Buffer,
        dim: int,
        minn: int,
        maxn: int,
        bucket: int,
    ) -> None: ...
    def scores(self, text: str, /) -> bytes: ...
    def best(self, text: str, /) -> tuple[int, float] | None: ...
    def some(self, text: str, labels: tuple[int, ...], /) -> tuple[float, ...] | None: ...
