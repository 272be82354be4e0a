"""Which pages of a dump: by host, language and address, the same for every kind of index.

`example.com` is that host and its www; `*.example.com` all hosts below it as well. Languages are
ISO 639-3 as in Common Crawl's indexes (deu; de works too), the first of a page's languages counts.
A pattern is a glob over the whole address (`*` also stands for slashes; without a scheme any
scheme fits), or a regular expression between slashes.
"""

import contextlib
import dataclasses
import hashlib
import re
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from storage.digest import canonical_json
from storage.errors import UserError

HTML = ("text/html", "application/xhtml+xml")
HOST = re.compile(r"(\*\.)?([a-z0-9_-]+\.)*[a-z0-9_-]+$")
WWW = re.compile(r"^www\d*\.")  # as SURT has it: a whole label, and the first

# One row a page: the position of its record, and its address.
CAPTURES = pa.schema(
    [
        ("filename", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("url", pa.string()),
    ]
)

# ISO 639-1 to the ISO 639-3 of CLD2, by which Common Crawl names languages.
_PAIRS = (
    "af:afr am:amh ar:ara az:aze be:bel bg:bul bn:ben bo:bod bs:bos ca:cat ceb:ceb co:cos"
    " cs:ces cy:cym da:dan de:deu dv:div el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas"
    " fi:fin fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg gu:guj ha:hau he:heb hi:hin hr:hrv"
    " ht:hat hu:hun hy:hye id:ind ig:ibo is:isl it:ita ja:jpn jv:jav ka:kat kk:kaz km:khm"
    " kn:kan ko:kor ku:kur ky:kir la:lat lb:ltz lo:lao lt:lit lv:lav mg:mlg mi:mri mk:mkd"
    " ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya ne:nep nl:nld nn:nno no:nor ny:nya oc:oci"
    " or:ori pa:pan pl:pol ps:pus pt:por ro:ron ru:rus rw:kin sa:san sd:snd si:sin sk:slk"
    " sl:slv sm:smo sn:sna so:som sq:sqi sr:srp st:sot su:sun sv:swe sw:swa ta:tam te:tel"
    " tg:tgk th:tha tk:tuk tl:tgl tr:tur tt:tat ug:uig uk:ukr ur:urd uz:uzb vi:vie wo:wol"
    " xh:xho yi:yid yo:yor zh:zho zu:zul"
)
LANGUAGES = dict(pair.split(":") for pair in _PAIRS.split())


@dataclasses.dataclass(frozen=True)
class PageSelection:
    """Which pages are chosen; an empty field chooses all."""

    hosts: tuple[str, ...] = ()
    language: str = ""  # ISO 639-3
    match: str = ""
    pages: int = 0  # at most; 0 = all
    files: tuple[str, ...] = ()  # of the dump's WARC files only these; () = any

    def digest(self, *more: object) -> str:
        """A digest of the selection and of `more` values that decide the result."""
        given = [dataclasses.asdict(self), *map(str, more)]
        return hashlib.sha256(canonical_json(given)).hexdigest()[:12]


def selection(
    hosts: tuple[str, ...], language: str, match: str, pages: int, files: tuple[str, ...] = ()
) -> PageSelection:
    """A selection from what the user gave.

    Raises:
        UserError: a host, the language, the pattern or the number of pages is unusable.
    """
    cleaned = []
    for host in hosts:
        name = host.strip().lower()
        name = name.partition("://")[2] or name
        # of an address only the host is taken: no user, port or path; a dot at the end is the root
        name = re.sub(r":\d*$", "", re.split("[/?#]", name)[0].rpartition("@")[2]).rstrip(".")
        with contextlib.suppress(UnicodeError):  # müller.de is xn--mller-kva.de in every index
            name = name.encode("idna").decode()
        if not HOST.match(name):
            raise UserError(f"hosts {host!r}: write a host as example.com or *.example.com")
        cleaned.append(name)
    code = language.strip().lower()
    code = LANGUAGES.get(code, code)
    if code and not re.fullmatch(r"[a-z]{3}", code):
        raise UserError(f"language {language!r}: write ISO 639, as deu or de")
    if pages < 0:
        raise UserError("pages: at least 0 (0 = all)")
    compiled(match)
    return PageSelection(tuple(sorted(set(cleaned))), code, match, pages, files)


def compiled(match: str) -> re.Pattern[str]:
    """The pattern as a compiled regular expression; UserError if it is none."""
    try:
        return re.compile(expression(match))
    except re.error as error:
        raise UserError(f"match {match!r}: no regular expression: {error}") from error


def expression(match: str) -> str:
    """The pattern as a regular expression to search for in an address; valid for RE2 as well."""
    if len(match) > 1 and match.startswith("/") and match.endswith("/"):
        return match[1:-1]
    if not match:
        return ""
    scheme = "" if "://" in match or match.startswith("*") else r"([a-z]+://)?"
    # a question mark stands for itself: addresses have them
    return f"^{scheme}{'.*'.join(re.escape(piece) for piece in match.split('*'))}$"


def host_fits(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether a page's host is one of the chosen ones."""
    host = host.lower().strip(".")
    for wanted in hosts:
        bare = wanted.removeprefix("*.")
        if host == bare or WWW.sub("", host, count=1) == bare:
            return True
        if wanted.startswith("*.") and host.endswith(f".{bare}"):
            return True
    return not hosts


def capture_fits(entry: dict[str, Any], chosen: PageSelection, pattern: re.Pattern[str]) -> bool:
    """Whether an entry of a CDX file is chosen: an HTML page with status 200 that fits."""
    mime = entry.get("mime-detected") or entry.get("mime") or ""
    url = str(entry.get("url", ""))
    if str(entry.get("status", "")) != "200" or mime not in HTML:
        return False
    if chosen.language and str(entry.get("languages", "")).split(",")[0] != chosen.language:
        return False
    if chosen.files and entry.get("filename") not in chosen.files:
        return False
    return host_fits(urlsplit(url).hostname or "", chosen.hosts) and bool(pattern.search(url))


def table(rows: list[tuple[str, int, int, str]]) -> pa.Table:
    """Captures as a table, in the order of their positions in the dump, each once."""
    ordered = sorted(set(rows))
    columns = list(zip(*ordered)) if ordered else [()] * len(CAPTURES)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, CAPTURES)]
    return pa.Table.from_arrays(arrays, schema=CAPTURES)


def surt_host(host: str) -> str:
    """`www.example.com` as indexes sort it: `com,example`."""
    bare = WWW.sub("", host.removeprefix("*."), count=1)
    return ",".join(reversed(bare.split(".")))
