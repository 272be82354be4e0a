from typing import Any

import numpy.typing as npt

Bytes = bytes | bytearray | memoryview | npt.NDArray[Any]

def join(parents: Bytes, pairs: Bytes, /) -> None: ...
def flatten(parents: Bytes, /) -> None: ...
