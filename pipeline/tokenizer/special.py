"""Special tokens: one before pretraining, six more once the model learns to converse.

They are added after the old ids, so a base model's rows keep their indices. The names and the chat
template are Qwen's ChatML, so exported folders work in tools that know it. `render` of
pipeline.chat.conversation must give the ids this template gives (tested there).
"""

DOCUMENT_TOKEN = "<|endoftext|>"  # noqa: S105
CONVERSATION_TOKENS = (
    "<|im_start|>",
    "<|im_end|>",
    "<tool_call>",
    "</tool_call>",
    "<tool_output>",
    "</tool_output>",
)

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
