"""One step of TRL's fine-tuning on an exported folder: run by a Python that has TRL.

In, as JSON on stdin: the folder, and conversations in OpenAI's form. Out, as JSON on stdout: what
TRL made of them (ids and loss mask), the loss of the step, and how far the weights moved.
"""

import json
import sys
import tempfile

import torch
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer


def main() -> None:
    asked = json.load(sys.stdin)
    model = AutoModelForCausalLM.from_pretrained(asked["folder"], dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(asked["folder"])
    template = tokenizer.chat_template
    before = torch.cat([weight.detach().flatten().clone() for weight in model.parameters()])
    rows = asked["rows"]
    with tempfile.TemporaryDirectory() as out:
        config = SFTConfig(
            output_dir=out,
            assistant_only_loss=True,
            max_steps=1,
            per_device_train_batch_size=len(rows),
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            max_length=None,
            bf16=False,
            use_cpu=True,
            report_to=[],
            seed=0,
        )
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        made = [
            {"ids": row["input_ids"], "mask": [int(label >= 0) for label in row["labels"]]}
            for row in trainer.train_dataset
        ]
        loss = trainer.train().training_loss
    after = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    answer = {
        "version": trl.__version__,
        "rows": made,
        "loss": loss,
        "moved": float((after - before).abs().max()),
        "same_template": tokenizer.chat_template == template,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
