"""Every way that code takes on a GPU alone, run on a CPU by force, must end where the CPU's ends.

`devices.on_cuda` and `on_cpu` are answered as on a GPU, torch.cuda's functions are stood in for.
Each case names the places that it must have passed; together they are all places that ask.
"""

import ast
import contextlib
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from toy_artifacts import make_artifacts

from pipeline.curriculum.tasks import Task
from pipeline.model import ModelConfig, Transformer, flash, fp8, fused, native, precision, products
from pipeline.model import device as devices
from pipeline.model.engine import Engine
from pipeline.model.scoring import score
from pipeline.rl import policy_gradient
from pipeline.rl.objectives import RatioBounds
from pipeline.rl.rollouts import Rollout
from pipeline.stage import SILENT
from pipeline.training import (
    bits_per_byte,
    distribution,
    loss,
    matrix_rate,
    meter,
    pretrain,
    runtime,
    sharded_checkpoint,
    state,
)
from pipeline.training.compiling import multiply_in_8_bits
from pipeline.training.config import LoopConfig, ModelShape, OptimizerConfig, PretrainConfig
from pipeline.training.data_loader import Batch
from pipeline.training.gradients import GradientSum
from pipeline.training.optimizers import build_optimizer
from pipeline.training.step import StepLoss, add_gradients
from storage.tables import read_table

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
QUESTIONS = ("on_cuda", "on_cpu")


class Graph:
    """A CUDA graph's stand-in: the operations recorded once, run again on the same memory."""

    def __init__(self):
        self.operations = []

    def replay(self):
        for function, args, kwargs, result in self.operations:
            again = tree_leaves(function(*args, **kwargs))
            for mine, new in zip(tree_leaves(result), again, strict=True):
                # At the same address it is a view of what is up to date already.
                if isinstance(mine, torch.Tensor) and mine.data_ptr() != new.data_ptr():
                    mine.copy_(new)


class Recording(TorchDispatchMode):
    """Keeps what a graph would; a number that Python reads is what no graph can hold."""

    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
        assert "local_scalar" not in str(function), "a number is read while a graph is recorded"
        result = function(*args, **(kwargs or {}))
        self.graph.operations.append((function, args, kwargs or {}, result))
        return result


@contextlib.contextmanager
def nothing(*_):
    yield


class Stream:
    def wait_stream(self, other):
        pass


@pytest.fixture
def torch_as_it_was():
    before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    wanted = torch.get_float32_matmul_precision()
    yield
    torch.set_num_threads(before[0])
    torch.set_deterministic_debug_mode(before[1])
    torch.set_float32_matmul_precision(wanted)


class Gpu:
    """Forced answers, and from where they were asked for."""

    def __init__(self, monkeypatch):
        self.asked, self.called = set(), []
        self.capability = (9, 0)
        self._patch = monkeypatch

    def force(self):
        def answer(value):
            def question(device):
                assert isinstance(device, torch.device)
                code = sys._getframe(1).f_code
                module = sys._getframe(1).f_globals["__name__"]
                self.asked.add(f"{module}.{code.co_qualname.split('.<locals>')[0]}")
                return value

            return question

        def called(name, result=None):
            def function(*args, **_):
                self.called.append((name, *args))
                return result() if callable(result) else result

            return function

        patch = self._patch.setattr
        patch(devices, "on_cuda", answer(True))
        patch(devices, "on_cpu", answer(False))
        patch(torch.cuda, "get_device_capability", lambda *_: self.capability)
        for name in ("synchronize", "set_device", "current_stream", "get_rng_state"):
            results = {"current_stream": Stream, "get_rng_state": lambda: torch.arange(8)}
            patch(torch.cuda, name, called(name, results.get(name)))
        patch(torch.cuda, "set_rng_state", called("set_rng_state"))
        patch(torch.cuda, "max_memory_allocated", called("max_memory_allocated", 12345))
        patch(torch.cuda, "Stream", Stream)
        patch(torch.cuda, "stream", nothing)
        patch(torch.cuda, "CUDAGraph", Graph)
        patch(torch.cuda, "graph", Recording)
        whole = torch.empty_like  # pinned memory needs a driver
        patch(torch, "empty_like", lambda *args, pin_memory=False, **rest: whole(*args, **rest))
        # Compiled by the tracer, without a compiler of C++: what is traced is what is tested.
        compiled = torch.compile
        patch(torch, "compile", lambda f, **rest: compiled(f, **(rest | {"backend": "eager"})))
        loss._compiled_slopes.cache_clear()
        torch._dynamo.reset()

    def passed(self, *places):
        missing = set(places) - self.asked
        assert not missing, f"not asked in {missing}; asked in {self.asked}"


@pytest.fixture
def gpu(monkeypatch, torch_as_it_was):
    yield Gpu(monkeypatch)
    loss._compiled_slopes.cache_clear()


def model_of(family="qwen3", dtype=torch.float32, **shape):
    kv_heads = 2 if family == "gpt2" else 1
    sizes = {"vocab_size": 90, "layers": 2, "width": 32, "heads": 2, "kv_heads": kv_heads}
    rest = {"head_dim": 16, "ffn_width": 48, "max_context": 40, "family": family}
    model = Transformer(ModelConfig(**(sizes | rest | shape))).init_weights(0)
    model.compute_dtype = dtype
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.1)
    return model


def documents_apart(rows=3, count=20):
    ids = torch.zeros(rows, count, dtype=torch.int64)
    ids[1, 7:], ids[2, 1:], ids[2, 12:] = 1, 1, 2
    return ids


def same_kernel(q, k, v, starts, _, longest, __, *, scale, window_size, enable_gqa):
    """The variable-length kernel, as documented: a document at a time."""
    parts = []
    for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist()):
        queries, keys, values = (t[begin:end].transpose(0, 1)[None] for t in (q, k, v))
        y = torch.nn.functional.scaled_dot_product_attention(
            queries, keys, values, is_causal=True, scale=scale, enable_gqa=enable_gqa
        )
        parts.append(y[0].transpose(0, 1))
    return torch.cat(parts)


def gradients(model, batch, weights=None):
    model.zero_grad(set_to_none=True)
    total, nats = loss.token_loss(model, batch, weights=weights, chunk_tokens=16)
    total.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return total.detach(), nats, found


LOSS = (
    "pipeline.training.loss.fused_cross_entropy",
    "pipeline.training.loss._slopes",
)
ATTENTION = (
    "pipeline.model.transformer.Transformer._attend",
    "pipeline.model.transformer.Transformer._rotary_of",
)


@pytest.mark.parametrize("family", ["qwen3", "llama", "gpt2", "speedrun"])
@pytest.mark.parametrize("apart", [True, False])
def test_a_training_step(gpu, family, apart):
    model = model_of(family).train()
    draw = torch.Generator().manual_seed(2)
    tokens = torch.randint(90, (3, 21), generator=draw)
    mask = (torch.rand(3, 20, generator=draw) < 0.6).long()
    weights = mask * torch.randn(3, 20, generator=draw)
    ids = documents_apart() if apart else None
    batch = Batch(tokens[:, :-1], tokens[:, 1:], mask, ids)
    expected = [gradients(model, batch), gradients(model, batch, weights)]
    gpu.force()
    for given, (total, nats, slopes) in zip((None, weights), expected):
        found, its_nats, its_slopes = gradients(model, batch, given)
        torch.testing.assert_close(found, total, rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(its_nats, nats, rtol=1e-4, atol=1e-5)
        assert its_slopes.keys() == slopes.keys()
        for name, slope in slopes.items():
            torch.testing.assert_close(its_slopes[name], slope, rtol=1e-3, atol=2e-4)
    positions = ATTENTION[:1] if family == "gpt2" else ATTENTION
    gpu.passed(*LOSS, *positions, *(["pipeline.model.flash.is_supported"] if apart else []))


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 0), (1.3, 12)])
def test_a_policy_gradient(gpu, temperature, top_k):
    """Answers of different lengths, some of no advantage, drawn by another policy."""
    model, draw = model_of().train(), random.Random(0)
    answers = []
    for number in range(12):
        tokens = [draw.randrange(90) for _ in range(draw.randint(1, 30))]
        sampled = [draw.uniform(-6.0, -3.0) for _ in tokens]
        rest: dict[str, Any] = {
            "text": "",
            "stopped": True,
            "reward": 0.0,
            "advantage": number % 4 - 1.0,
            "answer_type": "wrong",
        }
        task = Task("", "", "", 0)
        answers.append(Rollout(task, number, [1, 2, 3], tokens, sampled, **rest))
    rule = policy_gradient.UpdateRule(temperature, top_k, RatioBounds(2.0), chunk_tokens=16)

    def learned():
        model.zero_grad(set_to_none=True)
        terms = policy_gradient.policy_terms(model, answers, rule, micro_rows=5)
        sums = GradientSum(model, list(model.parameters()))
        found, _ = add_gradients(sums, StepLoss(terms, normalizer=50.0, tokens=0), model.device)
        return found, {name: parameter.grad.clone() for name, parameter in model.named_parameters()}

    expected, slopes = learned()
    gpu.force()
    found, its_slopes = learned()
    assert found == pytest.approx(expected, rel=1e-5)
    for name, slope in slopes.items():
        torch.testing.assert_close(its_slopes[name], slope, rtol=1e-3, atol=2e-4)
    gpu.passed(*LOSS, *ATTENTION, "pipeline.training.lanes.count")


def test_matrices_of_an_update_are_one_batch(gpu, torch_as_it_was):
    """A GPU takes them all at once; a CPU's lanes share them out."""
    torch.set_num_threads(2)
    models = [model_of(), model_of()]
    for model in models:
        optimizer = build_optimizer(model, OptimizerConfig())
        generator = torch.Generator().manual_seed(0)
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
        gpu.force()
    for mine, its in zip(*(model.parameters() for model in models)):
        torch.testing.assert_close(its, mine, rtol=1e-4, atol=1e-5)
    gpu.passed("pipeline.training.optimizers._orthogonalize_side_by_side")


def test_documents_by_the_kernel_for_them(gpu, monkeypatch):
    asked = []

    def kernel(*args, **settings):
        asked.append(len(args[0]))
        return same_kernel(*args, **settings)

    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", kernel)
    model = model_of(dtype=torch.bfloat16)
    tokens = torch.randint(90, (3, 20), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = model(tokens, document_ids=documents_apart())
        gpu.force()
        found = model(tokens, document_ids=documents_apart())
    assert asked == [60, 60]
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0.1)
    gpu.passed("pipeline.model.flash.is_supported", "pipeline.model.fused.ready")
    gpu.capability = (7, 5)
    assert not flash.is_supported(torch.bfloat16, CPU, 64)
    gpu.capability = (8, 0)
    assert flash.is_supported(torch.bfloat16, CPU, 64)
    assert not flash.is_supported(torch.bfloat16, CPU, 20)


def test_bits_per_byte_are_those_of_the_cpu(gpu):
    """Windows of different lengths: what pads the shorter ones is no text."""
    model = model_of()
    draw = np.random.default_rng(0)
    documents = [draw.integers(0, 90, size=length) for length in (30, 3, 17, 80, 2, 55)]
    token_bytes = [b"x" * (1 + number % 3) for number in range(90)]
    expected = bits_per_byte.measure(model, documents, token_bytes, 40)
    gpu.force()
    found = bits_per_byte.measure(model, documents, token_bytes, 40)
    np.testing.assert_allclose(found.nats, expected.nats, rtol=1e-5)
    assert found.bits_per_byte == pytest.approx(expected.bits_per_byte, rel=1e-6)
    gpu.passed(*LOSS, *ATTENTION)


@pytest.mark.parametrize("family", ["qwen3", "llama", "gpt2", "speedrun"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_generation(gpu, family, temperature):
    """By torch over a recorded step; but for tables of n-grams, whose cache remembers tokens."""
    shape = {"ngram_rows": (64, 64), "ngram_width": 8}
    if family != "speedrun":
        shape = {"head_dim": 32, "width": 64}
    model = model_of(family, **shape)
    prompts = [[1, 2, 3, 4, 5], [9], [7, 7, 30, 12]]
    settings: dict[str, Any] = {
        "samples": 3,
        "max_new_tokens": 24,
        "stop_tokens": (3, 9, 40),
        "seed": 4,
    }
    expected = Engine(model).generate(prompts, temperature=temperature, **settings)
    gpu.force()
    found = Engine(model).generate(prompts, temperature=temperature, **settings)
    assert [[c.tokens for c in cs] for cs in found] == [[c.tokens for c in cs] for cs in expected]
    for cs, others in zip(found, expected):
        for c, other in zip(cs, others):
            np.testing.assert_allclose(c.logprobs, other.logprobs, atol=1e-4)
    gpu.passed("pipeline.model.native.kernels", "pipeline.model.shared_reading.empty_cache")
    if family != "speedrun":
        gpu.passed("pipeline.model.cuda_graph.step")


def read_tokens(monkeypatch):
    """What the model is given to read from here on, padding and all, call by call."""
    read, hidden = [], Transformer.hidden

    def counted(model, tokens, **settings):
        read.append(tokens.numel())
        return hidden(model, tokens, **settings)

    monkeypatch.setattr(Transformer, "hidden", counted)
    return read


FEW_SHOT = [
    # (examples, question, choices): what in-context tasks are made of
    ([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], [20 + n, 21, 22 + n, 30], [[40], [41, n], [n, 7]])
    for n in range(20)
]


@pytest.mark.parametrize("family", ["qwen3", "llama", "gpt2", "speedrun"])
def test_scores_read_what_choices_and_questions_share_once(gpu, family, monkeypatch):
    kernels = {"head_dim": 32, "width": 64}  # on the CPU by C
    shape = {"ngram_rows": (64, 64), "ngram_width": 8} if family == "speedrun" else kernels
    model = model_of(family, **shape)
    pairs = [(e + q, c) for e, q, choices in FEW_SHOT for c in choices]
    pairs += [([1], [2, 3, 4]), (list(range(50, 90)), [3]), (FEW_SHOT[0][0], [9, 9])]
    contexts, continuations = map(list, zip(*pairs))
    alone = [score(model, [context], [answer])[0] for context, answer in pairs]
    gpu.force()
    read = read_tokens(monkeypatch)
    found = score(model, contexts, continuations)
    np.testing.assert_allclose([s for s, _ in found], [s for s, _ in alone], rtol=1e-5, atol=1e-5)
    assert [said for _, said in found] == [said for _, said in alone]
    every = sum(len(c) + len(a) - 1 for c, a in pairs)
    assert sum(read) < 0.5 * every  # padding counts
    gpu.passed("pipeline.model.native.kernels", "pipeline.model.shared_reading.empty_cache")
    small = score(model, contexts, continuations, tokens_per_batch=16)  # other groups, same scores
    np.testing.assert_allclose([s for s, _ in small], [s for s, _ in alone], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["qwen3", "gpt2", "speedrun"])
def test_prompts_that_begin_alike_are_read_once(gpu, family, monkeypatch):
    """Few-shot questions behind the same examples."""
    shape = {"ngram_rows": (64, 64), "ngram_width": 8}
    if family != "speedrun":
        shape = {"head_dim": 32, "width": 64}
    model = model_of(family, **shape)
    examples = FEW_SHOT[0][0] + [3, 1, 4, 1, 5]
    prompts = [[*examples, *[30 + n] * (1 + n % 3)] for n in range(12)]
    prompts += [[7, 8], [*examples[:4], 50, 51]]
    settings: dict[str, Any] = {"max_new_tokens": 6, "stop_tokens": (3,), "temperature": 0.0}
    expected = Engine(model).generate(prompts, **settings)
    gpu.force()
    read = read_tokens(monkeypatch)
    found = Engine(model).generate(prompts, **settings)
    assert [c.tokens for (c,) in found] == [c.tokens for (c,) in expected]
    for (c,), (other,) in zip(found, expected):
        np.testing.assert_allclose(c.logprobs, other.logprobs, atol=1e-4)
    reading = [tokens for tokens in read if tokens > len(prompts)]
    assert sum(reading) < 0.4 * sum(map(len, prompts))


def test_what_the_hardware_can_do(gpu):
    assert native.kernels(model_of(head_dim=32)) is not None
    gpu.force()
    assert native.kernels(model_of(head_dim=32)) is None
    assert not fused.ready(torch.bfloat16, CPU)
    for capability, bf16, eight_bits in (
        ((7, 5), False, False),
        ((8, 0), True, False),
        ((8, 9), True, True),
        ((9, 0), True, True),
    ):
        gpu.capability = capability
        assert precision.multiplies_bfloat16(CPU) is bf16
        assert precision.resolve("auto", CPU) == ("bfloat16" if bf16 else "float32")
        assert fp8.supported(CPU) is eight_bits
    model = model_of()
    multiply_in_8_bits(model)
    assert model.linear is fp8.linear
    assert products.resolve("auto", CPU) == ""  # whose products the CPU takes says nothing here
    gpu.passed(
        "pipeline.model.precision.multiplies_bfloat16",
        "pipeline.model.fp8.supported",
        "pipeline.model.products.resolve",
        "pipeline.model.fused.ready",
    )


def test_the_machine_is_set_up(gpu, monkeypatch):
    gpu.force()
    torch.set_float32_matmul_precision("highest")
    runtime.prepare("cpu", "float32", 1)
    assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_deterministic_debug_mode() == 0
    runtime.prepare("cpu", "bfloat16", 1)
    assert torch.get_float32_matmul_precision() == "high"
    monkeypatch.setattr(runtime, "PEAK_SIZE_GPU", 64)
    monkeypatch.setattr(runtime, "PEAK_SIZE_CPU", None)
    assert runtime.measured_peak_flops(CPU, torch.float32, repeats=3) > 0
    assert matrix_rate.measure(CPU, torch.float32).share == 1.0  # a GPU's rate is no share
    assert [name for name, *_ in gpu.called].count("synchronize") >= 4
    assert meter.peak_memory(CPU) == 12345
    gpu.passed(
        "pipeline.training.runtime.prepare",
        "pipeline.training.runtime.measured_peak_flops",
        "pipeline.training.matrix_rate.measure",
        "pipeline.training.meter.peak_memory",
    )


def test_each_process_takes_its_own_gpu(gpu, monkeypatch):
    begun = []
    gpu.force()
    assert distribution.init(torch.device("cuda")) == torch.device("cuda")  # alone
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: False)
    monkeypatch.setattr(
        "torch.distributed.init_process_group", lambda *a, **k: begun.append((a, k))
    )
    mine = distribution.init(torch.device("cuda"))
    assert mine == torch.device("cuda", 3)
    assert ("set_device", mine) in gpu.called
    assert begun == [(("nccl",), {"timeout": distribution.TIMEOUT, "device_id": mine})]
    gpu.passed("pipeline.training.distribution.init")


@pytest.mark.parametrize("store", [state, sharded_checkpoint])
def test_a_state_goes_to_disk_and_back(gpu, tmp_path, store):
    gpu.force()
    model = model_of()
    optimizer = build_optimizer(model, OptimizerConfig())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    copies = store.snapshot(model, optimizer)
    assert gpu.called[-1] == ("synchronize",)  # before that the copies may be half done
    store.write(tmp_path, 3, copies, {"fingerprint": ["x"], "notes": {"a": 1}}, lambda s: set(s))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert store.restore(tmp_path, model, optimizer, ["x"]) == (3, {"a": 1})
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    gpu.passed(f"{store.__name__}.snapshot")
    if store is state:  # FSDP draws no random numbers on a GPU
        ((_, numbers),) = [call for call in gpu.called if call[0] == "set_rng_state"]
        assert torch.equal(numbers, torch.arange(8))
        gpu.passed("pipeline.training.state.restore")


def test_a_run_on_a_cpu_leaves_the_gpu_alone(monkeypatch, tmp_path):
    """Told to use the CPU of a machine with a GPU: torch.cuda would take its memory."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in ("get_rng_state", "set_rng_state", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: pytest.fail("the GPU was asked"))
    model = model_of()
    optimizer = build_optimizer(model, OptimizerConfig())
    for store in (state, sharded_checkpoint):
        folder = tmp_path / store.__name__
        copies = store.snapshot(model, optimizer)
        store.write(folder, 1, copies, {"fingerprint": [], "notes": {}}, lambda s: set(s))
        assert store.restore(folder, model, optimizer, []) == (1, {})


SHAPE = ModelShape(layers=2, width=32, heads=2, kv_heads=2, head_dim=16, ffn_width=64, context=32)


@pytest.mark.parametrize("compiled", [False, True])
def test_pretraining_from_shards_to_bits_per_byte(gpu, tmp_path, compiled, monkeypatch):
    loop = LoopConfig(steps=6, rows_per_step=4, warmup_steps=2, validate_every=3, validation_rows=8)
    config = PretrainConfig(
        SHAPE, loop, OptimizerConfig(), "float32", threads=1, device="cpu", compile=compiled
    )
    monkeypatch.setattr(runtime, "PEAK_SIZE_GPU", 64)
    toy = make_artifacts(tmp_path)
    inputs: pretrain.PretrainInputs = {"tokens": [toy.tokens], "tokenizer": [toy.base]}
    said = {}
    for name in ("cpu", "gpu"):
        if name == "gpu":
            gpu.force()
        out, scratch = tmp_path / name / "out", tmp_path / name / "scratch"
        out.mkdir(parents=True)
        scratch.mkdir()
        said[name] = (
            pretrain.build(out, inputs, config, SILENT, scratch),
            read_table(out / "metrics.parquet"),
        )
    (mine, curve), (theirs, its_curve) = said["gpu"], said["cpu"]
    assert mine is not None
    assert theirs is not None
    assert mine["bits_per_byte"] == pytest.approx(theirs["bits_per_byte"], rel=1e-4)
    for column in ("loss", "validation_bits_per_byte", "grad_norm"):
        found, expected = curve[column].to_pylist(), its_curve[column].to_pylist()
        assert found == [None if e is None else pytest.approx(e, rel=1e-3) for e in expected]
    gpu.passed("pipeline.training.pretrain.build", "pipeline.training.state.snapshot", *LOSS)


def places_that_ask():
    """Every function of pipeline in which one of the questions is asked."""
    found = set()

    class Visitor(ast.NodeVisitor):
        def __init__(self, module):
            self.names = [module]

        def _inside(self, node):
            self.names.append(node.name)
            self.generic_visit(node)
            self.names.pop()

        visit_FunctionDef = visit_ClassDef = _inside

        def visit_Call(self, node):
            if isinstance(node.func, ast.Attribute) and node.func.attr in QUESTIONS:
                found.add(".".join(self.names))
            self.generic_visit(node)

    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        text = path.read_text()
        if any(question in text for question in QUESTIONS):
            Visitor(module).visit(ast.parse(text))
    return found


def test_these_are_all_places_that_ask():
    """One that is new needs a case here that passes it."""
    text = Path(__file__).read_text()
    places = places_that_ask()
    named = {place for place in places if f'"{place}"' in text}
    named |= {"pipeline.training.sharded_checkpoint.snapshot", "pipeline.training.state.snapshot"}
    assert places == named
    assert len(places) > 15


def test_nobody_finds_out_in_another_way():
    others = ("is_cuda", '.type == "c', '.type != "c', "cuda.is_available")
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        if path != ROOT / "pipeline" / "model" / "device.py":
            text = path.read_text()
            assert not [word for word in others if word in text], path
