"""Special tokens: one before pretraining, six more once the model learns to converse.

They are added after the old ids, so a base model's rows keep their indices; a tokenizer that owns
some of them (Qwen's own) keeps its. The names and the chat template are Qwen3's, so exported
folders work in tools that know it. `render` of pipeline.chat.conversation must give the ids that
the template gives (tested there).

The tags of tool calls are tokens, but not `special` in tokenizer.json, as in Qwen3: programs leave
special tokens out of the text that they hand on (`skip_special_tokens`, llama.cpp's control
tokens), and there the parsers of vLLM, llama.cpp and transformers look for the tags. It costs no
safety: `Tokenizer.encode` reads no token from text that looks like a control token, special or not.
"""

from pathlib import Path

DOCUMENT_TOKEN = "<|endoftext|>"  # noqa: S105
TURN_TOKENS = ("<|im_start|>", "<|im_end|>")  # special: no program shows them
TOOL_TOKENS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
CONVERSATION_TOKENS = TURN_TOKENS + TOOL_TOKENS

# {% generation %} marks what a loss is taken on: what the assistant wrote, its stop token included.
CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8").rstrip()
