"""TRL trains on an exported folder as it is: our ids, our loss mask, our loss."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from random_conversations import openai
from random_models import byte_tokenizer, random_model

from pipeline import model as models
from pipeline.chat.conversation import (
    Conversation,
    ToolCall,
    assistant,
    render,
    system,
    tool,
    user,
)
from pipeline.export import export
from pipeline.sft.train import with_conversation_tokens
from pipeline.training.data_loader import RowPart, collate
from pipeline.training.loss import token_loss

SCRIPT = Path(__file__).with_name("trl_step.py")
ADD = ToolCall("add", '{"a": 1, "b": {"c": [2]}}')
TOOL = '{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}'
TALKS = (
    Conversation((user("Who are you?"), assistant("A model.\n"), user("é?"), assistant(""))),
    Conversation(
        (system("Be brief."), user("1 + 2?"), assistant("So", [ADD, ADD]), tool("3"), tool("4"),
         assistant("It is 3.")), (TOOL,),
    ),
)  # fmt: skip


def test_trl_trains_one_step_on_the_assistants_tokens_alone(tmp_path):
    python = os.environ.get("CRAWL2CHAT_INTEROP_PYTHON")
    if python is None and find_spec("trl"):
        python = sys.executable
    if python is None:
        pytest.skip("no TRL here: `make interop` installs it and runs this")
    model, tokenizer = with_conversation_tokens(
        random_model("qwen3", max_context=1024), byte_tokenizer()
    )
    models.save(model, tokenizer, tmp_path / "model")
    export(tmp_path / "model", tmp_path / "out", "hf", None, "toy", measure=False)
    rows = []
    for talk in TALKS:
        messages, tools = openai(talk)
        # Of differing objects Arrow would make one type: as text each keeps its own keys.
        for message in messages:
            for call in message.get("tool_calls", []):
                call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
        rows.append({"messages": messages, "tools": json.dumps(tools)})
    asked = json.dumps({"folder": str(tmp_path / "out"), "rows": rows})
    done = subprocess.run(
        [python, SCRIPT], input=asked, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    ours = [render(talk, tokenizer) for talk in TALKS]
    assert [row["ids"] for row in answer["rows"]] == [ids for ids, _ in ours]
    assert [row["mask"] for row in answer["rows"]] == [mask for _, mask in ours]
    assert answer["same_template"]
    parts = [RowPart(torch.tensor(ids).numpy(), torch.tensor(mask).numpy()) for ids, mask in ours]
    longest = max(len(ids) for ids, _ in ours)
    with torch.no_grad():
        total, _ = token_loss(model, collate([[part] for part in parts], longest, 0, False))
    assert answer["loss"] == pytest.approx(
        float(total) / sum(sum(m[1:]) for _, m in ours), rel=1e-4
    )
    assert answer["moved"] == pytest.approx(1e-3, rel=0.1)  # AdamW's first step
    print(f"TRL {answer['version']}: loss {answer['loss']:.6f}")
