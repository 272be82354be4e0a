"""The C kernels' side of Python: weights in their layout, pages of keys and values, reading.

In: a Transformer on a CPU. Out: `PackedWeights` and `PageMemory` that the builds of the decoding
kernel (`_decode512.c`, `_decode256.c`, `_decode128.c`) work on. A page holds the keys and values of
a run of positions in all layers; a sequence's table says where its pages lie, so sequences that
begin alike share them. Whatever the kernels can't do (a GPU, the speedrun family, odd sizes) is
left to torch.
"""

import dataclasses
from types import ModuleType
from typing import Any, NamedTuple

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
_FIELDS = "rows stride tables hidden steps row entries tokens of positions outputs"
BATCH = np.dtype([(n, "i8") for n in _FIELDS.split(" ")])


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
    position_bytes: int  # of one position's keys and values, all layers

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


def dense_head(model: Transformer, format: str) -> tuple[Tensor, Tensor | None]:
    """The head that torch multiplies the hidden states of `read` with, for a format of FORMATS.

    Beside the bf16 of the other matrices int8's is multiplied as torch can: dequantised.
    """
    weight, bias = head_of(model, torch.bfloat16 if format == "bfloat16" else torch.float32)
    if format == "int8":
        values, scales = quantize(weight)
        weight = values * scales[:, None]
    return weight, bias


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


def page_tokens(packed: PackedWeights) -> int:
    """Positions of a page."""
    count: int = packed.kernels.PAGE
    return count


class PageMemory:
    """Room for pages; their content is undefined. What is never written takes no memory."""

    def __init__(self, packed: PackedWeights, pages: int) -> None:
        size = packed.position_bytes * page_tokens(packed)
        memory = np.empty(pages * size + 64, np.uint8)
        first = -memory.ctypes.data % 64
        self.pages = memory[first : first + pages * size].reshape(pages, size)
        self._address = self.pages.ctypes.data

    def addresses(self, pages: list[int]) -> Array:
        """[pages] int64: where they lie."""
        return self._address + np.array(pages, np.int64) * self.pages.shape[1]

    def copy(self, source: int, target: int) -> None:
        """Give a page the content of another."""
        if source != target:
            self.pages[target] = self.pages[source]


class Entries(NamedTuple):
    """Tokens to read, a row's one after another; all [entries] int32."""

    tokens: Array
    of: Array  # rows
    positions: Array
    outputs: Array  # rows of the hidden states; -1: not wanted


def run(
    packed: PackedWeights,
    tables: Array,
    hidden: Array,
    entries: Entries,
    records: Array | None = None,
    steps: int = 1,
) -> None:
    """Read tokens; and sample and decode rows, if there are records of them.

    Args:
        packed: the model's weights.
        tables: [rows, pages of the longest] int64, addresses.
        hidden: [outputs, width] float32, of the rows to sample one each.
        entries: to be read in the first step.
        records: [rows] of decode_native.ROW.
        steps: tokens to sample for each row under way.

    Raises:
        FloatingPointError: the model's logits are not finite.
    """
    threads = torch.get_num_threads()
    record = np.zeros(1, BATCH)
    record[0] = (
        *(*tables.shape, tables.ctypes.data, hidden.ctypes.data, steps),
        *(0 if records is None else records.ctypes.data, len(entries.tokens)),
        *(array.ctypes.data for array in entries),
    )
    positions = tables.shape[1] * page_tokens(packed)
    packed.kernels.run(packed.record, record, threads, positions, ROWS_ALONE * threads)


def read(
    packed: PackedWeights, sequences: list[list[int]], wanted: list[int]
) -> tuple[Array, list[list[int]]]:
    """Read sequences, what they share once.

    Args:
        packed: the model's weights.
        sequences: token ids.
        wanted: for each sequence, how many of its last tokens' hidden states to return.

    Returns:
        Hidden states [outputs, width] float32; for each sequence the rows of its `wanted` last
        tokens in them.
    """
    nodes, leaves = tree(sequences)
    size = page_tokens(packed)
    firsts = [node.start // size for node in nodes]  # of a node's own pages
    counts = [-(-node.end // size) - first for node, first in zip(nodes, firsts)]
    memory = PageMemory(packed, sum(counts))
    pages: list[list[int]] = []
    tables = np.zeros((len(nodes), -(-max(node.end for node in nodes) // size)), np.int64)
    taken = 0
    for index, (node, first, count) in enumerate(zip(nodes, firsts, counts)):
        before = pages[node.parent][:first] if node.parent >= 0 else []
        pages.append([*before, *range(taken, taken + count)])
        taken += count
        tables[index, : len(pages[-1])] = memory.addresses(pages[-1])
    outputs, indices, total = output_indices(nodes, leaves, sequences, wanted)
    hidden = np.empty((total, packed.width), np.float32)
    for level in range(max(node.level for node in nodes) + 1):
        chosen = [i for i, node in enumerate(nodes) if node.level == level]
        for i in chosen:
            if nodes[i].start % size:  # a part of the page is the parent's
                memory.copy(pages[nodes[i].parent][firsts[i]], pages[i][firsts[i]])
        arrays = [
            np.concatenate([np.asarray(nodes[i].tokens, np.int32) for i in chosen]),
            np.repeat(np.array(chosen, np.int32), [len(nodes[i].tokens) for i in chosen]),
            np.concatenate([np.arange(nodes[i].start, nodes[i].end) for i in chosen]),
            np.concatenate([outputs[i] for i in chosen]),
        ]
        entries = Entries(*(np.ascontiguousarray(a, np.int32) for a in arrays))
        run(packed, tables, hidden, entries)
    return hidden, indices
