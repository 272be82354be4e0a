"""Pages with the same text: a hash of the text without case and spacing, and one keeper for each.

The keeper is the page with the smallest id, so it depends neither on order nor on how many workers
there were. Case and white space are put aside because mirrors differ in them and in nothing else.
"""

import hashlib
import unicodedata
from collections.abc import Iterable


def text_sha256(text: str) -> str:
    """64 hex digits; the same for texts that differ in case, white space or Unicode form only."""
    normal = unicodedata.normalize("NFC", " ".join(text.split()).lower())
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()


def keepers(ids: Iterable[str], hashes: Iterable[str]) -> dict[str, str]:
    """For each id, the smallest id that has the same hash (itself, where it is the keeper)."""
    pairs = list(zip(ids, hashes, strict=True))
    smallest: dict[str, str] = {}
    for id_, text_hash in pairs:
        smallest[text_hash] = min(id_, smallest.get(text_hash, id_))
    return {id_: smallest[text_hash] for id_, text_hash in pairs}
