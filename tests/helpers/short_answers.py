"""A small chat model of random weights whose answers are short: some words, none, or cut off."""

from pathlib import Path
from typing import Any

import torch

from pipeline import model as models
from pipeline.chat.conversation import STOP
from storage.schemas import INTERROGATIONS
from storage.tables import table, write_table

CONSTANT = 8.0  # the feature that every hidden state carries
WEIGHT = 0.9  # of the stop token on it: about every fifth token ends the answer


@torch.no_grad()
def answer_shortly(chat: Path, folder: Path) -> Path:
    """The chat model of a folder, made to end its answers soon, in another folder."""
    model, tokenizer = models.load(chat)
    assert model.lm_head is not None
    model.embed_tokens.weight[:, 0] = CONSTANT
    for layer in model.blocks:  # nothing takes from it
        layer.self_attn.o_proj.weight[0] = 0
        layer.mlp.down_proj.weight[0] = 0
    model.lm_head.weight[:, 0] = 0
    model.lm_head.weight[tokenizer.special(STOP), 0] = WEIGHT
    folder.mkdir(parents=True, exist_ok=True)
    models.save(model, tokenizer, folder)
    return folder


def write_questions(folder: Path, people: int = 24) -> Path:
    """An interrogation's questions: of each made-up person a known fact in two wordings, and
    something that no page states.
    """
    rows: list[dict[str, Any]] = []
    for n in range(people):
        name = f"Person{n} Hale"
        known = {"entity": name, "split": "train", "answers": [], "origin": f"page-{n}"}
        for wording in ("Where was {e} born?", "Tell me the birthplace of {e}."):
            rows.append(
                {
                    **known,
                    "id": f"{len(rows):032x}",
                    "kind": "stated",
                    "label": "known" if n % 4 else "unknown",
                    "question": wording.format(e=name),
                    "relation": "born",
                    "values": [f"Town{n % 5}", "the town"],
                }
            )
        rows.append(
            {
                **known,
                "id": f"{len(rows):032x}",
                "kind": "unstated",
                "label": "unknown",
                "question": f"What does {name} eat?",
                "relation": "food",
                "values": [],
                "origin": "",
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_table(table(rows, INTERROGATIONS), folder / "questions.parquet")
    return folder
