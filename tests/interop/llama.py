"""What llama.cpp makes of a GGUF file: run by a Python that has llama-cpp-python and nothing else.

In, as JSON on stdin: the file and what to do with it. Out, as JSON on stdout: token ids, greedy
continuations, logits, the rendered conversation. Keys and values are cached in float32, so that
what differs from us are the weights' types and llama.cpp's arithmetic.
"""

import ctypes
import json
import sys

import llama_cpp
import numpy as np
from llama_cpp.llama_chat_format import Jinja2ChatFormatter


def main() -> None:
    asked = json.load(sys.stdin)
    if "quantize" in asked:
        quantize(asked["file"], *asked["quantize"])
        json.dump({}, sys.stdout)
        return
    model = llama_cpp.Llama(
        asked["file"],
        n_ctx=asked["context"],
        n_batch=asked["context"],
        n_threads=2,
        n_threads_batch=2,
        n_gpu_layers=0,
        logits_all=True,
        type_k=0,  # GGML_TYPE_F32
        type_v=0,
        verbose=False,
    )
    texts = asked.get("texts", [])
    answer = {
        "version": llama_cpp.__version__,
        "metadata": model.metadata,
        "tokens": [tokenize(model, text, special=False) for text in texts],
        "texts": [detokenize(model, ids) for ids in asked.get("ids", [])],
        "parsed": [tokenize(model, text, special=True) for text in asked.get("marked", [])],
        "begun": model.tokenize(b"a", add_bos=True),
        "greedy": [greedy(model, ids, asked["new"]) for ids in asked.get("prompts", [])],
        "logits": [logits(model, ids).tolist() for ids in asked.get("score", [])],
        "special": special(model),
    }
    if asked.get("conversations"):
        answer["rendered"] = [rendered(model, turns) for turns in asked["conversations"]]
        answer["native"] = [native(model, turns) for turns in asked["conversations"]]
        answer["said"] = [said(model, turns) for turns in asked["conversations"]]
    json.dump(answer, sys.stdout)


def tokenize(model: llama_cpp.Llama, text: str, special: bool) -> list[int]:
    return model.tokenize(text.encode(), add_bos=False, special=special)


def detokenize(model: llama_cpp.Llama, ids: list[int]) -> str:
    return model.detokenize(ids, special=True).decode("latin-1")


def logits(model: llama_cpp.Llama, ids: list[int]) -> np.ndarray:
    model.reset()
    model.eval(ids)
    return model.scores[: len(ids)].astype(np.float32)


def greedy(model: llama_cpp.Llama, ids: list[int], new: int) -> dict:
    """The most likely tokens, and by how much each led the next most likely."""
    model.reset()
    model.eval(ids)
    tokens: list[int] = []
    margins: list[float] = []
    while len(tokens) < new:
        last = model.scores[model.n_tokens - 1]
        second, first = np.sort(last)[-2:]
        tokens.append(int(last.argmax()))
        margins.append(float(first - second))
        if llama_cpp.llama_vocab_is_eog(model._model.vocab, tokens[-1]):
            break
        model.eval([tokens[-1]])
    return {"tokens": tokens, "margins": margins}


def quantize(file: str, out: str, kind: str) -> None:
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}")
    parameters.nthread = 2
    failed = llama_cpp.llama_model_quantize(file.encode(), out.encode(), parameters)
    assert not failed


def special(model: llama_cpp.Llama) -> dict:
    vocab = model._model.vocab
    control = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL
    ids = range(llama_cpp.llama_vocab_n_tokens(vocab))
    return {
        "bos": model.token_bos(),
        "eos": model.token_eos(),
        "eot": llama_cpp.llama_vocab_eot(vocab),
        "pad": llama_cpp.llama_vocab_pad(vocab),
        "adds_bos": bool(llama_cpp.llama_vocab_get_add_bos(vocab)),
        "rows": len(ids),
        "ends": [id for id in ids if llama_cpp.llama_vocab_is_eog(vocab, id)],
        "control": [id for id in ids if llama_cpp.llama_vocab_get_attr(vocab, id) & control],
        "unused": [
            id
            for id in ids
            if llama_cpp.llama_vocab_get_attr(vocab, id) & llama_cpp.LLAMA_TOKEN_ATTR_UNUSED
        ],
    }


def rendered(model: llama_cpp.Llama, turns: list[dict]) -> list[int]:
    """The file's own chat template by Jinja, as ids."""
    vocab = model._model.vocab
    names = {
        kind: llama_cpp.llama_vocab_get_text(vocab, id).decode()
        for kind, id in (("eos", model.token_eos()), ("bos", model.token_bos()))
    }
    formatter = Jinja2ChatFormatter(
        model.metadata["tokenizer.chat_template"],
        eos_token=names["eos"],
        bos_token=names["bos"],
    )
    return tokenize(model, formatter(messages=turns).prompt, special=True)


def native(model: llama_cpp.Llama, turns: list[dict]) -> list[int]:
    """The same by llama.cpp's own renderer, which knows ChatML by its looks."""
    rows = (llama_cpp.llama_chat_message * len(turns))(
        *[(turn["role"].encode(), turn["content"].encode()) for turn in turns]
    )
    template = model.metadata["tokenizer.chat_template"].encode()
    room = ctypes.create_string_buffer(1 << 16)
    size = llama_cpp.llama_chat_apply_template(template, rows, len(turns), True, room, len(room))
    return tokenize(model, room.raw[:size].decode(), special=True)


def said(model: llama_cpp.Llama, turns: list[dict]) -> dict:
    """What a user of the high-level call gets: text, and why it ended."""
    answer = model.create_chat_completion(turns, temperature=0.0, max_tokens=64)
    choice = answer["choices"][0]
    return {"text": choice["message"]["content"], "why": choice["finish_reason"]}


if __name__ == "__main__":
    main()
