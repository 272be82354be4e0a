"""Zstandard, from Python 3.14's standard library or its backport, with a limit on memory.

A frame names the size of its window; one that needs more memory than is allowed is refused.
"""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdDict, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdDict, ZstdError

__all__ = ["ARCHIVE_WINDOW_LOG", "WEB_WINDOW_LOG", "ZstdDict", "ZstdError", "zstd_stream"]

WEB_WINDOW_LOG = 23  # 8 MiB: RFC 9659, of Content-Encoding
ARCHIVE_WINDOW_LOG = 27  # 128 MiB: the zstd tool's default for reading


def zstd_stream(window_log: int, dictionary: ZstdDict | None = None) -> ZstdDecompressor:
    """A decompressor of one frame."""
    options = {int(DecompressionParameter.window_log_max): window_log}
    return ZstdDecompressor(dictionary, options=options)
