"""Give a model to other programs, and see what each format costs.

    python examples/export_a_model.py lake rl exported

Writes Hugging Face folders (transformers: AutoModelForCausalLM, no code of ours) and GGUF files for
llama.cpp, each read back and compared with the original.
"""

import sys
from pathlib import Path

from pipeline.export import gguf_read
from pipeline.export.export import export
from pipeline.model.engine import Engine
from storage import Lake

FORMATS = [("hf", "f32"), ("hf", "bf16"), ("gguf", "f16"), ("gguf", "q8_0")]


def main() -> None:
    place, slot, out = (*sys.argv[1:], *("lake", "rl", "exported")[len(sys.argv) - 1 :])
    lake = Lake(place)
    source = lake.local(slot, lake.heads()[slot])
    begin = "The town of"
    print(f"{'format':12} {'bytes':>12} {'largest error':>14} {'same choice':>12}  {begin} …")
    for format, kind in FORMATS:
        name = f"crawl2chat-{slot}-{kind}"
        folder = Path(out) / name if format == "hf" else Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        report = export(source, folder, format, kind, f"crawl2chat-{slot}")
        stored = report.stored
        assert stored is not None  # it was measured: see `export`
        print(
            f"{format + ' ' + kind:12} {report.bytes:12,} {stored.max_error:14.2e}"
            f" {stored.same_choice:12.2%}  {written(report.path, begin)!r}"
        )


def written(path: Path, begin: str) -> str:
    """How the model that was written goes on, always by the most likely token."""
    model, tokenizer = gguf_read.load(path)
    prompts = [tokenizer.encode(begin)]
    ((page,),) = Engine(model).generate(prompts, max_new_tokens=16, temperature=0)
    return tokenizer.decode(page.tokens)


if __name__ == "__main__":
    main()
