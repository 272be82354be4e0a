"""From web pages to a small chat model, in one file: read it from top to bottom.

    crawl2chat run corpus --preset demo --lake lake
    python examples/one_file.py lake

Any folder with WARC files of English pages does; torch and fastwarc are all that is needed. Each
part names what does the same in earnest: a rule of one line here is a measured choice there, and
tests/examples/test_one_file.py holds the two together. Two cores take about six minutes; with
`--steps 20` it takes less than one, and learns next to nothing.
"""

import argparse
import dataclasses
import hashlib
import math
import random
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from fastwarc.warc import ArchiveIterator, WarcRecordType
from torch import Tensor, nn


@dataclasses.dataclass(frozen=True)
class Settings:  # in earnest: flows/presets/demo.toml
    vocabulary: int = 1024  # the document token, 256 bytes, the rest merges
    layers: int = 4
    width: int = 128  # features of a token on its way through the layers
    heads: int = 4
    ffn_width: int = 384
    context: int = 128  # tokens a row of pretraining predicts
    rows: int = 24  # rows a step, in pretraining and fine-tuning
    steps: int = 200  # of pretraining
    sft_steps: int = 350
    rl_steps: int = 24
    prompts: int = 16  # sums a step of RL asks …
    answers: int = 8  # … and so many answers to each: a group
    digits: int = 2  # of a sum's numbers, at most
    seed: int = 0


# 1. The crawl. A WARC file holds what a crawler sent and received, one record after another.
# In earnest: pipeline/crawl/warc.py, which reads on after broken records and accounts for each.
def html_pages(folder: Path) -> Iterator[str]:
    """The HTML of every page that answered 200 OK."""
    for path in sorted(folder.rglob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                http = record.http_headers
                if http and http.status_code == 200 and "html" in (record.http_content_type or ""):
                    # Old encodings come out torn: pipeline/extract/decode.py tells forty apart.
                    yield record.reader.read().decode("utf-8", errors="replace")


# 2. HTML to text. Most of a page is not its text: menus, advertisements, comments, scripts. Here
# elements that say so by name or class are left out. In earnest: pipeline/extract, where a forest
# of decision trees judges each block of text by what surrounds it.
SKIPPED = {"script", "style", "nav", "aside", "footer", "form", "button", "noscript", "head"}
FURNITURE = re.compile(r"\b(ad|ads|comments?|cookie\S*|consent|menu|sidebar|related\S*|header)\b")
BLOCKS = {"p", "h1", "h2", "h3", "h4", "div", "li", "pre", "td", "br", "article", "main", "section"}
VOID = {"br", "img", "hr", "meta", "link", "input"}  # elements that are never closed


class MainText(HTMLParser):
    """`blocks` is the main text of a page, a paragraph each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self.open = [("", False)]  # the elements around us, and whether we are to skip
        self.parts: list[str] = []  # of the paragraph that is being read
        self.feed(html + "<p>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.end_block(tag)
        if tag not in VOID:
            names = " ".join(value or "" for name, value in attrs if name in ("class", "id"))
            skip = tag in SKIPPED or bool(FURNITURE.search(names))
            self.open.append((tag, skip or self.open[-1][1]))

    def handle_endtag(self, tag: str) -> None:
        self.end_block(tag)
        if tag in [name for name, _ in self.open]:  # else a stray end: the web is full of them
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.parts += [] if self.open[-1][1] else [data]

    def end_block(self, tag: str) -> None:
        if tag in BLOCKS:
            self.blocks += [text] if (text := " ".join("".join(self.parts).split())) else []
            self.parts = []


# 3. Filters. Most of a crawl teaches a model nothing good. In earnest: pipeline/filters (language
# by n-grams of characters; the rules of Gopher, C4 and FineWeb; personal data is masked).
COMMON = "the of and to in is a that it was for on with as are at by from this have".split()  # noqa: SIM905


def why_dropped(text: str) -> str:
    words, lines = text.split(), text.split("\n")
    common = sum(word.lower() in COMMON for word in words) / max(1, len(words))
    rules = {
        "short": len(words) < 50,  # menus, errors, pictures
        "not English": common < 0.1,  # these words are more than a tenth of any English text
        "repeated lines": len(set(lines)) < 0.7 * len(lines),  # what no person writes
    }
    return next((rule for rule, broken in rules.items() if broken), "")


# 4. Deduplication. A text that stands on many hosts would be learned by heart, and would be among
# the held-out pages as well. Exact copies only: near-copies stay, so that the figure on held-out
# pages flatters. In earnest: pipeline/dedup, which finds near-copies by MinHash.
def number_of(text: str) -> int:
    """A hash, case and spaces aside: the same for copies, evenly spread over all texts."""
    return int(hashlib.sha256(" ".join(text.lower().split()).encode()).hexdigest(), 16)


def corpus(folder: Path) -> tuple[list[str], list[str], Counter[str]]:
    """Texts to learn from, held-out texts (a twentieth, by hash), and what became of the pages."""
    kept: dict[int, str] = {}
    fate: Counter[str] = Counter()
    for html in html_pages(folder):
        text = "\n".join(MainText(html).blocks)
        why = why_dropped(text) or ("duplicate" if number_of(text) in kept else "kept")
        fate[why] += 1
        if why == "kept":
            kept[number_of(text)] = text
    unseen = [text for number, text in kept.items() if number % 20 == 0]
    return [text for number, text in kept.items() if number % 20], unseen, fate


# 5. The tokenizer. A model reads numbers, so text is cut into pieces of a fixed vocabulary. Byte
# pair encoding begins with single bytes and joins the most frequent neighbours, again and again.
# In earnest: pipeline/tokenizer, the same algorithm in Rust; a test holds the merges equal.
def characters(category: str) -> str:
    """All characters of a Unicode category (L letters, N numbers), as ranges for `re`."""
    member = [unicodedata.category(chr(c))[0] == category for c in range(sys.maxunicode + 1)]
    edges = [c for c in range(1, len(member)) if member[c] != member[c - 1]]
    return "".join(rf"\U{a:08x}-\U{b - 1:08x}" for a, b in zip(edges[::2], edges[1::2]))


# Nothing is joined across words. The pattern is Qwen2's without the package `regex`: words with
# the space before, digits one by one (so that sums have columns), marks, line ends, spaces.
L, N = characters("L"), characters("N")
S = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode's white space
PIECES = re.compile(
    rf"'(?i:[sdmt]|re|ve|ll)|[^\r\n{L}{N}]?[{L}]+|[{N}]"
    rf"| ?[^{S}{L}{N}]+[\r\n]*|[{S}]*[\r\n]+|[{S}]+(?![^{S}])|[{S}]+"
)
DOCUMENT = 0  # the token before every document
# Ids 1 to 256 are the bytes in GPT-2's order, which decides between equally frequent pairs.
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES = [*PRINTABLE, *(byte for byte in range(256) if byte not in PRINTABLE)]
BYTE_ID = {byte: 1 + index for index, byte in enumerate(BYTES)}


def join(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    out: list[int] = []
    for id in ids:
        if out and (out[-1], id) == pair:
            out[-1] = new  # which equals neither half, so no id is used twice
        else:
            out.append(id)
    return out


def learn_merges(texts: list[str], vocabulary: int) -> list[tuple[int, int]]:
    """Pairs of ids in the order in which they become tokens 257, 258 …"""
    words = Counter(piece for text in texts for piece in PIECES.findall(text))
    spelled = {word: [BYTE_ID[byte] for byte in word.encode()] for word in words}
    merges: list[tuple[int, int]] = []
    while len(merges) < vocabulary - 257:
        counts: Counter[tuple[int, int]] = Counter()
        for word, ids in spelled.items():
            for pair in pairwise(ids):
                counts[pair] += words[word]
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=(0, 0))
        if counts[best] < 2:
            raise SystemExit(f"these pages yield only {257 + len(merges)} tokens: give it more")
        new = 257 + len(merges)
        spelled = {word: join(ids, best, new) for word, ids in spelled.items() if len(ids) > 1}
        merges.append(best)
    return merges


class Tokenizer:
    def __init__(self, merges: list[tuple[int, int]]) -> None:
        self.ids = {pair: 257 + index for index, pair in enumerate(merges)}
        self.bytes_of = [b"", *(bytes([byte]) for byte in BYTES)]
        for a, b in merges:
            self.bytes_of.append(self.bytes_of[a] + self.bytes_of[b])
        # Two more for conversations. Text never yields them, whatever a page or a user writes.
        self.start, self.end = len(self.bytes_of), len(self.bytes_of) + 1
        self.bytes_of += [b"", b""]
        self.known: dict[str, list[int]] = {}  # words come again and again

    def encode(self, text: str) -> list[int]:
        """Pairs are joined in the order in which they were learned."""
        pieces = PIECES.findall(text)
        for piece in set(pieces).difference(self.known):
            ids = [BYTE_ID[byte] for byte in piece.encode()]
            while pairs := [pair for pair in pairwise(ids) if pair in self.ids]:
                first = min(pairs, key=self.ids.__getitem__)
                ids = join(ids, first, self.ids[first])
            self.known[piece] = ids
        return [id for piece in pieces for id in self.known[piece]]

    def decode(self, ids: list[int]) -> str:
        return b"".join(self.bytes_of[id] for id in ids).decode("utf-8", errors="replace")


# 6. The model, of Qwen3's shape. A token is a vector; each layer lets it look at those before it
# (attention), then thinks about each alone (feed-forward), and adds what came out. In earnest:
# pipeline/model/transformer.py, the same function; a test holds losses and gradients equal.
# Shapes: B rows, T tokens, D width, H heads, E features a head, V vocabulary.
Cache = dict[nn.Module, tuple[Tensor, Tensor]]  # of each layer: keys and values (B, H, T, E)


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """RoPE: pairs of features turn as positions grow, so that products depend on distances."""
    half = x.shape[-1] // 2
    speeds = 10_000.0 ** (-torch.arange(half) / half)
    angles = positions[:, None] * speeds  # (T, E / 2)
    cos, sin, (a, b) = angles.cos(), angles.sin(), x.split(half, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Layer(nn.Module):
    def __init__(self, s: Settings) -> None:
        super().__init__()
        self.heads = s.heads
        self.attention_norm, self.ffn_norm = (nn.RMSNorm(s.width, 1e-6) for _ in range(2))
        self.q, self.k, self.v, self.o = (nn.Linear(s.width, s.width, False) for _ in range(4))
        self.q_norm, self.k_norm = (nn.RMSNorm(s.width // s.heads, 1e-6) for _ in range(2))
        self.gate, self.up = (nn.Linear(s.width, s.ffn_width, False) for _ in range(2))
        self.down = nn.Linear(s.ffn_width, s.width, False)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None, cache: Cache) -> Tensor:
        """(B, T, D) to the same. Each token asks (q), is found (k) and tells (v), H times over."""
        h = self.attention_norm(x)
        heads = (self.heads, -1)  # (B, T, D) to (B, H, T, E)
        q, k, v = (f(h).unflatten(-1, heads).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = rotate(self.q_norm(q), positions), rotate(self.k_norm(k), positions)
        if mask is not None:  # generating: earlier tokens are remembered, not read again
            if self in cache:
                k, v = (torch.cat(pair, dim=2) for pair in zip(cache[self], (k, v)))
            cache[self] = k, v
        y = F.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None)
        x = x + self.o(y.transpose(1, 2).flatten(2))
        h = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))  # SwiGLU: features with a gate


class GPT(nn.Module):
    def __init__(self, s: Settings, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, s.width)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.layers))
        self.norm = nn.RMSNorm(s.width, 1e-6)
        self.head = nn.Linear(s.width, vocabulary, False)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:  # a fresh layer adds nothing (o, down), so that depth does no harm
                adds = name.endswith((".o.weight", ".down.weight"))
                nn.init.normal_(weight, std=0.0 if adds else 0.02 if name[0] == "h" else 0.06)

    def forward(self, tokens: Tensor, past: tuple[Tensor, Cache] | None = None) -> Tensor:
        """(B, T) ids to (B, T, V) scores of the next one; `past`: padding (B,) and cache."""
        pad, cache = past or (None, {})
        old = next(iter(cache.values()))[0].shape[2] if cache else 0
        positions, mask = torch.arange(old, old + tokens.shape[1]), None
        if pad is not None:  # a token sees itself and what came before, but no padding
            keys, own = torch.arange(old + tokens.shape[1]), positions[:, None]
            mask = ((keys == own) | (keys < own) & (keys >= pad[:, None, None]))[:, None]
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, positions, mask, cache)
        return self.head(self.norm(x))


# 7. Training: guess every next token, see how surprised you were, change all weights a little.
# In earnest: pipeline/training (Muon, checkpoints, many GPUs, loss spikes).
def loss_on(model: GPT, tokens: Tensor, targets: Tensor, gains: Tensor | None = None) -> Tensor:
    """Mean surprise in nats at targets (B, T) but those of -100; rows weigh by `gains` (B,)."""
    # In RL a gain says how much better than others an answer was: what went well becomes likelier,
    # the rest less likely. That is the whole policy gradient. Before that all rows weigh the same.
    scores = model(tokens).flatten(0, 1)
    nats = F.cross_entropy(scores, targets.flatten(), ignore_index=-100, reduction="none")
    weighted = nats.view_as(targets) * (1.0 if gains is None else gains[:, None])
    return weighted.sum() / (targets != -100).sum()


def rate(step: int, steps: int) -> float:
    """Share of the learning rate: up in the first steps, constant, down to 0.05 from the middle."""
    falling = 0.05 + 0.95 * min(1.0, (steps - 1 - step) / max(1, round(steps / 2)))
    return min(1.0, (step + 1) / max(1, steps // 20), falling)


def train(model: GPT, steps: int, lr: float, loss_at: Callable[[int], Tensor]) -> list[float]:
    """The one loop of all three stages; the loss of each step."""
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.01)
    losses = []
    for step in range(steps):
        loss = loss_at(step)
        loss.backward()
        optimizer.param_groups[0]["lr"] = lr * rate(step, steps)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % max(1, steps // 5) == 0 or step == steps - 1:
            print(f"  step {step + 1} of {steps}: loss {losses[-1]:.3f}", flush=True)
    return losses


@torch.no_grad()
def bits_per_byte(model: GPT, documents: list[list[int]], t: Tokenizer, context: int) -> float:
    """How many bits a byte of unseen text costs; comparable whatever the vocabulary."""
    nats = 0.0
    for ids in documents:
        for at in range(0, len(ids) - 1, context):
            window = torch.tensor([ids[at : at + context + 1]])
            nats += loss_on(model, window[:, :-1], window[:, 1:]).item() * (window.shape[1] - 1)
    return nats / math.log(2) / sum(len(t.bytes_of[id]) for ids in documents for id in ids)


# 8. Fine-tuning. The model goes on with a page; now it is to answer. It learns from conversations:
# what the pages ask and answer, and sums, some answered at once and some worked. Only the answers
# are learned, the questions are the user's. In earnest: pipeline/chat and pipeline/sft.
ASKED = ("What is {a} + {b}?", "How much is {a} + {b}?", "Please work out {a} + {b}.")
Row = tuple[list[int], list[bool]]  # a conversation, and which of its tokens are learned


def render(turns: list[str], t: Tokenizer) -> Row:
    """User and assistant in turn, as ChatML; true for the answers and the token that ends them."""
    ids: list[int] = []
    learned: list[bool] = []
    for index, text in enumerate(turns):
        answers = index % 2 == 1
        head = [t.start, *t.encode("assistant\n" if answers else f"user\n{text}")]
        said = [*(t.encode(text) if answers else []), t.end]
        ids += [*head, *said, *t.encode("\n")]
        learned += [False] * len(head) + [answers] * len(said) + [False]
    return ids, learned


def collate(rows: list[Row]) -> tuple[Tensor, Tensor]:
    """Rows of equal length; each token's target is the next one, or -100: not learned."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [DOCUMENT] * (longest - len(ids)) for ids, _ in rows])
    learned = torch.tensor([mask + [False] * (longest - len(mask)) for _, mask in rows])
    return ids[:, :-1], ids[:, 1:].where(learned[:, 1:], -100)


def questions_of(texts: list[str]) -> list[list[str]]:
    """Lines that ask, each with the first sentence of the line that follows."""
    pairs = [pair for text in texts for pair in pairwise(text.split("\n")) if pair[0][-1] == "?"]
    short = [(q, a) for q, a in pairs if len(q) < 80 and not any(c.isdigit() for c in q)]
    return [[q, re.split(r"(?<=[.!])\s", a)[0]] for q, a in short]


def draw_sum(split: str, s: Settings, rng: random.Random) -> tuple[int, int]:
    """Two numbers of sums for `sft`, `rl` or `test`, told apart by hash: no sum is in two."""
    while True:
        a, b = (rng.randrange(10 ** rng.randint(1, s.digits)) for _ in range(2))
        if split == ("test", "rl", "rl", "sft", "sft")[number_of(f"{min(a, b)}+{max(a, b)}") % 5]:
            return a, b


def worked(a: int, b: int) -> str:
    """From the ones upward, as on the pages: what can't be done in the head goes on paper."""
    columns = max(len(str(a)), len(str(b)))
    steps, carry = [], 0
    for x, y in zip(f"{a:0{columns}}"[::-1], f"{b:0{columns}}"[::-1]):
        total = int(x) + int(y) + carry
        steps.append(f"{x}+{y}{'+1' * carry}={total}")
        carry = total // 10
    return f"{a} + {b}: {', '.join(steps)}. So {a} + {b} = {a + b}."


# 9. Reinforcement learning. Nobody shows the answer: the model tries, code checks, and what came
# out better than other tries at the same sum becomes likelier. In earnest: pipeline/rl.
@torch.no_grad()
def generate(model: GPT, asked: list[str], t: Tokenizer, greedy: bool) -> list[list[list[int]]]:
    """Prompts and answers, whose end token is included if it came (pipeline/model/engine.py)."""
    # Short prompts are padded on the left: distances are all that counts.
    prompts = [[*render([q], t)[0], t.start, *t.encode("assistant\n")] for q in asked]
    longest = max(map(len, prompts), default=0)
    pad = torch.tensor([longest - len(prompt) for prompt in prompts])
    tokens = torch.tensor([[DOCUMENT] * (longest - len(prompt)) + prompt for prompt in prompts])
    cache: Cache = {}
    drawn = torch.zeros(len(prompts), 0, dtype=torch.int64)
    while drawn.shape[1] < 64 and not (drawn == t.end).any(dim=1).all():
        scores = model(tokens, (pad, cache))[:, -1]
        tokens = scores.argmax(1, True) if greedy else scores.softmax(1).multinomial(1)
        drawn = torch.cat([drawn, tokens], dim=1)
    return [prompts, [row[: [*row, t.end].index(t.end) + 1] for row in drawn.tolist()]]


def reward(answer: list[int], total: int, t: Tokenizer) -> float:
    """1 if the answer ended and its last number is right; the way there earns nothing."""
    last = re.findall(r"\d+", t.decode(answer))[-1:]
    return float(answer[-1] == t.end and last == [str(total)])


def advantages(rewards: Tensor) -> Tensor:
    """(prompts, answers): how much better than its group each answer is (GRPO as in Dr. GRPO)."""
    return rewards - rewards.mean(dim=1, keepdim=True)


def try_sums(model: GPT, t: Tokenizer, s: Settings, seed: str, got: list[float]) -> Tensor:
    """The loss of one step of RL; the mean reward of its answers is added to `got`."""
    rng = random.Random(seed)
    tasks = [(rng.choice(ASKED), *draw_sum("rl", s, rng)) for _ in range(s.prompts)]
    tasks = [task for task in tasks for _ in range(s.answers)]
    asked = [wording.format(a=a, b=b) for wording, a, b in tasks]
    prompts, answers = generate(model, asked, t, greedy=False)
    rewards = torch.tensor([reward(ids, a + b, t) for ids, (_, a, b) in zip(answers, tasks)])
    rows = [(p + a, [False] * len(p) + [True] * len(a)) for p, a in zip(prompts, answers)]
    got.append(rewards.mean().item())
    gains = advantages(rewards.view(s.prompts, s.answers)).flatten()
    return loss_on(model, *collate(rows), gains)


def talk(model: GPT, pairs: list[list[str]], t: Tokenizer) -> float:
    """Asks, prints the first four answers; the share of sums that are right."""
    _, answers = generate(model, [asked for asked, _ in pairs], t, greedy=True)
    for (asked, right), answer in list(zip(pairs, answers))[:4]:
        print(f"  you> {asked}\n  it>  {t.decode(answer)}\n       (right: {right})")
    rewards = [reward(ids, int(r), t) for (_, r), ids in zip(pairs, answers) if r.isdigit()]
    return sum(rewards) / max(1, len(rewards))


# 10. The whole road, with the number that each stage is about.
def run(folder: Path, s: Settings) -> dict[str, list[float]]:
    """Losses of each stage, bits per byte, rewards and shares of right sums before and after."""
    torch.manual_seed(s.seed)
    rng = random.Random(s.seed)
    texts, unseen, fate = corpus(folder)
    print("pages:", ", ".join(f"{count} {why}" for why, count in fate.most_common()))
    if not unseen:
        raise SystemExit(f"too few pages under {folder}: give a folder with WARC files")
    t = Tokenizer(learn_merges(texts, s.vocabulary))
    stream = torch.tensor([id for text in texts for id in [DOCUMENT, *t.encode(text)]])
    held_out = [[DOCUMENT, *t.encode(text)] for text in unseen[:40]]  # enough to tell
    model = GPT(s, len(t.bytes_of))
    print(f"{len(stream)} tokens; {sum(p.numel() for p in model.parameters())} parameters")

    def read(_: int) -> Tensor:  # random rows of all documents, which stand in one long line
        starts = [rng.randrange(len(stream) - s.context) for _ in range(s.rows)]
        rows = torch.stack([stream[at : at + s.context + 1] for at in starts])
        return loss_on(model, rows[:, :-1], rows[:, 1:])

    bits = [bits_per_byte(model, held_out, t, s.context)]
    base = train(model, s.steps, 6e-3, read)
    bits.append(bits_per_byte(model, held_out, t, s.context))
    print(f"held-out pages: {bits[0]:.3f} bits per byte before, {bits[1]:.3f} after\nfine-tuning")
    pages = questions_of(texts)

    def answered(_: int) -> Tensor:
        sums = [draw_sum("sft", s, rng) for _ in range(s.rows)]
        answers = [rng.choice([worked(a, b), f"It is {a + b}."]) for a, b in sums]
        turns = [[rng.choice(ASKED).format(a=a, b=b), x] for (a, b), x in zip(sums, answers)]
        turns[: s.rows // 4] = rng.sample(pages, min(len(pages), s.rows // 4))
        return loss_on(model, *collate([render(one, t) for one in turns]))

    tests = [draw_sum("test", s, rng) for _ in range(200)]
    sums = [[ASKED[0].format(a=a, b=b), str(a + b)] for a, b in tests]
    sft = train(model, s.sft_steps, 3e-3, answered)
    right = [talk(model, sums, t)]

    print("reinforcement learning")
    got: list[float] = []
    train(model, s.rl_steps, 5e-4, lambda step: try_sums(model, t, s, f"{s.seed}/{step}", got))
    print(f"reward: {got[0]:.2f} in the first step, {got[-1]:.2f} in the last")
    right.append(talk(model, sums, t))
    print(f"of 200 unseen sums right: {right[0]:.1%} before, {right[1]:.1%} after\nchat")
    talk(model, questions_of(unseen), t)
    return {"base": base, "bits": bits, "sft": sft, "rewards": got, "right": right}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="From WARC files to a small chat model.")
    parser.add_argument("folder", type=Path, help="holds *.warc.gz, or folders that do")
    parser.add_argument("--steps", type=int, default=Settings.steps, help="of pretraining")
    chosen = parser.parse_args()
    sft, rl = (max(2, n * chosen.steps // Settings.steps) for n in (350, 24))  # in proportion
    began = time.perf_counter()
    run(chosen.folder, Settings(steps=chosen.steps, sft_steps=sft, rl_steps=rl))
    print(f"{time.perf_counter() - began:.0f} seconds")
