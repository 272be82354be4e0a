"""A vocabulary in which every cut of the pre-tokenizer can be seen in the ids.

With a vocabulary learned from text, a letter cut from its neighbour mostly gives the ids it would
have given uncut. Here each byte merges with each of a few frequent characters on either side, so
whether a character is held to be a letter, a digit, a space or a sign shows beside any of them.
"""

import itertools
import json
from pathlib import Path

import tokenizers
from tokenizers import AddedToken

from pipeline.export.vocabulary import SPLITS
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.tokenizer import untrained

NEIGHBOURS = "as1 .'\n"


def stress_tokenizer(split: str, folder: Path) -> Tokenizer:
    """With the pre-tokenizer that GGUF calls `split`; its files are left in `folder`."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    shown = [untrained().pre_tokenizer.pre_tokenize_str(c)[0][0] for c in NEIGHBOURS]
    merges = []
    for neighbour, byte in itertools.product(shown, alphabet):
        merges += [(byte, neighbour), (neighbour, byte)]
    merges = list(dict.fromkeys(merges))
    names = ["<|endoftext|>", *alphabet, *dict.fromkeys(a + b for a, b in merges)]
    rust = untrained()
    rust.model = tokenizers.models.BPE({name: id for id, name in enumerate(names)}, merges)
    rust.add_special_tokens([AddedToken(names[0], special=True, normalized=False)])
    data = json.loads(rust.to_str())
    kind = SPLITS[split]
    data["model"]["ignore_merges"] = kind.whole_words_first
    cut, byte_level = data["pre_tokenizer"]["pretokenizers"]
    if kind.regex is None:
        data["pre_tokenizer"] = byte_level | {"use_regex": True}
    else:
        cut["pattern"]["Regex"] = kind.regex
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(data))
    return Tokenizer.load(folder)
