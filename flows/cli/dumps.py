"""The command `dumps`: which dumps there are, and what files one has."""

import argparse
import dataclasses

from flows.cli import output
from flows.config import load
from flows.config_tables import DEFAULT_PRESET
from flows.inputs import dump_named
from flows.runner.workers import NetworkError
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import list_dumps, paths
from pipeline.crawl.source import while_someone_waits
from pipeline.crawl.transport import Missing, TransferError
from storage.errors import UserError


def dumps(chosen: argparse.Namespace) -> int:
    """List the dumps, or the files of one."""
    client = Client(while_someone_waits(load(DEFAULT_PRESET).download))
    try:
        if chosen.name:
            return _files(chosen, client)
        found = list_dumps(client)
    except TransferError as error:
        raise NetworkError(f"dumps: {error}") from error
    except Missing as error:
        raise UserError(f"dumps: {error}") from error
    if chosen.json:
        output.document([dataclasses.asdict(dump) for dump in found])
        return 0
    body = [(dump.name, dump.title, dump.first[:10], dump.last[:10]) for dump in found]
    output.rows(("dump", "title", "from", "to"), body)
    return 0


def _files(chosen: argparse.Namespace, client: Client) -> int:
    listed = paths(client, dump_named(client, chosen.name), "wet" if chosen.wet else "warc")
    if chosen.json:
        output.document(listed)
    else:
        print("\n".join(listed))
    return 0
