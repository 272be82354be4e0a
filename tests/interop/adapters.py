"""Runs in the interoperability environment: a base and a LoRA in PEFT's own hands.

In: JSON on stdin: base and adapter (folders), vocabulary (rows the base gets), tokens. Out: JSON:
logits with the adapter beside the base and merged into it, and the names and shapes of the tensors
that PEFT itself writes for such an adapter.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def base(asked):
    model = AutoModelForCausalLM.from_pretrained(asked["base"])
    model.resize_token_embeddings(asked["vocabulary"], mean_resizing=False)
    return model


def main() -> None:
    asked = json.load(sys.stdin)
    tokens = torch.tensor([asked["tokens"]])
    adapted = PeftModel.from_pretrained(base(asked), asked["adapter"]).eval()
    config = LoraConfig.from_pretrained(asked["adapter"])
    config.inference_mode = False
    with torch.no_grad(), tempfile.TemporaryDirectory() as own:
        beside = adapted(tokens).logits[0]
        merged = adapted.merge_and_unload()(tokens).logits[0]
        get_peft_model(base(asked), config).save_pretrained(own, save_embedding_layers=False)
        written = load_file(Path(own) / "adapter_model.safetensors")
    shapes = {name: list(tensor.shape) for name, tensor in written.items()}
    json.dump({"beside": beside.tolist(), "merged": merged.tolist(), "shapes": shapes}, sys.stdout)


if __name__ == "__main__":
    main()
