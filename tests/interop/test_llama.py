"""GGUF files in llama.cpp: the same ids, logits and greedy text as here, family by family."""

import unicodedata
from pathlib import Path

import gguf
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import FAMILIES, byte_tokenizer, random_model
from stress_tokenizer import stress_tokenizer

from pipeline import model as models
from pipeline.chat.conversation import assistant, prompt, system, user
from pipeline.export import gguf_write, load
from pipeline.export.vocabulary import SPLITS
from pipeline.model import ModelConfig, Transformer
from pipeline.model.engine import Engine
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import TOOL_TOKENS
from storage.json_object import read_object

NASTY = [
    "",
    " ",
    "\n\n \n\t x",
    "naïve café – œuvre",
    "cafe\u0301 and caf\u00e9",  # not normalized to one another
    "日本語のテキスト。中文字符，测试",
    "مرحبا بالعالم 123 ٤٥٦",
    "नमस्ते दुनिया",
    "👩‍👩‍👧‍👦🏳️‍🌈 🇩🇪",
    "x\u200by\ufeffz\u00adw",
    "1234567890 3.14 ½ Ⅻ ²",
    "DON'T I'LL we'Re 's 'S",
    "<|im_end|><|endoftext|>",
    "\x00\x01\x7f\x80\x9f",
    "\r\n\r \r\n a\u2028b\u2029c\u0085d\u00a0e\u3000f",
    "def f(x):\n    return x  # ok\n\n\n",
    "\U0001d4d7\U0001d4ee\U0001d4f5\U0001d4f5\U0001d4f8",
    "z̷̢̛a̸l̴g̵o",
    "\U0010ffff\ue000",
]
LONG_S = "\u017f"  # 'ſ is 's to our regular expression, and to transformers, but not to llama.cpp
PROMPTS = 50
NEW = 60
NEAR_TIE = 0.02  # logits: rounding weights and activations to f16 moves them by up to twice that


def write(folder: Path, file: Path, kind: str = "f32") -> Path:
    gguf_write.write(folder, file, kind, "test")
    return file


@pytest.fixture(scope="module", params=SPLITS)
def stress(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Tokenizer, str]:
    root = tmp_path_factory.mktemp("stress")
    tokenizer = stress_tokenizer(request.param, root / "model")
    config = ModelConfig(tokenizer.vocab_size, 1, 32, 1, 1, 32, 32, 64)
    models.save(Transformer(config).init_weights(0), tokenizer, root / "model")
    return write(root / "model", root / "stress.gguf", "f16"), tokenizer, request.param


def test_every_assigned_character_is_cut_alike(llama, stress):
    """Beside letters, digits, signs, spaces and line ends; where llama.cpp's tables know it."""
    file, tokenizer, split = stress
    known = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    # Of the private planes and the ideographs a sample: all of a block are alike.
    dense = [c for c in known if unicodedata.name(c, "CJK")[:3] != "CJK"]
    chosen = sorted({*dense, *known[::97]})
    around = "a{0}a 1{0}a{0}1 .{0}a.{0}1.{0}. {0}. \n{0}a'{0}a a'{0}s  {0} .{0}\n{0} \n.{0}{0}a"
    texts = [around.format(c) for c in chosen]
    theirs = llama(file, texts=texts)["tokens"]
    ours = tokenizer.encode_batch(texts)
    assert [c for c, a, b in zip(chosen, ours, theirs) if a != b] == (
        [] if split == "gpt-2" else [LONG_S]
    )


def test_any_text_gives_the_same_ids(llama, stress, trained):
    drawn: list[str] = []

    @settings(max_examples=1500)
    @given(st.text(max_size=60))
    def draw(text: str) -> None:
        if all(unicodedata.category(c) != "Cn" for c in text) and LONG_S not in text:
            drawn.append(text)

    draw()
    texts = NASTY + drawn
    rl = write(trained["rl"], stress[0].with_name("rl.gguf"))
    for file, tokenizer in (stress[:2], (rl, Tokenizer.load(trained["rl"]))):
        theirs = llama(file, texts=texts, ids=tokenizer.encode_batch(NASTY))
        for text, mine, other in zip(texts, tokenizer.encode_batch(texts), theirs["tokens"]):
            assert mine == other, text
        assert [t.encode("latin-1").decode() for t in theirs["texts"]] == NASTY


def test_fifty_greedy_continuations_are_the_same(llama, trained, tmp_path):
    """Token by token in f32. In f16 a page may part where two words are as good as equal."""
    for name, folder in trained.items():
        model, tokenizer = models.load(folder)
        prompts = questions(tokenizer) if name == "rl" else openings(tokenizer)
        ours = greedy(model, tokenizer, prompts)
        for kind in ("f32", "f16"):
            file = write(folder, tmp_path / f"{name}-{kind}.gguf", kind)
            answers = llama(file, prompts=prompts, new=NEW)["greedy"]
            theirs = [answer["tokens"] for answer in answers]
            apart = [n for n in range(PROMPTS) if ours[n] != theirs[n]]
            leads = [lead(model, prompts[n], ours[n], theirs[n]) for n in apart]
            print(
                f"{name} {kind}: {PROMPTS - len(apart)} of {PROMPTS} alike, others led by {leads}"
            )
            assert kind == "f16" or not apart
            assert max(leads, default=0.0) < NEAR_TIE
            assert len(apart) <= PROMPTS // 10


def lead(model: Transformer, prompt: list[int], ours: list[int], theirs: list[int]) -> float:
    """By how many logits our token led theirs where the two first differ."""
    at = next(n for n in range(len(ours)) if ours[n] != theirs[n])
    logits = model(torch.tensor([[*prompt, *ours[:at]]]))[0, -1].detach()
    return float(logits[ours[at]] - logits[theirs[at]])


def test_what_q8_changes(llama, trained, tmp_path):
    """Of the fifty answers most stay; logits differ as our reading of the file says they do."""
    model, tokenizer = models.load(trained["rl"])
    file = write(trained["rl"], tmp_path / "rl.gguf", "q8_0")
    prompts = questions(tokenizer)
    theirs = llama(file, prompts=prompts, new=NEW, score=prompts[:8])
    same = [m == o["tokens"] for m, o in zip(greedy(model, tokenizer, prompts), theirs["greedy"])]
    print(f"q8_0: {sum(same)} of {PROMPTS} greedy answers are the f32 model's")
    assert sum(same) >= 0.8 * PROMPTS
    read, _ = load(file)
    for ids, logits in zip(prompts, theirs["logits"]):
        ours = read(torch.tensor([ids]))[0].detach()
        # llama.cpp rounds the activations to 8 bits too, we only the weights
        assert (ours - torch.tensor(logits)).abs().mean() < 0.03 * ours.std()


@pytest.mark.parametrize("name", FAMILIES)
def test_logits_of_every_family(llama, tmp_path, name):
    """Random weights, each family and RoPE rule, beyond the original context where it is longer."""
    model = random_model(name)
    models.save(model, byte_tokenizer(), tmp_path)
    file = write(tmp_path, tmp_path / "model.gguf")
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(model.config.vocab_size, (2, 150), generator=generator)
    theirs = torch.tensor(llama(file, score=tokens.tolist())["logits"])
    ours = model(tokens).detach()
    error = float((ours - theirs).abs().max())
    print(f"{name}: largest error of a logit {error:.1e}, logits' deviation {ours.std():.2f}")
    # llama.cpp's gelu is a table of f16 values
    assert error < (2e-2 if name == "gpt2" else 2e-4) * float(ours.std())


def test_special_tokens_and_rows(llama, trained, tmp_path):
    tokenizer = Tokenizer.load(trained["rl"])
    begin, stop = tokenizer.document_token, tokenizer.special("<|im_end|>")
    chat = llama(write(trained["rl"], tmp_path / "rl.gguf"))["special"]
    # Tags of tool calls are no control tokens, as in Qwen3's files: they are shown, and parsed.
    control = {*tokenizer.special_tokens} - {*TOOL_TOKENS}
    assert chat["control"] == sorted(tokenizer.special(name) for name in control)
    assert (chat["bos"], chat["eos"], chat["eot"], chat["pad"]) == (begin, stop, stop, begin)
    assert chat["ends"] == sorted([begin, stop])
    assert not chat["adds_bos"]
    base = llama(write(trained["base"], tmp_path / "base.gguf"))
    document = Tokenizer.load(trained["base"]).document_token
    assert base["special"]["ends"] == [document]
    assert base["begun"][0] == document


def test_padded_rows_are_never_text(llama, tmp_path):
    tokenizer = byte_tokenizer()
    model = random_model("qwen3", vocab_size=tokenizer.vocab_size + 7)
    models.save(model, tokenizer, tmp_path)
    special = llama(write(tmp_path, tmp_path / "padded.gguf"))["special"]
    assert special["rows"] == model.config.vocab_size
    assert special["unused"] == list(range(tokenizer.vocab_size, model.config.vocab_size))


def test_conversations(llama, trained, tmp_path):
    """Template by Jinja, by llama.cpp itself, and ours: the same ids; answers end at the stop."""
    model, tokenizer = models.load(trained["rl"])
    talks = [
        [user("Who are you?")],
        [system("Be brief."), user("What is 12 + 30?")],
        [user("Hello!"), assistant("Hello. How are you?"), user("  Fine,\n\nthanks  ")],
    ]
    turns = [[{"role": m.role, "content": m.content} for m in talk] for talk in talks]
    theirs = llama(write(trained["rl"], tmp_path / "rl.gguf"), conversations=turns)
    ours = [prompt(talk, tokenizer) for talk in talks]
    assert theirs["rendered"] == ours
    assert theirs["native"] == ours
    stop = tokenizer.special("<|im_end|>")
    for ids, said in zip(ours, theirs["said"]):
        (mine,) = greedy(model, tokenizer, [ids], 64)
        ended = mine[-1] in (stop, tokenizer.document_token)
        assert said["text"] == tokenizer.decode(mine[:-1] if ended else mine)
        assert said["why"] == ("stop" if ended else "length")


def questions(tokenizer: Tokenizer) -> list[list[int]]:
    sums = [f"What is {11 + 7 * n} + {(n * n) % 97}?" for n in range(PROMPTS - 3)]
    asked = ["Who are you?", "Hello!", "Spell the word harbour.", *sums]
    return [prompt([user(text)], tokenizer) for text in asked]


def openings(tokenizer: Tokenizer) -> list[list[int]]:
    """Each document starts with the document token; so does each prompt."""
    words = ["The", "A", "In", "On", "What", "Many", "Some", "When", "If", "How", "Who", "After"]
    texts = [*words, *(f"{a} {b.lower()}" for a in words for b in words[:4])][:PROMPTS]
    return [[tokenizer.document_token, *tokenizer.encode(text)] for text in texts]


def greedy(
    model: Transformer, tokenizer: Tokenizer, prompts: list[list[int]], new: int = NEW
) -> list[list[int]]:
    stops = [tokenizer.document_token]
    if tokenizer.has_conversation_tokens:
        stops.append(tokenizer.special("<|im_end|>"))
    found = Engine(model).generate(
        prompts, max_new_tokens=new, temperature=0.0, stop_tokens=tuple(stops)
    )
    return [one[0].tokens for one in found]


def test_q8_is_what_llama_cpp_makes_of_it(llama, trained, tmp_path):
    """Its own quantiser on our f32 file: the same types and, but for ties, the same numbers."""
    whole = write(trained["rl"], tmp_path / "whole.gguf")
    llama(whole, quantize=[str(tmp_path / "theirs.gguf"), "Q8_0"])
    write(trained["rl"], tmp_path / "ours.gguf", "q8_0")
    ours, theirs = (gguf.GGUFReader(tmp_path / f"{n}.gguf").tensors for n in ("ours", "theirs"))
    mine = {t.name: t for t in ours}
    assert sorted(mine) == sorted(t.name for t in theirs)
    for tensor in theirs:
        assert tensor.tensor_type == mine[tensor.name].tensor_type
        same = (tensor.data == mine[tensor.name].data).mean()
        assert same > 0.999, tensor.name


@pytest.mark.parametrize("kind", ["Q4_K_M", "Q8_0"])
def test_files_of_llama_cpp_are_loaded(llama, tmp_path, kind):
    model = random_model("llama", width=256, ffn_width=512, scale=0.08)
    models.save(model, byte_tokenizer(), tmp_path)
    whole = write(tmp_path, tmp_path / "whole.gguf")
    small = tmp_path / "small.gguf"
    llama(whole, quantize=[str(small), kind])
    assert small.stat().st_size < 0.4 * whole.stat().st_size
    tokens = torch.arange(100)[None]
    theirs = torch.tensor(llama(small, score=tokens.tolist())["logits"])
    read, _ = load(small)
    ours = read(tokens).detach()
    apart = (ours - theirs).abs().mean()
    assert apart < 0.05 * ours.std()  # llama.cpp rounds the activations to 8 bits too
    if kind == "Q4_K_M":
        assert (ours - model(tokens).detach()).abs().mean() > 3 * apart


def test_the_folder_says_what_the_file_says(llama, trained, tmp_path):
    """General facts as other programs show them."""
    file = write(trained["base"], tmp_path / "base.gguf", "q8_0")
    metadata = llama(file)["metadata"]
    config = read_object(trained["base"] / "config.json")
    assert metadata["general.architecture"] == "qwen3"
    assert metadata["qwen3.context_length"] == str(config["max_position_embeddings"])
    assert metadata["tokenizer.ggml.pre"] == "qwen2"
    assert metadata["general.file_type"] == "7"  # mostly q8_0
