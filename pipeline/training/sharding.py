"""FSDP2: parameters, gradients and optimizer state spread over all processes, by rows.

Each layer is gathered when the forward comes to it and again for its backward; its gradients are
summed and scattered as soon as the backward has passed it. AdamW works on rows as on anything
else. Muon needs whole matrices: each matrix has an owner to which its gradient's rows travel, and
from which its new rows come back, so that every process orthogonalizes its share of the matrices
with the very optimizer that one process uses for all of them.

With replicas (HSDP) the processes are a table, a row for each replica: parameters are spread over
a row and the same in every row. Between rows gradients are summed, and nothing else travels: each
replica computes the same update for itself.
"""

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pipeline.model import ModelConfig, Transformer
from pipeline.model.weights import Layer, LayerWeights
from pipeline.training import distribution
from pipeline.training.config import OptimizerConfig
from pipeline.training.optimizers import Optimizer, build_optimizer
from pipeline.training.sharded import is_sharded, local, shard_group
from storage.errors import UserError

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def shard(model: Transformer, replicas: int = 1) -> Transformer:
    """Spread the parameters over all processes, or over those of each replica, in place.

    Args:
        model: is left as it is where there is but one process.
        replicas: how many groups of processes hold all parameters.

    Raises:
        UserError: the processes can't be divided into so many replicas.
    """
    world = distribution.world()
    if world == 1:
        return model
    if world % replicas:
        raise UserError(f"pretrain.replicas is {replicas}: {world} processes can't be divided so")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method

    # `enter` hands x through, which FSDP takes for a view; nothing here writes into x in place.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    # Neighbours hold a replica together: torchrun numbers a node's processes in one go.
    sizes: tuple[int, ...] = (replicas, world // replicas)
    names: tuple[str, ...] = ("replicate", "shard")
    if replicas == 1:
        sizes, names = sizes[1:], names[1:]
    mesh = init_device_mesh(model.device.type, sizes, mesh_dim_names=names)
    for layer in model.blocks:
        fully_shard(layer, mesh=mesh)
        layer.enter = functools.partial(_enter_apart, layer)  # type: ignore[method-assign]
        for method in ("enter", "run"):
            register_fsdp_forward_method(layer, method)
    fully_shard(model, mesh=mesh)
    for method in ("read", "cast_weights"):
        register_fsdp_forward_method(model, method)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # The loss is already divided by the tokens of all processes.
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo has no scaled sums
    return model


def whole(model: Transformer) -> Transformer:
    """The same model in one piece; to be called by all processes.

    Returns:
        The model on the first process' CPU; in the other processes one without weights.
    """
    if not is_sharded(model):
        return model
    with torch.device("meta"):
        single = Transformer(model.config)
    state = {}
    for name, tensor in model.state_dict().items():
        full = cast("DTensor", tensor).full_tensor()
        if distribution.rank() == 0:
            state[name] = full.cpu()
    if state:
        single.load_state_dict(state, assign=True)
    single.compute_dtype = model.compute_dtype
    return single


def _enter_apart(
    layer: Layer,
    x: Tensor | None,  # [batch, seq, width]
    dtype: torch.dtype,
) -> tuple[Any, LayerWeights]:
    """`Layer.enter` whose weights outlive the gathered parameters: a cast that changes nothing
    gives the parameter itself, which FSDP frees the moment this returns."""
    x, weights = Layer.enter(layer, x, dtype)
    gathered = [parameter.untyped_storage().data_ptr() for parameter in layer.parameters()]
    copies = {}
    for field in dataclasses.fields(weights):
        value = getattr(weights, field.name)
        if isinstance(value, Tensor) and value.untyped_storage().data_ptr() in gathered:
            copies[field.name] = value.clone()
    return x, dataclasses.replace(weights, **copies)


def rows_of(total: int, rank: int, world: int) -> tuple[int, int]:
    """A process' part of a tensor's rows, as FSDP cuts: ceil(total / world) each.

    Returns:
        Its first row and the one after its last.
    """
    size = -(-total // world)
    return min(rank * size, total), min((rank + 1) * size, total)


@dataclasses.dataclass(frozen=True)
class Piece:
    """Some rows of a tensor; a number has one row."""

    tensor: Tensor  # [rows, ...]
    first: int  # row of the whole tensor
    total: int  # rows of the whole tensor


class ShardedOptimizer:
    """`Optimizer` over this process' matrices and its rows of everything else.

    Args:
        model: after `shard`.
        config: of the optimizer.
    """

    def __init__(self, model: Transformer, config: OptimizerConfig) -> None:
        self.config = config
        self._sharded = dict(model.named_parameters())
        self._group = shard_group(next(iter(self._sharded.values())))
        with distribution.among(self._group):
            self._hold(model, config)

    def _hold(self, model: Transformer, config: OptimizerConfig) -> None:
        matrices = _muon_names(model.config, config)
        self._owners = _owners({name: self._sharded[name].numel() for name in matrices})
        held: dict[str, nn.Parameter] = {}
        for name, parameter in self._sharded.items():
            if self._owners.get(name, distribution.rank()) == distribution.rank():
                held[name] = nn.Parameter(local(parameter).detach())
        for name in matrices:  # gathered one by one: no process ever holds them all
            full = cast("DTensor", self._sharded[name]).full_tensor().detach()
            if name in held:
                held[name] = nn.Parameter(full.clone())
        self._held = held
        view = _View(held, model.config, model.compute_dtype)
        self._inner = build_optimizer(cast(nn.Module, view), config)

    @property
    def steps_taken(self) -> int:
        """Updates so far."""
        return self._inner.steps_taken

    @steps_taken.setter
    def steps_taken(self, steps: int) -> None:
        self._inner.steps_taken = steps

    def parameters(self) -> list[nn.Parameter]:
        """The model's sharded parameters."""
        return list(self._sharded.values())

    def clear_gradients(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in (*self._sharded.values(), *self._held.values()):
            parameter.grad = None

    @torch.no_grad()
    def step(self, lr_scale: float = 1.0) -> None:
        """One update from the sharded gradients, which all processes take together."""
        with distribution.among(self._group):
            self._step(lr_scale)

    def _step(self, lr_scale: float) -> None:
        parts = {name: _gradient(parameter) for name, parameter in self._sharded.items()}
        for name, parameter in self._held.items():
            if name not in self._owners:
                parameter.grad = parts[name]
        for name, gradient in self._to_owners(parts).items():
            self._held[name].grad = gradient
        self._inner.step(lr_scale)
        self._from_owners()

    def pieces(self) -> dict[str, Piece]:
        """The state of a checkpoint that this process holds, by the names of `Optimizer`."""
        pieces = {}
        for key, tensor in self._inner.state_tensors().items():
            name = key.partition(".")[2]
            if not name:  # a number that all processes have alike
                if distribution.rank() == 0:
                    pieces[key] = Piece(tensor, 0, tensor.shape[0])
            elif name in self._owners:
                pieces[key] = Piece(tensor, 0, tensor.shape[0])
            else:
                total = self._sharded[name].shape[0]
                first, _ = rows_of(total, distribution.rank(), distribution.world())
                pieces[key] = Piece(tensor, first, total)
        return pieces

    @torch.no_grad()
    def load(self, read: Callable[[str, int, int], Tensor]) -> None:
        """Take a state from a checkpoint.

        Args:
            read: gives rows of a tensor, by its name, first row and number of rows. The model's
                parameters must be loaded before: owners take their matrices from them.
        """
        state = {}
        for key, tensor in self._inner.state_tensors().items():
            name = key.partition(".")[2]
            first = 0
            if name and name not in self._owners:
                total = self._sharded[name].shape[0]
                first, _ = rows_of(total, distribution.rank(), distribution.world())
            state[key] = read(key, first, tensor.shape[0])
        self._inner.load_state_tensors(state)
        for name in self._owners:
            full = cast("DTensor", self._sharded[name]).full_tensor()
            if name in self._held:
                self._held[name].copy_(full)

    def _to_owners(self, parts: dict[str, Tensor]) -> dict[str, Tensor]:
        """Send each matrix's gradient rows to its owner.

        Args:
            parts: this process' rows of each parameter's gradient, by name.

        Returns:
            The gradients of the matrices that this process owns, [rows, cols] each.
        """
        world, rank = distribution.world(), distribution.rank()
        sent = [parts[name] for name in self._by_owner()]
        counts = [0] * world
        for name, part in zip(self._by_owner(), sent):
            counts[self._owners[name]] += part.numel()
        own = [name for name in self._by_owner() if self._owners[name] == rank]
        arriving = [sum(self._size(name, source) for name in own) for source in range(world)]
        sources = _exchange(sent, counts, arriving, self._device).split(arriving)
        at = [0] * world
        whole: dict[str, Tensor] = {}
        for name in own:
            rows = []
            for source in range(world):
                size = self._size(name, source)
                rows.append(sources[source][at[source] : at[source] + size])
                at[source] += size
            whole[name] = torch.cat(rows).view(self._sharded[name].shape)
        return whole

    def _from_owners(self) -> None:
        """Take this process' rows of all matrices from their owners, who have just updated them."""
        world, rank = distribution.world(), distribution.rank()
        own = [name for name in self._by_owner() if self._owners[name] == rank]
        sent = []
        for target in range(world):
            for name in own:
                first, end = rows_of(self._sharded[name].shape[0], target, world)
                sent.append(self._held[name][first:end])
        counts = [sum(self._size(name, target) for name in own) for target in range(world)]
        arriving = [0] * world
        for name in self._by_owner():
            arriving[self._owners[name]] += self._size(name, rank)
        arrived = _exchange(sent, counts, arriving, self._device)
        sizes = [self._size(name, rank) for name in self._by_owner()]
        for name, part in zip(self._by_owner(), arrived.split(sizes)):
            rows = local(self._sharded[name])
            rows.copy_(part.view_as(rows))

    def _by_owner(self) -> list[str]:
        """All matrices, those of the first owner first: the order in which messages hold them."""
        return sorted(self._owners, key=lambda name: (self._owners[name], name))

    def _size(self, name: str, rank: int) -> int:
        """Elements of a matrix in the rows of a process."""
        parameter = self._sharded[name]
        first, end = rows_of(parameter.shape[0], rank, distribution.world())
        return (end - first) * parameter.shape[1]

    @property
    def _device(self) -> torch.device:
        return local(next(iter(self._sharded.values()))).device


AnyOptimizer = Optimizer | ShardedOptimizer


@dataclasses.dataclass(frozen=True)
class _View:
    """What `build_optimizer` asks of a model, over other tensors."""

    parameters: dict[str, nn.Parameter]
    config: ModelConfig
    compute_dtype: torch.dtype

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        return iter(self.parameters.items())


def _muon_names(config: ModelConfig, settings: OptimizerConfig) -> list[str]:
    """The parameters that the optimizer treats as whole matrices."""
    with torch.device("meta"):
        plan = build_optimizer(Transformer(config), settings)
    return sorted(name for group in plan.muon for name in group.names)


def _owners(sizes: dict[str, int]) -> dict[str, int]:
    """The owner of each matrix: the largest first, each to the process with the least so far.

    Args:
        sizes: elements of each matrix, by name.
    """
    loads = [0] * distribution.world()
    owners = {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        owners[name] = loads.index(min(loads))
        loads[owners[name]] += sizes[name]
    return owners


def _exchange(
    parts: list[Tensor], counts: list[int], arriving: list[int], device: torch.device
) -> Tensor:
    """Send the first counts[0] elements to process 0, and so on.

    Args:
        parts: what is sent, in the order of the processes.
        counts: elements for each process.
        arriving: elements from each process.
        device: where it is to arrive.

    Returns:
        [elements] what arrived, in the order of the processes.
    """
    flat = torch.cat([part.reshape(-1) for part in parts]) if parts else torch.zeros(0)
    out = torch.empty(sum(arriving), device=device)
    dist.all_to_all_single(out, flat.to(device), arriving, counts, group=distribution.group())
    return out


def _gradient(parameter: nn.Parameter) -> Tensor:
    """[rows, ...] this process' rows of a parameter's gradient; zero where it took no part."""
    gradient = parameter.grad
    return torch.zeros_like(local(parameter)) if gradient is None else local(gradient)
