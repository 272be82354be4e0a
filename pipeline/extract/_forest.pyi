import numpy as np

Buffer = bytes | np.ndarray

class Forest:
    def __init__(self, nodes: Buffer, values: Buffer, starts: Buffer) -> None: ...
    def predict(self, matrix: Buffer, rows: int, width: int, /) -> bytes: ...
