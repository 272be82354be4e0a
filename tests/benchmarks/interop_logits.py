"""Table: largest difference between our logits and transformers', for each family and variant.

    python -m tests.benchmarks.interop_logits [--folder DIR ...]

Random weights of each family, float32, every position up to the variant's context; with --folder
also a real Hugging Face folder (GPT-2, Llama 3.x, Qwen3), in float32 and on its own tokenizer.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

from pipeline.model import Transformer, load
from tests.helpers.hf_models import VARIANTS, random_model, write_tokenizer

TEXT = "The quick brown fox jumps over the lazy dog. 1 + 1 = 2. Café, naïve, 日本語. " * 40


def differences(model: Transformer, theirs: Any, tokens: torch.Tensor) -> dict[str, float]:
    with torch.no_grad():
        mine, expected = model(tokens), theirs(tokens).logits
    gap = (mine - expected).abs()
    same = (mine.argmax(-1) == expected.argmax(-1)).double().mean()
    return {
        "largest": gap.max().item(),
        "mean": gap.mean().item(),
        "spread": expected.std().item(),
        "same_choice": same.item(),
    }


def of_variant(name: str) -> tuple[int, dict[str, float]]:
    theirs = random_model(*VARIANTS[name])
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        write_tokenizer(name.split()[0], Path(folder))
        model, _ = load(folder)
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 300, (2, model.config.max_context), generator=generator)
    return tokens.shape[1], differences(model, theirs, tokens)


def of_folder(folder: Path) -> tuple[int, dict[str, float]]:
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model, tokenizer = load(folder)
    ids = [tokenizer.document_token, *tokenizer.encode(TEXT)][: model.config.max_context]
    return len(ids), differences(model, theirs, torch.tensor([ids]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, action="append", default=[])
    folders: list[Path] = parser.parse_args().folder
    print("| model | positions | largest difference | mean | logits' spread | same choice |")
    print("|---|---|---|---|---|---|")
    rows = [(name, of_variant(name)) for name in VARIANTS]
    rows += [(folder.name, of_folder(folder)) for folder in folders]
    for name, (positions, found) in rows:
        print(
            f"| {name} | {positions} | {found['largest']:.1e} | {found['mean']:.1e} | "
            f"{found['spread']:.2f} | {found['same_choice']:.2%} |"
        )


if __name__ == "__main__":
    main()
