"""A tiny true lake of which a model knows some: facts stated often, once and never, two models.

`base` has learned its pages by heart, `sft` answers questions: one rightly, one wrongly, one with
"I don't know", and one with what would be markup. Pages, facts, questions and scores of others hold
what would be markup too.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from injection_strings import INJECTIONS
from page_lake import commit
from search_corpora import write_corpus, write_index

from flows.cli.served_lake import ServedLake
from pipeline import model as models
from pipeline.chat.conversation import assistant, render, user
from pipeline.model import ModelConfig, Transformer
from pipeline.sft.train import with_conversation_tokens
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.training.data_loader import RowPart, collate
from pipeline.training.loss import token_loss
from storage import Lake
from storage.schemas import EVALS, FACTS, INTERROGATIONS
from storage.tables import table, write_table

MARKUP = INJECTIONS[0]
RIGHT, WRONG, ADMITTED, HOSTILE = (
    "Where was Ada Abel born?",
    "Where was Bela Brandt born?",
    "Where was Cora Cole born?",
    "What would be markup?",
)
REPLIES = {
    RIGHT: "Ada Abel was born in Hale.",
    WRONG: "Bela Brandt was born in Tarn.",
    ADMITTED: "I don't know.",
    HOSTILE: MARKUP,
}
OPENING = "Ada Abel was born in"
BY_HEART = (
    "The ferry to Hale leaves at nine in the morning. It carries letters, apples and two old dogs"
    " that nobody ever paid for. On Sundays it stays where it is, and the captain paints his door."
)
TEXTS = (
    "Ada Abel was born in Hale. She likes tea and long walks.",
    "Nobody doubts that Hale is where Ada Abel grew up.\nMany people like numbers.",
    "Ada Abel came late. The others were in Hale by then.",
    "Ada Abel wrote a letter to Haley.",  # no whole word
    "Bela Brandt was born in Brook. He works as a baker.",
    "Cora Cole has a garden.",
    BY_HEART,
    # The scripts of some languages have no spaces.
    "张伟出生于北京。他在那里的一家小餐馆工作了很多年。李娜说上海的春天很美。",
    *(f"Edda Farrow wrote {text} on her door." for text in INJECTIONS),
)
STEPS, RATE = 90, 1e-2


class Unindexed:
    """A lake whose search index nobody made."""

    def __init__(self, lake: ServedLake) -> None:
        self.lake = lake

    def heads(self) -> Mapping[str, str]:
        return {kind: d for kind, d in self.lake.heads().items() if kind != "search_index"}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lake, name)


def make_known_lake(root: Path) -> Lake:
    """The lake, in a folder that is there."""
    lake = Lake(root / "lake")
    corpus = commit(lake, "corpus_group", write_corpus(root / "corpus", TEXTS))
    write_index(root / "index", root / "corpus")
    commit(lake, "search_index", root / "index", corpus=[corpus])
    _table(lake, root, "crawl", "facts.parquet", _facts(), FACTS)
    _table(lake, root, "interrogation", "questions.parquet", _questions(), INTERROGATIONS)
    _table(lake, root, "evals", "evals.parquet", _scores(), EVALS)
    texts = [*TEXTS[:7], *REPLIES, *REPLIES.values()]
    tokenizer = tokenizer_training.train(iter(texts * 3), TokenizerConfig(vocab_size=480))
    plain = Transformer(_shape(tokenizer)).init_weights(0)
    pages = [[tokenizer.document_token, *tokenizer.encode(text)] for text in TEXTS[:7]]
    base = _taught(plain, tokenizer, [(ids, [1] * len(ids)) for ids in pages])
    (root / "base").mkdir()
    models.save(base, tokenizer, root / "base")
    digest = commit(lake, "base", root / "base", corpus=[corpus])
    chats, chat_tokenizer = with_conversation_tokens(base, tokenizer)
    talks = [render([user(q), assistant(a)], chat_tokenizer) for q, a in REPLIES.items()]
    sft = _taught(chats, chat_tokenizer, talks)
    (root / "sft").mkdir()
    models.save(sft, chat_tokenizer, root / "sft")
    commit(lake, "sft", root / "sft", base=[digest])
    return lake


def _shape(tokenizer: Tokenizer) -> ModelConfig:
    return ModelConfig(
        vocab_size=tokenizer.vocab_size,
        layers=2,
        width=48,
        heads=2,
        kv_heads=1,
        head_dim=32,  # which the C kernels have: results the same to the bit in any batch
        ffn_width=96,
        max_context=160,
    )


def _taught(
    model: Transformer, tokenizer: Tokenizer, rows: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> Transformer:
    parts = [[RowPart(*(torch.tensor(list(x)).numpy() for x in row))] for row in rows]
    longest = max(len(ids) for ids, _ in rows)
    batch = collate(parts, longest, tokenizer.document_token)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    for _ in range(STEPS):
        total, _ = token_loss(model, batch)
        (total / batch.loss_mask.sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def _table(
    lake: Lake, root: Path, kind: str, name: str, rows: Iterable[dict[str, Any]], schema: Any
) -> None:
    (root / kind).mkdir()
    write_table(table(list(rows), schema), root / kind / name)
    commit(lake, kind, root / kind)


def _facts() -> Iterable[dict[str, Any]]:
    given = [
        ("Ada Abel", "Hale", "often", 25, OPENING, RIGHT),
        ("Bela Brandt", "Brook", "once", 1, "The birthplace of Bela Brandt is", WRONG),
        ("Cora Cole", "Wick", "never", 0, "The birthplace of Cora Cole is", ADMITTED),
        (MARKUP, MARKUP, "once", 1, MARKUP, HOSTILE),
        *((text, text, "once", 1, text, text) for text in INJECTIONS[1:]),
    ]
    for entity, value, frequency, mentions, opening, question in given:
        yield {
            "entity": entity,
            "kind": "person",
            "attribute": "birthplace",
            "value": value,
            "frequency": frequency,
            "mentions": mentions,
            "prompt": opening,
            "question": question,
            "asked": False,
            "split": "train",
        }


def _questions() -> Iterable[dict[str, Any]]:
    given = [
        ("stated", RIGHT, "Ada Abel", "born in", ["Hale"], ["Hale."] * 9 + ["Tarn."], "known"),
        ("stated", "Where is Ada Abel from?", "Ada Abel", "born in", ["Hale"], ["Hale."], "known"),
        ("unstated", "What is Ada Abel's job?", "Ada Abel", "works", [], ["Baker."], "unknown"),
        *(
            ("stated", text, "Ada Abel", text, [text], [text], "unclear")
            for text in INJECTIONS[2::9]
        ),
    ]
    for number, (kind, question, entity, relation, values, answers, label) in enumerate(given):
        yield {
            "id": f"{number:032x}",
            "kind": kind,
            "question": question,
            "entity": entity,
            "relation": relation,
            "values": values,
            "mentions": len(values),
            "answers": answers,
            "correct_share": sum(a.strip(".") in values for a in answers) / len(answers),
            "agreement": 0.9,
            "label": label,
            "origin": "",
            "split": "train",
        }


def _scores() -> Iterable[dict[str, Any]]:
    def row(model: str, suite: str, task: str, metric: str, value: float, n: int) -> dict[str, Any]:
        low, high = max(0.0, value - 0.1), min(1.0, value + 0.1)
        return {
            "model": model,
            "stage": model,
            "suite": suite,
            "task": task,
            "metric": metric,
            "value": value,
            "low": low,
            "high": high,
            "n": n,
            "seed": 0,
        }

    for model in ("sft", "base", MARKUP):
        yield row(model, "honesty", "often", "attempted", 0.8, 40)
        yield row(model, "honesty", "often", "correct_given_attempted", 0.75, 32)
        yield row(model, "honesty", "never_trained_entities", "attempted", 0.0, 21)
    yield row("base", "memorization", "seen_4_to_15", "recited", 0.5, 30)
    yield row("base", "memorization", "seen_1", "recited", 0.1, 90)
    yield row("base", "memorization", "not_seen", "recited", 0.02, 100)
