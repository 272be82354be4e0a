"""The dumps there are, and the files of one.

Names and dates come from collinfo.json, or from the listing page if a mirror has no such file; a
dump's files from its `*.paths.gz` lists. An unknown dump is the user's mistake: the error names the
newest dumps.
"""

import dataclasses
import json
import re

from pipeline.crawl.client import Client
from pipeline.crawl.source import base_url, index_url, join
from pipeline.crawl.transport import Missing, TransferError
from storage.errors import UserError

NAME = re.compile(r"[A-Z][A-Z0-9]{1,15}-MAIN-\d{4}-\d{2,4}$")
NEWEST = re.compile(r"[A-Z][A-Z0-9]{1,15}-MAIN-latest$")
IN_LISTING = re.compile(r"[A-Z][A-Z0-9]{1,15}-MAIN-\d{4}-\d{2,4}(?![\w-])")
LISTINGS = {"warc": "warc.paths.gz", "wet": "wet.paths.gz", "index": "cc-index-table.paths.gz"}
NAMED_IN_ERROR = 5  # of the newest dumps


@dataclasses.dataclass(frozen=True)
class Dump:
    """One crawl of the web."""

    name: str  # CC-MAIN-2024-22
    title: str = ""  # May 2024 Index
    first: str = ""  # time of the first page, ISO; "" if the list doesn't say
    last: str = ""
    api: str = ""  # address of its CDX API


def is_dump(text: str) -> bool:
    """Whether an input names a dump."""
    return bool(NAME.match(text) or NEWEST.match(text))


def list_dumps(client: Client) -> list[Dump]:
    """All dumps, the newest first."""
    place = join(index_url(client.config), "collinfo.json", client.config)
    try:
        return _from_collinfo(client, place)
    except (Missing, TransferError) as first:
        listing = join(base_url(client.config), "crawl-data/index.html", client.config)
        try:
            page = client.read(listing).decode("utf-8", "replace")
        except (Missing, TransferError):
            raise first from None
        names = sorted(set(IN_LISTING.findall(page)), key=_age)
        if not names:
            raise first
        return [Dump(name) for name in names]


def resolve(client: Client, name: str) -> Dump:
    """The dump of this name; `CC-MAIN-latest` is the newest.

    Raises:
        UserError: there is none; it names the newest.
    """
    try:
        known = list_dumps(client)
    except (Missing, TransferError):
        if NEWEST.match(name):
            raise
        return Dump(name)  # a mirror without a list: its files tell
    family = name.split("-")[0]
    for dump in known:
        if dump.name == name or (NEWEST.match(name) and dump.name.startswith(f"{family}-")):
            return dump
    raise unknown(client, name, known)


def unknown(client: Client, name: str, known: list[Dump]) -> UserError:
    """The error for a dump that does not exist."""
    where = base_url(client.config)
    if not known:
        return UserError(f"input {name}: no such dump at {where}")
    newest = ", ".join(dump.name for dump in known[:NAMED_IN_ERROR])
    return UserError(f"input {name}: no such dump at {where}; the newest are {newest}")


def paths(client: Client, dump: Dump, kind: str) -> list[str]:
    """The paths of a dump's files of one kind (warc, wet, index), in the list's order.

    Raises:
        UserError: the mirror has no list of them.
    """
    name = f"crawl-data/{dump.name}/{LISTINGS[kind]}"
    url = join(base_url(client.config), name, client.config)
    try:
        return client.read_lines(url)
    except Missing as error:
        raise UserError(
            f"input {dump.name}: {base_url(client.config)} has no {LISTINGS[kind]} of it"
        ) from error


def _from_collinfo(client: Client, url: str) -> list[Dump]:
    def attempt() -> list[Dump]:
        data = client.read_once(url)[0]
        try:
            found = [
                Dump(
                    str(entry["id"]),
                    str(entry.get("name", "")),
                    str(entry.get("from") or ""),
                    str(entry.get("to") or ""),
                    str(entry.get("cdx-api") or ""),
                )
                for entry in json.loads(data)
            ]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TransferError(f"{url}: no list of dumps: {data[:40]!r}") from error
        if not found:
            raise TransferError(f"{url}: an empty list of dumps")  # seen in an outage
        return found

    return sorted(client.retry(attempt), key=lambda dump: _age(dump.name))


def _age(name: str) -> tuple[bool, list[int], str]:
    """A sort key by age; CC-MAIN-2008-2009 has two years in its name."""
    numbers = [-int(number) for number in re.findall(r"\d+", name)]
    return not name.startswith("CC-"), numbers, name
