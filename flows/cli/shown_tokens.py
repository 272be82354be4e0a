"""`crawl2chat tokens`: a text as its tokens, in a terminal, as a page, or as JSON."""

import argparse
import json
import sys
from pathlib import Path

from flows.cli import output
from flows.cli.models import find_model
from flows.runner import streams
from storage import Lake
from storage.errors import UserError


def tokens(chosen: argparse.Namespace) -> int:
    """A text as its tokens."""
    from pipeline.export import load_tokenizer
    from pipeline.tokenizer.show import coloured, pieces
    from pipeline.tokenizer.token_page import page

    lake = Lake(chosen.lake)
    if chosen.model:
        folder = find_model(lake, chosen.model)
    else:
        digest = lake.heads().get("tokenizer")
        if digest is None:
            raise UserError(f"no tokenizer in lake {lake.url} yet: `crawl2chat run tokenizer`")
        folder = lake.local("tokenizer", digest)
    tokenizer = load_tokenizer(folder)
    if chosen.html:
        Path(chosen.html).write_text(page(tokenizer, chosen.text), encoding="utf-8")
        if chosen.json:
            output.document({"html": chosen.html})
        else:
            print(chosen.html)
        return 0
    if chosen.json:
        output.document(pieces(tokenizer, chosen.text))
    elif not streams.is_plain(sys.stdout):
        print(coloured(tokenizer, chosen.text))
    else:
        for piece in pieces(tokenizer, chosen.text):
            shown = json.dumps(piece["text"], ensure_ascii=False) if piece["text"] else ""
            print(f"{piece['id']}\t{shown or piece['bytes']}")
    return 0
