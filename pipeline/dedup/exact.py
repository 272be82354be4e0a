"""Pages with the same text: a hash of the text without case and spacing.

Case and white space are ignored because mirrors of a page often differ only in them.
"""

import hashlib
import unicodedata

from pipeline.dedup import _words

# The hash of a text of white space. Such texts are not copies of each other: it matches nothing.
NOTHING = hashlib.sha256(b"").hexdigest()


def text_sha256(text: str) -> str:
    """64 hex digits; the same for texts that differ in case, white space or Unicode form only."""
    normal = _words.lower(text)
    if not normal.isascii():
        composed = unicodedata.normalize("NFC", normal.decode("utf-8", "surrogatepass"))
        normal = composed.encode("utf-8", "surrogatepass")
    return hashlib.sha256(normal).hexdigest()
