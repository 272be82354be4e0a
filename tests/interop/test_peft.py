"""What `sft.lora` leaves behind, loaded by PEFT itself: equal logits, PEFT's own names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lora_models import model_of, moved
from safetensors.torch import load_file, save_file

from pipeline.lora_config import TARGETS, LoraConfig
from pipeline.model import hf_config, hf_tensors, lora, peft_folder

SCRIPT = Path(__file__).with_name("adapters.py")
PYTHON = os.environ.get("CRAWL2CHAT_INTEROP_PYTHON", sys.executable)
TOKENS = [1, 13, 14, 2, 7]


@pytest.fixture(scope="module", autouse=True)
def _with_peft() -> None:
    asked = [PYTHON, "-c", "import peft, transformers"]
    if subprocess.run(asked, capture_output=True).returncode:
        pytest.skip("no PEFT here: `make interop` installs it and runs this")


@pytest.mark.parametrize("family", ["qwen3", "tied llama", "gpt2"])
@pytest.mark.parametrize("targets", [TARGETS, ("q_proj", "v_proj", "o_proj")])
def test_peft_computes_what_we_do(tmp_path, family, targets):
    base = model_of(family)
    folder, adapter = tmp_path / "base", tmp_path / "adapter"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(hf_config.to_hf(base.config)))
    tensors = hf_tensors.to_hf(base.config, base.state_dict())
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
    base.grow_vocabulary(15)
    lora.attach(base, LoraConfig(rank=2, alpha=6.0, targets=targets), [13, 14], 1)
    peft_folder.save(moved(base), adapter, str(folder))
    asked = {"base": str(folder), "adapter": str(adapter), "vocabulary": 15, "tokens": TOKENS}
    done = subprocess.run(
        [PYTHON, SCRIPT], input=json.dumps(asked), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout)
    ours = base(torch.tensor([TOKENS]))[0]
    for way in ("beside", "merged"):
        assert torch.allclose(torch.tensor(found[way]), ours, atol=1e-4)
    written = load_file(adapter / "adapter_model.safetensors")
    assert {name: list(tensor.shape) for name, tensor in written.items()} == found["shapes"]
