"""A reward model: a transformer whose head gives one score for a whole conversation.

In: token ids of a prompt and its answer, the stop token included. Out: the score, read at the last
token. Scores of answers to one prompt compare; their zero and their unit say nothing. In a folder
it is what Hugging Face's `AutoModelForSequenceClassification` loads: the transformer without its
language head, `score.weight` [1, width], config.json with one label, the tokenizer.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.model import ModelConfig, Transformer, hf_config, hf_tensors, model_folder
from pipeline.model.weights import Weights, fold
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.json_object import read_object

HEAD = "score.weight"  # in the folder, as transformers names it
ARCHITECTURES = {
    "qwen3": "Qwen3ForSequenceClassification",
    "llama": "LlamaForSequenceClassification",
    "gpt2": "GPT2ForSequenceClassification",
    "speedrun": "SpeedrunForSequenceClassification",  # this project's own
}
TOKENS_AT_ONCE = 8192  # of a batch of conversations, padding counted


class RewardModel(Transformer):
    """A transformer without a language head, and a score's head [width] in its place.

    Args:
        config: of the transformer. Its embedding counts as tied: there is no other head.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(dataclasses.replace(config, tie_embeddings=True))
        self.reward_head = nn.Parameter(torch.zeros(config.width))  # [width]

    @classmethod
    def of_chat_model(cls, model: Transformer, head_std: float, seed: int) -> "RewardModel":
        """The model's weights, copied, and a fresh head.

        Args:
            model: that converses; it stays as it is.
            head_std: of the head's weights, drawn from a normal distribution; 0: all zero.
            seed: of the draw, which is the same on each device.
        """
        with torch.device("meta"):
            made = cls(model.config)
        weights = {name: w.detach().clone() for name, w in model.state_dict().items()}
        weights.pop(hf_tensors.HEAD, None)
        generator = torch.Generator().manual_seed(seed)
        head = torch.randn(model.config.width, generator=generator) * head_std
        made.load_state_dict(weights | {"reward_head": head.to(model.device)}, assign=True)
        made.compute_dtype = model.compute_dtype
        return made

    def rewards(
        self,
        tokens: Tensor,  # [batch, seq] int64, right-padded
        last: Tensor,  # [batch] int64, the position of each row's last token
        weights: Weights | None = None,
    ) -> Tensor:  # [batch] float32
        """The score of each row, from which gradients flow.

        Args:
            tokens: ids.
            last: likewise.
            weights: from `cast_weights`, where several batches are read; None: as training reads.
        """
        hidden = (  # [batch, seq, width]
            self.read(tokens)[0] if weights is None else self.hidden(tokens, weights=weights)
        )
        ends = hidden[torch.arange(len(last), device=last.device), last].float()
        head, bias = fold(self.norm, self.reward_head[None], None, torch.float32)
        return F.linear(ends, head, bias)[:, 0]

    @torch.no_grad()
    def score(self, conversations: Sequence[Sequence[int]]) -> Tensor:  # [conversations] float32
        """The score of each conversation, on the CPU; the same for the same ids.

        Args:
            conversations: token ids of prompt and answer with its stop token, each.

        Raises:
            UserError: one is longer than the model's context, or has an id that isn't the model's.
            ValueError: one is empty.
        """
        scores = torch.zeros(len(conversations))
        weights = self.cast_weights() if conversations else None
        for batch in _by_length([len(ids) for ids in conversations]):
            part = [conversations[i] for i in batch]
            self.check(part)
            tokens, last = padded(part, self.device)
            scores[batch] = self.rewards(tokens, last, weights).cpu()
        return scores

    def check(self, conversations: Sequence[Sequence[int]]) -> None:
        """Refuse conversations that the model can't read.

        Raises:
            UserError, ValueError: as `score`.
        """
        context, rows = self.config.max_context, self.config.vocab_size
        for ids in conversations:
            if not ids:
                raise ValueError("a conversation without a token has no score")
            if len(ids) > context:
                raise UserError(
                    f"a conversation of {len(ids)} tokens exceeds the reward model's context of"
                    f" {context}: shorten it"
                )
            if not 0 <= min(ids) <= max(ids) < rows:
                raise UserError(
                    f"a conversation holds token ids {min(ids)} to {max(ids)}, the reward model's"
                    f" end at {rows - 1}: use its own tokenizer"
                )


def padded(
    conversations: Sequence[Sequence[int]], device: torch.device
) -> tuple[Tensor, Tensor]:  # [batch, seq] int64, [batch] int64
    """Conversations as right-padded rows, and the position of each one's last token."""
    longest = max(len(ids) for ids in conversations)
    rows = [[*ids, *[0] * (longest - len(ids))] for ids in conversations]
    last = [len(ids) - 1 for ids in conversations]
    return torch.tensor(rows, device=device), torch.tensor(last, device=device)


def save_reward_model(model: RewardModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the model, in float32, and its tokenizer into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    tensors = {HEAD: state.pop("reward_head")[None], **hf_tensors.to_hf(model.config, state)}
    held = {name: t.detach().to("cpu", torch.float32).contiguous() for name, t in tensors.items()}
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
    config = hf_config.to_hf(model.config) | {
        "architectures": [ARCHITECTURES[model.config.family]],
        "num_labels": 1,
        "id2label": {"0": "reward"},
        "label2id": {"reward": 0},
        "problem_type": "regression",
        "use_cache": False,
    }
    model_folder.write_beside(config, tokenizer, folder)


def load_reward_model(
    folder: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> tuple[RewardModel, Tokenizer]:
    """Load a reward model and its tokenizer.

    Args:
        folder: that `save_reward_model` wrote.
        device: where the float32 weights go.
        dtype: what matrix products run in; the head's is float32.

    Raises:
        UserError: it is no reward model's, or holds what this code would compute differently.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(f"no reward model at {folder}: a model folder holds config.json")
    data = read_object(file)
    if not is_reward_model(data):
        raise UserError(
            f"{folder} is no reward model (architectures {data.get('architectures')}): give what"
            " the stage reward_model made"
        )
    config = hf_config.from_hf(data)
    tokenizer = model_folder.tokenizer_of(folder, config.vocab_size)
    with torch.device("meta"):
        model = RewardModel(config)
        trunk = Transformer(model.config)
    state, beside = model_folder.read_weights(trunk, folder, data, (HEAD,))
    if beside[HEAD].shape != (1, config.width):
        raise UserError(
            f"{folder}: tensor {HEAD} has shape {tuple(beside[HEAD].shape)}: a reward model has one"
            f" score, (1, {config.width})"
        )
    model.load_state_dict(state | {"reward_head": beside[HEAD][0]}, assign=True)
    model.compute_dtype = dtype
    return model.to(device).requires_grad_(False).eval(), tokenizer


def is_reward_model(config: dict[str, Any]) -> bool:
    """Whether a parsed config.json is that of a model which gives scores."""
    names = config.get("architectures") or []
    return any(str(name).endswith("ForSequenceClassification") for name in names)


def _by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Batches of the indices, the shortest first, of at most TOKENS_AT_ONCE with their padding."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    batches: list[list[int]] = []
    for index in order:
        room = TOKENS_AT_ONCE // max(1, lengths[index])
        if batches and len(batches[-1]) < room:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
