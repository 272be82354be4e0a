"""A tiny true lake for the pages: a corpus, a tokenizer, conversations and two models.

`base` and what is made of its corpus are those of toy_artifacts; `sft` is the model of tool_model,
which really calls the calculator and has a tokenizer of its own.
"""

import shutil
from pathlib import Path

from tool_model import make_tool_model
from toy_artifacts import make_artifacts

from storage import Lake
from storage.digest import artifact_digest


def make_page_lake(root: Path) -> Lake:
    """The lake, in a folder that is there."""
    for name in ("toy", "tools"):
        (root / name).mkdir()
    made, tools = make_artifacts(root / "toy"), make_tool_model(root / "tools")
    lake = Lake(root / "lake")
    corpus = commit(lake, "corpus_group", made.corpus)
    tokenizer = commit(lake, "tokenizer", made.tokenizer, corpus=[corpus])
    commit(lake, "tokens", made.tokens, corpus=[corpus], tokenizer=[tokenizer])
    talks = commit(lake, "conversations", made.conversations, corpus=[corpus])
    base = commit(lake, "base", made.base, tokenizer=[tokenizer])
    commit(lake, "sft", tools, base=[base], conversations=[talks])
    return lake


def commit(lake: Lake, kind: str, folder: Path, **inputs: list[str]) -> str:
    """Commit a folder's files as the newest artifact of a kind; its digest."""
    digest = artifact_digest(kind, 1, {}, inputs)
    staging = lake.staging(kind, digest)
    shutil.copytree(folder, staging, dirs_exist_ok=True)
    lake.commit(staging, kind, digest, 1, {}, inputs, {}, {})
    lake.set_heads({kind: digest})
    return digest
