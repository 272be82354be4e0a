"""The learner's file computes what the pipeline's own stages compute, and runs from end to end."""

import ast
import importlib.util
import math
import random
import sys
import unicodedata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.chat.conversation import assistant, prompt, render, user
from pipeline.curriculum.sums import worked
from pipeline.model import ModelConfig, Transformer
from pipeline.rl import policy_gradient, rollouts
from pipeline.rl.objectives import RatioBounds
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.tokenizer import untrained
from pipeline.tokenizer.train import train
from pipeline.training import bits_per_byte
from pipeline.training.gradients import GradientSum
from pipeline.training.schedule import lr_scale
from pipeline.training.step import StepLoss, add_gradients

FILE = Path(__file__).resolve().parents[2] / "examples" / "one_file.py"
MOST_LINES = 499
VOCABULARY = 400
# Their names in ours; the rest of a name is equal.
NAMES = {
    "embed_tokens": "embedding",
    "lm_head": "head",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_norm": "q_norm",
    "self_attn.k_norm": "k_norm",
    "self_attn.": "",
    "mlp.": "",
    "_proj": "",
}
ODD = (
    "I'll say IT'S 1234 + 56,\r\n\r\nand  then\tstop. \n ½ Ⅷ ٣٤ 漢字かな Straße ſo 'ſ x'Twas don't "
    "naïve x\u00a0y\u2003z\u200b\x1c\x85 ...!? _under_ 😀👍🏽 \ud7a3 नमस्ते <|im_end|> a\u3000b"
)


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("one_file", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["one_file"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


one = load()
SIZES = one.Settings(layers=2, width=32, heads=2, ffn_width=48, context=24)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Prose, code, tables: the pages of docs/, and what tells pre-tokenizers apart."""
    pages = sorted((FILE.parents[1] / "docs").glob("*.md"))
    return [*(page.read_text()[:6_000] for page in pages[:8]), ODD]


@pytest.fixture(scope="module")
def theirs(texts: list[str]) -> Tokenizer:
    return train(iter(texts), TokenizerConfig(vocab_size=VOCABULARY)).with_conversation_tokens()


@pytest.fixture(scope="module")
def ours(texts: list[str]) -> Any:
    return one.Tokenizer(one.learn_merges(texts, VOCABULARY))


def twins() -> tuple:
    """Our model and the pipeline's with the same weights, none of them special."""
    vocabulary = VOCABULARY + 2
    shape = ModelConfig(
        vocab_size=vocabulary,
        layers=2,
        width=32,
        heads=2,
        kv_heads=2,
        head_dim=16,
        ffn_width=48,
        max_context=64,
    )
    big = Transformer(shape)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in big.named_parameters():
            noise = torch.randn(weight.shape, generator=generator) * 0.2
            weight.copy_(1.0 + noise if "norm" in name else noise)
    small = one.GPT(SIZES, vocabulary)
    small.load_state_dict({our_name(name): value for name, value in big.state_dict().items()})
    return small, big


def our_name(name: str) -> str:
    for old, new in NAMES.items():
        name = name.replace(old, new)
    return name


def assert_same_gradients(small: torch.nn.Module, big: torch.nn.Module) -> None:
    found = dict(small.named_parameters())
    for name, weight in big.named_parameters():
        torch.testing.assert_close(found[our_name(name)].grad, weight.grad, rtol=1e-3, atol=1e-6)


def test_one_file_of_allowed_packages() -> None:
    source = FILE.read_text()
    assert len(source.splitlines()) <= MOST_LINES
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0] if node.module and not node.level else ".")
    assert names - sys.stdlib_module_names == {"torch", "fastwarc"}


def test_what_it_points_to_exists() -> None:
    words = [word.strip('`(),.;:"') for word in FILE.read_text().split()]
    paths = [word for word in words if word.startswith(("pipeline/", "flows/", "tests/"))]
    assert len(paths) >= 10
    assert [path for path in paths if not (FILE.parents[1] / path).exists()] == []


def test_main_text_without_furniture() -> None:
    html = (
        "<head><title>no</title><style>no</style></head><body><nav><a>no</a></nav><h1>Title</h1>"
        "<p>one <b>two\n three</p></i><p>four<br>five<div class='ad top'><p>no</div>six &amp; 7"
        "<footer><p>no</p></footer>"
    )
    assert one.MainText(html).blocks == ["Title", "one two three", "four", "five", "six & 7"]


def test_rules_drop_what_they_name() -> None:
    prose = "It was the best of days in the town, and {} of us had to go to a wedding."
    good = "\n".join(prose.format(number) for number in range(20))
    assert one.why_dropped(good) == ""
    assert one.why_dropped("the of and") == "short"
    assert one.why_dropped("der die das und ist ein nicht " * 20) == "not English"
    assert one.why_dropped("\n".join([prose] * 20)) == "repeated lines"


def test_same_merges(ours: Any, theirs: Tokenizer) -> None:
    assert len(ours.bytes_of) == VOCABULARY + 2
    assert ours.bytes_of[1:VOCABULARY] == theirs.token_bytes[1:VOCABULARY]
    assert (ours.start, ours.end) == (
        theirs.special("<|im_start|>"),
        theirs.special("<|im_end|>"),
    )


def test_same_pieces() -> None:
    """What the two patterns cut a text into, by characters from all over Unicode.

    But for those younger than this Python's Unicode, which the Rust library may know already.
    """
    pre = untrained().pre_tokenizer
    rng = random.Random(1)
    assigned = (chr(c) for c in range(sys.maxunicode + 1))
    everywhere = [c for c in assigned if unicodedata.category(c) not in ("Cn", "Cs")][::97]
    texts = ["".join(rng.choices([*ODD, *everywhere], k=60)) for _ in range(300)]
    for text in [ODD, *texts]:
        pieces = [text[start:end] for _, (start, end) in pre.pre_tokenize_str(text)]
        assert one.PIECES.findall(text) == pieces


def test_same_ids(ours: Any, theirs: Tokenizer, texts: list[str]) -> None:
    rng = random.Random(0)
    alphabet = sorted({*ODD, *"abc ABC\n\r\t'st,.;09"})
    noise = ["".join(rng.choices(alphabet, k=40)) for _ in range(300)]
    for text in [*texts, *noise]:
        assert ours.encode(text) == theirs.encode(text), text
        assert ours.decode(ours.encode(text)) == text


def test_same_loss_and_gradients() -> None:
    small, big = twins()
    tokens = torch.randint(0, VOCABULARY, (3, 25), generator=torch.Generator().manual_seed(2))
    targets = tokens[:, 1:].clone()
    targets[0, :7] = -100
    loss = one.loss_on(small, tokens[:, :-1], targets)
    logits = big(tokens[:, :-1])
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    loss.backward()
    expected.backward()
    assert_same_gradients(small, big)


def test_same_bits_per_byte(ours: Any, theirs: Tokenizer, texts: list[str]) -> None:
    small, big = twins()
    documents = [[one.DOCUMENT, *ours.encode(text[:300])] for text in texts]
    found = one.bits_per_byte(small, documents, ours, context=24)
    arrays = [np.array(ids) for ids in documents]
    expected = bits_per_byte.measure(big, arrays, theirs.token_bytes, 24).bits_per_byte
    assert math.isclose(found, expected, rel_tol=1e-5)


def test_same_conversations_and_only_answers_are_learned(ours: Any, theirs: Tokenizer) -> None:
    turns = ["What is 3 + 4?", "It is 7.", " Thanks <|im_end|>\n", "Gladly!"]
    messages = [user(turns[0]), assistant(turns[1]), user(turns[2]), assistant(turns[3])]
    ids, learned = one.render(turns, ours)
    assert (ids, [int(one) for one in learned]) == render(messages, theirs)
    other = one.render(turns[:2], ours)
    tokens, targets = one.collate([(ids, learned), other])
    assert tokens.shape == targets.shape == (2, len(ids) - 1)
    assert tokens[0].tolist() == ids[:-1]
    said = [[id for id in row if id != -100] for row in targets.tolist()]
    answers = [[*ours.encode(turn), ours.end] for turn in turns[1::2]]
    assert said == [answers[0] + answers[1], answers[0]]
    for position, target in enumerate(targets[0].tolist()):
        assert target in (-100, ids[position + 1])


def test_same_worked_sums_and_no_sum_in_two_splits() -> None:
    rng = random.Random(0)
    for _ in range(50):
        a, b = rng.randrange(1_000), rng.randrange(100)
        assert one.worked(a, b) == worked(a, b)
    splits = {
        split: {tuple(sorted(one.draw_sum(split, SIZES, rng))) for _ in range(200)}
        for split in ("sft", "rl", "test")
    }
    assert sum(map(len, splits.values())) == len(set().union(*splits.values()))


def test_answers_with_cache_and_padding_are_those_of_whole_rows(
    ours: Any, theirs: Tokenizer
) -> None:
    """Each most likely token of a padded batch is that of the row read alone, from its start."""
    small, big = twins()
    asked = ["What is 3 + 4?", "Why?"]
    prompts, answers = one.generate(small, asked, ours, greedy=True)
    assert prompts == [prompt([user(question)], theirs) for question in asked]
    for start, answer in zip(prompts, answers):
        row = [*start, *answer[:16]]
        with torch.no_grad():
            scores = big(torch.tensor([row]))[0]
        assert scores.argmax(1).tolist()[len(start) - 1 : -1] == answer[:16]


def test_rewards_only_right_answers_that_end(ours: Any) -> None:
    right = [*ours.encode("2 + 3: 2+3=5. So 2 + 3 = 5."), ours.end]
    assert one.reward(right, 5, ours) == 1.0
    assert one.reward(right, 3, ours) == 0.0
    assert one.reward(right[:-1], 5, ours) == 0.0
    assert one.reward([ours.end], 5, ours) == 0.0


def test_same_advantages() -> None:
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    expected = rollouts.advantages(rewards.numpy())
    np.testing.assert_allclose(one.advantages(rewards).numpy(), expected)


def test_same_policy_gradient(ours: Any) -> None:
    small, big = twins()
    rng = random.Random(3)
    prompts = [[rng.randrange(VOCABULARY) for _ in range(n)] for n in (5, 5, 9, 9)]
    answers = [[rng.randrange(VOCABULARY) for _ in range(n)] for n in (4, 7, 2, 6)]
    gains = torch.tensor([0.5, -0.5, 0.25, -0.25])
    rows = [(p + a, [False] * len(p) + [True] * len(a)) for p, a in zip(prompts, answers)]
    one.loss_on(small, *one.collate(rows), gains).backward()
    drawn = []
    for ids, answer, gain in zip(prompts, answers, gains.tolist()):
        with torch.no_grad():  # the sampler was this very policy: ratios are 1
            scores = big(torch.tensor([ids + answer]))[0].log_softmax(1)
        chances = [float(scores[len(ids) - 1 + at, id]) for at, id in enumerate(answer)]
        unused = ("task", "group", "text", "stopped", "reward", "answer_type")
        fields: dict[str, Any] = dict.fromkeys(unused)
        drawn.append(
            rollouts.Rollout(**fields, prompt=ids, tokens=answer, logprobs=chances, advantage=gain)
        )
    rule = policy_gradient.UpdateRule(1.0, 0, RatioBounds(2.0), chunk_tokens=8)
    terms = policy_gradient.policy_terms(big, drawn, rule, micro_rows=2)
    tokens = sum(map(len, answers))
    sums = GradientSum(big, list(big.parameters()))
    add_gradients(sums, StepLoss(terms, normalizer=tokens, tokens=tokens), big.device)
    assert_same_gradients(small, big)


def test_same_schedule() -> None:
    for steps in (40, 300):
        expected = [lr_scale(step, steps, warmup_steps=steps // 20) for step in range(steps)]
        assert [one.rate(step, steps) for step in range(steps)] == pytest.approx(expected)


def test_the_whole_road(ci_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """At toy size every stage's number goes the right way."""
    toy = one.Settings(
        vocabulary=300,
        layers=1,
        width=32,
        heads=1,
        ffn_width=64,
        context=32,
        rows=8,
        steps=30,
        sft_steps=30,
        rl_steps=2,
        prompts=4,
        answers=4,
        digits=1,
    )
    found = one.run(ci_run.lake, toy)
    assert [len(found[stage]) for stage in ("base", "sft", "rewards")] == [30, 30, 2]
    for stage in ("base", "sft"):
        first, last = found[stage][:5], found[stage][-5:]
        assert sum(last) < sum(first) - 1.0, stage
    before, after = found["bits"]
    assert 0.5 < after < before - 0.3
    assert all(0.0 <= share <= 1.0 for share in (*found["rewards"], *found["right"]))
    said = capsys.readouterr().out
    assert " kept, " in said
    assert said.count("  you> ") >= 8  # sums before and after RL, and a chat


def test_reinforcement_raises_the_reward(ours: Any) -> None:
    """A policy that guesses comes to prefer what is right more often."""
    torch.manual_seed(0)
    model = one.GPT(SIZES, VOCABULARY + 2)
    small = one.Settings(prompts=8, answers=8, digits=1, layers=2, width=32, heads=2, rows=8)
    rng = random.Random(0)

    def learned(_: int) -> torch.Tensor:
        sums = [one.draw_sum("rl", small, rng) for _ in range(16)]
        turns = [[one.ASKED[0].format(a=a, b=b), rng.choice(["5", "7", "9"])] for a, b in sums]
        return one.loss_on(model, *one.collate([one.render(turn, ours) for turn in turns]))

    one.train(model, 40, 1e-2, learned)
    got: list[float] = []
    one.train(model, 16, 3e-3, lambda step: one.try_sums(model, ours, small, str(step), got))
    assert np.mean(got[-5:]) > np.mean(got[:5])


def test_too_few_pages_are_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="too few pages under"):
        one.run(tmp_path, SIZES)
