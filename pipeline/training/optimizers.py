"""Muon for hidden matrices, AdamW for the rest, behind one object with exportable state.

`build_optimizer(model, config)` sorts the parameters: 2-D weights inside the layers go to Muon
(momentum, then the nearest orthogonal matrix; Jordan et al. 2024, with the Polar Express
coefficients of arXiv 2505.16932), embedding, head and gains to AdamW (arXiv 1711.05101). Matrices
of equal shape over all layers are updated as one batch, tall ones transposed: a small model on a
CPU spends its time on call overhead. State has stable names (`momentum.<parameter>`,
`exp_avg.<parameter>`, …), so resuming is bitwise.
"""

import dataclasses
import functools
import math

import torch
from torch import Tensor, nn

from pipeline.model import device as devices
from pipeline.training import lanes
from pipeline.training.config import OptimizerConfig

# Polar Express, 5 steps, safety factor 2%: singular values from 1e-3 up end within 0.86 to 1.15.
COEFFICIENTS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


def orthogonalize(
    matrices: Tensor,  # [matrices, rows, cols]
    steps: int = 5,
    dtype: torch.dtype = torch.float32,
) -> Tensor:  # [matrices, rows, cols]
    """The nearest (semi-)orthogonal matrix of each matrix, approximately; zero stays zero.

    Args:
        matrices: in any dtype, which the result has too.
        steps: of the iteration, 1 to 5.
        dtype: of the products.

    Source: Polar Express (arXiv 2505.16932).
    """
    if matrices.size(-2) > matrices.size(-1):
        tall: Tensor = orthogonalize(matrices.mT, steps, dtype).mT
        return tall
    norms = matrices.norm(dim=(-2, -1), keepdim=True)
    x: Tensor = (matrices / (norms * 1.02 + 1e-12)).to(dtype)
    for a, b, c in COEFFICIENTS[:steps]:
        gram = x @ x.mT  # [matrices, rows, rows]
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.to(matrices.dtype)


@dataclasses.dataclass
class MuonGroup:
    """Parameters of one shape, [rows, cols]."""

    names: list[str]
    parameters: list[nn.Parameter]
    momentum: Tensor  # [parameters, rows, cols]

    @property
    def tall(self) -> bool:
        """Whether they have more rows than columns."""
        rows, cols = self.parameters[0].shape
        return rows > cols


@dataclasses.dataclass
class AdamGroup:
    """Parameters that share a learning rate, with AdamW's two moments each."""

    lr: float
    names: list[str]
    parameters: list[nn.Parameter]
    exp_avg: list[Tensor]  # each of its parameter's shape
    exp_avg_sq: list[Tensor]  # likewise


@dataclasses.dataclass
class TableGroup:
    """Tables of which a step reads few rows; one running mean square a row."""

    names: list[str]
    parameters: list[nn.Parameter]
    mean_sq: list[Tensor]  # [rows, 1]


class Optimizer:
    """Muon, AdamW and table groups that step together.

    Args:
        matrices: for Muon, by name.
        others: for AdamW, each group its learning rate and its parameters by name.
        config: of all groups.
        compute_dtype: of Muon's products.
        tables: for the tables' rule, by name.
    """

    def __init__(
        self,
        matrices: dict[str, nn.Parameter],
        others: list[tuple[float, dict[str, nn.Parameter]]],
        config: OptimizerConfig,
        compute_dtype: torch.dtype = torch.float32,
        tables: dict[str, nn.Parameter] | None = None,
    ) -> None:
        self.config = config
        self.compute_dtype = compute_dtype
        self.steps_taken = 0
        self.muon = [_muon_group(group) for group in _by_shape(matrices)]
        self.adam = [_adam_group(lr, named) for lr, named in others if named]
        self.tables = _table_group(tables or {})

    @torch.no_grad()
    def step(self, lr_scale: float = 1.0) -> None:
        """One update from the parameters' `.grad`, all learning rates times `lr_scale`."""
        self._step_muon(lr_scale)
        self.steps_taken += 1
        for group in self.adam:
            self._step_adam(group, lr_scale)
        self._step_tables(lr_scale)

    def _step_muon(self, lr_scale: float) -> None:
        config = self.config
        momentum = config.momentum
        if self.steps_taken < config.momentum_warmup_steps:
            done = self.steps_taken / config.momentum_warmup_steps
            momentum = config.initial_momentum + done * (momentum - config.initial_momentum)
        updates = []
        for group in self.muon:
            # [parameters, rows, cols]
            gradients = torch.stack([_gradient(p) for p in group.parameters])
            group.momentum.lerp_(gradients, 1.0 - momentum)
            update = gradients.lerp_(group.momentum, momentum)
            updates.append(update.mT if group.tall else update)
        for group, update in zip(
            self.muon, _orthogonalize_all(updates, config, self.compute_dtype)
        ):
            rows, cols = group.parameters[0].shape
            if group.tall:
                update = update.mT
            lr = config.matrix_lr * lr_scale
            # The decay fades with the schedule once more, so that it is gone when training ends.
            decay = lr * config.weight_decay * lr_scale
            values = torch.stack(list(group.parameters))
            change = update * (lr * math.sqrt(max(1.0, rows / cols)))
            if decay:
                change += values * ((update * values) > 0) * decay
            for parameter, part in zip(group.parameters, change.unbind(0)):
                parameter.sub_(part)

    def _step_adam(self, group: AdamGroup, lr_scale: float) -> None:
        config = self.config
        lr = group.lr * lr_scale
        parameters: list[Tensor] = list(group.parameters)
        gradients = [_gradient(p) for p in group.parameters]
        if config.adam_weight_decay:
            torch._foreach_mul_(parameters, 1.0 - lr * config.adam_weight_decay)
        torch._foreach_lerp_(group.exp_avg, gradients, 1.0 - config.adam_beta1)
        torch._foreach_mul_(group.exp_avg_sq, config.adam_beta2)
        torch._foreach_addcmul_(
            group.exp_avg_sq, gradients, gradients, value=1.0 - config.adam_beta2
        )
        first = 1.0 - config.adam_beta1**self.steps_taken
        second = 1.0 - config.adam_beta2**self.steps_taken
        denominators = torch._foreach_sqrt(group.exp_avg_sq)
        torch._foreach_div_(denominators, math.sqrt(second))
        torch._foreach_add_(denominators, config.adam_epsilon)
        torch._foreach_addcdiv_(parameters, group.exp_avg, denominators, value=-lr / first)

    def _step_tables(self, lr_scale: float) -> None:
        """A row moves by its gradient over the root of its running mean square."""
        config, group = self.config, self.tables
        second = 1.0 - config.table_beta**self.steps_taken
        for parameter, mean_sq in zip(group.parameters, group.mean_sq):
            gradient = _gradient(parameter)
            # [rows, 1]
            square = torch.linalg.vector_norm(gradient, dim=1, keepdim=True).square_()
            mean_sq.lerp_(square.div_(gradient.shape[1]), 1.0 - config.table_beta)
            rate = mean_sq.div(second).sqrt_().add_(config.adam_epsilon).reciprocal_()
            parameter.addcmul_(gradient, rate, value=-config.table_lr * lr_scale)

    def parameters(self) -> list[nn.Parameter]:
        """All parameters, in an order that depends on names and shapes alone."""
        lists = [g.parameters for g in self.muon] + [g.parameters for g in self.adam]
        lists.append(self.tables.parameters)
        return [p for parameters in lists for p in parameters]

    def clear_gradients(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_tensors(self) -> dict[str, Tensor]:
        """Everything a bitwise resume needs, by stable names; views of the live state."""
        state = {"steps_taken": torch.tensor([self.steps_taken], dtype=torch.int64)}
        for muon in self.muon:
            for name, momentum in zip(muon.names, muon.momentum):
                state[f"momentum.{name}"] = momentum
        for adam in self.adam:
            for name, first, second in zip(adam.names, adam.exp_avg, adam.exp_avg_sq):
                state[f"exp_avg.{name}"] = first
                state[f"exp_avg_sq.{name}"] = second
        for name, mean_sq in zip(self.tables.names, self.tables.mean_sq):
            state[f"mean_sq.{name}"] = mean_sq
        return state

    @torch.no_grad()
    def load_state_tensors(self, state: dict[str, Tensor]) -> None:
        """Take a state that `state_tensors` gave.

        Raises:
            ValueError: names or shapes are another model's.
        """
        own = self.state_tensors()
        if own.keys() != state.keys():
            odd = sorted(own.keys() ^ state.keys())
            raise ValueError(f"optimizer state does not fit this model: {odd[0]} and others differ")
        for name, tensor in own.items():
            if tensor.shape != state[name].shape:
                raise ValueError(f"optimizer state does not fit this model: shape of {name}")
            tensor.copy_(state[name])
        self.steps_taken = int(state["steps_taken"].item())


def build_optimizer(
    model: nn.Module, config: OptimizerConfig, compute_dtype: torch.dtype | None = None
) -> Optimizer:
    """Sort a Transformer's parameters into groups.

    Args:
        model: or anything with its named parameters.
        config: of the optimizer.
        compute_dtype: of Muon's products; None: the model's own.
    """
    if compute_dtype is None:
        compute_dtype = getattr(model, "compute_dtype", torch.float32)
    matrices, embedding, head, gains, tables = {}, {}, {}, {}, {}
    for name, parameter in sorted(model.named_parameters()):
        if not parameter.requires_grad:
            continue
        if "ngrams.table" in name:
            tables[name] = parameter
        elif "lm_head" in name:
            head[name] = parameter
        elif "embed" in name:
            embedding[name] = parameter
        elif parameter.ndim == 2:
            matrices[name] = parameter
        else:
            gains[name] = parameter
    if not head:  # tied: the embedding is the head, and the head's gentler rate is the safe one
        head, embedding = embedding, {}
    width = next(iter(head.values())).shape[1] if head else config.reference_width
    scale = (width / config.reference_width) ** -0.5
    others = [
        (config.embedding_lr * scale, embedding),
        (config.head_lr * scale, head),
        (config.gain_lr, gains),
    ]
    return Optimizer(matrices, others, config, compute_dtype, tables)


def _orthogonalize_all(
    updates: list[Tensor], config: OptimizerConfig, dtype: torch.dtype
) -> list[Tensor]:
    """`orthogonalize` of each batch [matrices, rows, cols], those of equal shape in one call."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, update in enumerate(updates):
        by_shape.setdefault(tuple(update.shape[1:]), []).append(index)
    joined = [torch.cat([updates[i] for i in indices]) for indices in by_shape.values()]
    parts = _orthogonalize_side_by_side(joined, config.newton_schulz_steps, dtype)
    results: list[Tensor] = list(updates)
    for indices, done in zip(by_shape.values(), parts):
        for index, part in zip(indices, done.split([updates[i].shape[0] for i in indices])):
            results[index] = part
    return results


def _orthogonalize_side_by_side(
    batches: list[Tensor], steps: int, dtype: torch.dtype
) -> list[Tensor]:
    """`orthogonalize` of each batch, on a CPU each lane its share of the matrices."""
    if not batches or not devices.on_cpu(batches[0].device):
        return [orthogonalize(batch, steps, dtype) for batch in batches]
    count = torch.get_num_threads()
    shares = [batch.tensor_split(count) for batch in batches]
    work = [functools.partial(orthogonalize, s, steps, dtype) for share in shares for s in share]
    done = lanes.run(work, count)
    return [torch.cat(done[at : at + count]) for at in range(0, len(done), count)]


def _by_shape(named: dict[str, nn.Parameter]) -> list[dict[str, nn.Parameter]]:
    groups: dict[tuple[int, ...], dict[str, nn.Parameter]] = {}
    for name in sorted(named):
        groups.setdefault(tuple(named[name].shape), {})[name] = named[name]
    return [groups[shape] for shape in sorted(groups)]


def _muon_group(named: dict[str, nn.Parameter]) -> MuonGroup:
    parameters = list(named.values())
    return MuonGroup(
        list(named),
        parameters,
        torch.stack([torch.zeros_like(p, requires_grad=False) for p in parameters]),
    )


def _adam_group(lr: float, named: dict[str, nn.Parameter]) -> AdamGroup:
    parameters = list(named.values())
    moments = [[torch.zeros_like(p, requires_grad=False) for p in parameters] for _ in range(2)]
    return AdamGroup(lr, list(named), parameters, moments[0], moments[1])


def _table_group(named: dict[str, nn.Parameter]) -> TableGroup:
    parameters = list(named.values())
    return TableGroup(
        list(named), parameters, [p.detach().new_zeros(len(p), 1) for p in parameters]
    )


def _gradient(parameter: nn.Parameter) -> Tensor:
    """A parameter's gradient; zero where it took no part in the loss (a zeroed path)."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
