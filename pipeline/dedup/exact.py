"""Pages with the same text: a hash of the text without case and spacing.

Case and white space are put aside because mirrors differ in them and in nothing else.
"""

import hashlib
import unicodedata

from pipeline.dedup import _words

# What a text of white space has. Two such texts are no copies of each other: it matches nothing.
NOTHING = hashlib.sha256(b"").hexdigest()


def text_sha256(text: str) -> str:
    """64 hex digits; the same for texts that differ in case, white space or Unicode form only."""
    normal = _words.lower(text)
    if not normal.isascii():
        composed = unicodedata.normalize("NFC", normal.decode("utf-8", "surrogatepass"))
        normal = composed.encode("utf-8", "surrogatepass")
    return hashlib.sha256(normal).hexdigest()
