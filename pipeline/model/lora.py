"""LoRA: frozen matrices with trained low-rank changes, frozen embeddings with some trained rows.

A matrix W [out, in] counts as W + (alpha / rank) B A, with A [rank, in] random and B [out, rank]
zero at the start (Hu et al. 2021, arXiv 2106.09685). The sum is made where a forward pass casts the
weights (`weights`), before q, k, v are joined and gains folded in, so kernels, caches and
generation see one matrix, as they do of a model without. What that costs is the gradient of one
whole matrix at a time, which is not kept.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from pipeline.lora_config import LoraConfig
from storage.errors import UserError

ADAPTER = "adapter"  # the attribute that holds a module's change


class LowRank(nn.Module):
    """The change of one matrix.

    Args:
        weight: the matrix, [out, in].
        rank: of the change.
        alpha: the change is times alpha / rank.
    """

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        outputs, inputs = weight.shape
        self.alpha, self.scale = alpha, alpha / rank
        self.a = nn.Parameter(weight.new_zeros(rank, inputs))
        self.b = nn.Parameter(weight.new_zeros(outputs, rank))

    def changed(self, weight: Tensor) -> Tensor:
        """The matrix [out, in] with its change."""
        return torch.addmm(weight, self.b, self.a, alpha=self.scale)


class TrainedRows(nn.Module):
    """Some rows of an embedding or a head; they take the place of the frozen ones.

    Args:
        weight: the matrix, [vocab, width].
        ids: of the rows.
    """

    def __init__(self, weight: Tensor, ids: Sequence[int]) -> None:
        super().__init__()
        self.ids = tuple(ids)
        self.values = nn.Parameter(weight.detach()[list(ids)].clone())

    def changed(self, weight: Tensor) -> Tensor:
        """The matrix [vocab, width] with its trained rows."""
        return weight.index_copy(0, torch.tensor(self.ids, device=weight.device), self.values)


def weight_of(module: nn.Linear | nn.Embedding) -> Tensor:
    """A module's matrix with the change that is trained, if there is one."""
    adapter: LowRank | TrainedRows | None = getattr(module, ADAPTER, None)
    return module.weight if adapter is None else adapter.changed(module.weight)


def attach(model: nn.Module, config: LoraConfig, rows: Sequence[int], seed: int) -> None:
    """Freeze all weights and add what is trained instead, in place; outputs don't change.

    Args:
        model: a Transformer.
        config: of rank 1 at least.
        rows: ids of the tokens whose rows in embedding and head are trained.
        seed: of the first factors, which are drawn on the CPU in the order of their names.

    Raises:
        UserError: no matrix of this family is among the targets, or the rank is beyond all sizes.
    """
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    found = False
    for name, module in sorted(model.named_modules()):
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] in config.targets:
            found = True
            if config.rank > min(module.weight.shape):
                raise UserError(
                    f"lora.rank is {config.rank}: {name} is a matrix of rank"
                    f" {min(module.weight.shape)} at most"
                )
            adapter = LowRank(module.weight, config.rank, config.alpha)
            bound = module.in_features**-0.5
            draw = torch.rand(adapter.a.shape, generator=generator)
            with torch.no_grad():
                adapter.a.copy_((draw * 2 - 1) * bound)
            module.add_module(ADAPTER, adapter)
    if not found:
        raise UserError(f"lora.targets: this model has no {' or '.join(config.targets)}")
    if rows:
        for name, module in list(model.named_children()):
            if name in ("embed_tokens", "lm_head"):
                assert isinstance(module, nn.Embedding | nn.Linear)
                module.add_module(ADAPTER, TrainedRows(module.weight, rows))


def adapters(
    model: nn.Module,
) -> Iterator[tuple[str, nn.Linear | nn.Embedding, LowRank | TrainedRows]]:
    """Every module with a change: its name, itself, the change; in the order of names."""
    for name, module in sorted(model.named_modules()):
        adapter = getattr(module, ADAPTER, None)
        if isinstance(adapter, LowRank | TrainedRows):
            assert isinstance(module, nn.Linear | nn.Embedding)
            yield name, module, adapter


@torch.no_grad()
def merge(model: nn.Module) -> None:
    """Write all changes into the matrices, in place; after that the model is one without LoRA."""
    for _, module, adapter in list(adapters(model)):
        module.weight.copy_(adapter.changed(module.weight))
        delattr(module, ADAPTER)
    model.requires_grad_(True)
