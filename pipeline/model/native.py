"""The C kernels' side of Python: weights in their layout, the cache, reading prompts.

In: a Transformer on a CPU. Out: `PackedWeights` and `Lanes` of keys and values that the builds
of the decoding kernel (`_decode512.c`, `_decode256.c`, `_decode128.c`) work on. A lane holds the
keys and values of a run of positions and continues another lane (its parent) without copying it:
samples share their prompt's keys, prompts the beginning they have in common. Whatever the kernels
can't do (a GPU, the speedrun family, odd sizes) is left to torch.
"""

import dataclasses
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import device as devices
from pipeline.model import instructions
from pipeline.model.prefixes import output_indices, tree
from pipeline.model.rope import rotary_tables
from pipeline.model.transformer import Transformer
from pipeline.model.weights import fold

Array = npt.NDArray[Any]

PANEL = 32  # rows of a matrix that are stored together
FORMATS = {"float32": 0, "bfloat16": 1, "int8": 2}
ACTIVATIONS = {"swiglu": 0, "gelu_tanh": 1, "relu2": 2}
FAMILIES = ("qwen3", "llama", "gpt2")
HEAD_DIMS = (32, 64, 96, 128)
ROWS_ALONE = 8  # rows a thread from which each thread takes whole rows and shares no product

# The layouts of decode_types.h.
MATRIX = np.dtype([(n, "i8") for n in ("data", "bias", "scales", "sums", "n", "k")])
LAYER = np.dtype([(n, MATRIX) for n in ("qkv", "output", "gate_up", "down")] + [("gains", "i8")])
SIZES = (
    *("layers", "width", "heads", "kv_heads", "head_dim"),
    *("ffn", "vocab", "norm", "activation", "format", "special"),
)
TABLES = ("embedding", "positions", "cos", "sin", "layer")
MODEL = np.dtype(
    [(n, "i8") for n in SIZES] + [("eps", "f8")] + [(n, "i8") for n in TABLES] + [("head", MATRIX)]
)
LANE = np.dtype([(n, "i8") for n in ("parent", "start", "capacity", "data")])
ENTRIES = np.dtype(
    [(n, "i8") for n in ("count", "tokens", "lanes", "positions", "outputs", "hidden")]
)


def kernels(model: Transformer) -> ModuleType | None:
    """The kernel's build for this machine and model; None: use torch."""
    c = model.config
    fits = (
        devices.on_cpu(model.device)
        and c.family in FAMILIES
        and c.head_dim in HEAD_DIMS
        and c.width % 16 == 0
        and c.ffn_width % 16 == 0
    )
    return instructions.build_of("_decode") if fits else None


@dataclasses.dataclass(frozen=True)
class PackedWeights:
    """A model's weights for the kernels."""

    kernels: ModuleType
    record: Array  # [1] of MODEL
    kept: list[Any]  # what the record points into
    width: int  # features of a hidden state
    lane_bytes: int  # of one position's keys and values, all layers

    @property
    def bytes(self) -> int:
        """Size of the matrices: what decoding reads at every step."""
        return sum(t.nbytes for t in self.kept if isinstance(t, Tensor) and t.ndim == 1)


def pack(model: Transformer, format: str, positions: int) -> PackedWeights | None:
    """Convert the model's present weights to the kernels' layout.

    Args:
        model: may change afterwards; its float32 embeddings are shared, not copied.
        format: of the matrices, a name of FORMATS.
        positions: the longest context that will be decoded.

    Returns:
        None where the kernels can't run this model: use torch.
    """
    module = kernels(model)
    if module is None:
        return None
    c, kept = model.config, []
    dtype = torch.bfloat16 if format == "bfloat16" else torch.float32

    def address(tensor: Tensor | None) -> int:
        if tensor is None:
            return 0
        kept.append(tensor)
        return tensor.data_ptr()

    def matrix(weight: Tensor, bias: Tensor | None) -> tuple[int, ...]:
        rows = -len(weight) % PANEL
        weight = F.pad(weight, (0, 0, 0, rows))
        scales = sums = None
        if format == "int8":
            weight, scales = quantize(weight)
            sums = weight.sum(1, dtype=torch.int32)
        if bias is not None:
            bias = F.pad(bias.float(), (0, rows)).contiguous()
        return (
            address(_panels(weight)),
            address(bias),
            address(scales),
            address(sums),
            len(weight),
            weight.shape[1],
        )

    with torch.no_grad():
        layers = np.zeros(c.layers, LAYER)
        for at, layer in enumerate(model.blocks):
            record = layers[at : at + 1]
            w = layer.cast(dtype)
            record["qkv"] = matrix(w.qkv, w.qkv_bias)
            record["output"] = matrix(w.output, w.output_bias)
            record["gate_up"] = matrix(w.gate_up, w.gate_up_bias)
            record["down"] = matrix(w.down, w.down_bias)
            record["gains"] = address(None if w.gains is None else w.gains.float().contiguous())
        whole = np.zeros(1, MODEL)
        head = matrix(*head_of(model, dtype))
        for name, value in zip(
            SIZES,
            (
                c.layers,
                c.width,
                c.heads,
                c.kv_heads,
                c.head_dim,
                c.ffn_width,
                c.vocab_size,
                int(c.parts.norm == "layer"),
                ACTIVATIONS[c.parts.activation],
                FORMATS[format],
                int(instructions.has_instruction(format)),
            ),
        ):
            whole[name] = value
        whole["eps"], whole["head"], whole["layer"] = c.norm_eps, head, layers.ctypes.data
        whole["embedding"] = address(model.embed_tokens.weight.detach().float().contiguous())
        if model.embed_positions is not None:
            whole["positions"] = address(model.embed_positions.weight.detach().float())
        else:
            tables = rotary_tables(
                positions, c.head_dim, c.rope_theta, torch.device("cpu"), c.rope_scaling
            )
            whole["cos"], whole["sin"] = (address(t.contiguous()) for t in tables)
    element = 4 if format == "float32" else 2
    size = c.layers * c.kv_heads * 2 * c.head_dim * element
    return PackedWeights(module, whole, [*kept, layers], c.width, size)


def head_of(model: Transformer, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """The output matrix [vocab, width] with the last norm folded in, and its bias [vocab]."""
    source = model.embed_tokens if model.lm_head is None else model.lm_head
    return fold(model.norm, source.weight, None, dtype)


def quantize(
    weight: Tensor,  # [out, in]
) -> tuple[Tensor, Tensor]:  # [out, in] int8; [out] float32
    """Weights in 8 bits and the scale of each row: symmetric, a row's largest becomes 127."""
    scales = weight.abs().amax(1).clamp_min(1e-12) / 127
    return (weight / scales[:, None]).round().to(torch.int8), scales


def _panels(
    weight: Tensor,  # [out, in], out a multiple of PANEL
) -> Tensor:  # flat
    """A matrix in panels of 32 rows: [out / 32, words of a row, 32 rows], a word being 4 bytes."""
    words = weight.contiguous().view(torch.int32)  # [out, words]
    return words.view(-1, PANEL, words.shape[1]).transpose(1, 2).contiguous().view(-1)


class Lanes:
    """Keys and values: `add` declares lanes, then `allocate` makes room for all of them."""

    def __init__(self, packed: PackedWeights) -> None:
        self.packed = packed
        self.records: list[tuple[int, int, int]] = []  # parent, start, capacity
        self.table = np.zeros(0, LANE)
        self.memory: list[Array] = []

    def add(self, parent: int, start: int, count: int) -> int:
        """Declare a lane of `count` positions from `start`; earlier ones are its parent's.

        Returns:
            The lane's index.
        """
        self.records.append((parent, start, -(-count // 16) * 16))
        return len(self.records) - 1

    def allocate(self) -> None:
        """Make room for the lanes added since the last call; their content is undefined."""
        old, new = self.table, np.zeros(len(self.records), LANE)
        new[: len(old)] = old
        added = np.array(self.records[len(old) :], dtype=np.int64).reshape(-1, 3)
        sizes = added[:, 2] * self.packed.lane_bytes
        memory = np.empty(int(sizes.sum()) + 64, np.uint8)
        base = -(-memory.ctypes.data // 64) * 64
        for column, name in enumerate(("parent", "start", "capacity")):
            new[name][len(old) :] = added[:, column]
        new["data"][len(old) :] = base + np.cumsum(sizes) - sizes
        self.memory.append(memory)
        self.table = new


def read(
    lanes: Lanes, sequences: list[list[int]], wanted: list[int]
) -> tuple[Array, list[list[int]], list[int]]:
    """Read sequences, what they share once.

    Args:
        lanes: get new lanes that hold the sequences' keys and values.
        sequences: token ids.
        wanted: for each sequence, how many of its last tokens' hidden states to return.

    Returns:
        Hidden states [outputs, width] float32; for each sequence the rows of its `wanted` last
        tokens in them; for each sequence its lane.
    """
    packed = lanes.packed
    nodes, leaves = tree(sequences)
    first = len(lanes.records)
    for node in nodes:
        parent = -1 if node.parent < 0 else first + node.parent
        lanes.add(parent, node.start, len(node.tokens))
    lanes.allocate()
    outputs, indices, count = output_indices(nodes, leaves, sequences, wanted)
    hidden = np.empty((count, packed.width), np.float32)
    for level in range(max(node.level for node in nodes) + 1):
        chosen = [i for i, node in enumerate(nodes) if node.level == level]
        arrays = [
            np.concatenate([np.asarray(nodes[i].tokens, np.int32) for i in chosen]),
            np.repeat(np.array(chosen, np.int32) + first, [len(nodes[i].tokens) for i in chosen]),
            np.concatenate([np.arange(nodes[i].start, nodes[i].end) for i in chosen]),
            np.concatenate([outputs[i] for i in chosen]),
        ]
        arrays = [np.ascontiguousarray(a, np.int32) for a in arrays]
        entries = np.zeros(1, ENTRIES)
        entries[0] = (len(arrays[0]), *(a.ctypes.data for a in arrays), hidden.ctypes.data)
        longest = max(nodes[i].end for i in chosen)
        packed.kernels.read(
            packed.record, lanes.table, entries, torch.get_num_threads(), longest, 0
        )
    return hidden, indices, [first + leaf for leaf in leaves]
