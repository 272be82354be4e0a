"""Whether a text is the beginning of some JSON, by trying to end it: independent of any grammar."""

import json
from itertools import product

# What may be missing of the value that a text breaks off in …
MISSING = (
    *("", '"', "0", "null", '""', ":0", '":0', '"":0'),
    *(word[at:] for word in ("true", "false", "null") for at in range(1, len(word))),
)
# … and before it of an escape.
ESCAPED = ("", "n", *("0" * count for count in range(1, 5)))


def is_json_prefix(text: str) -> bool:
    """Whether something that follows would make it valid JSON."""
    closing: list[str] = []
    within = escaped = False
    for character in text:
        if within:
            within = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            within = True
        elif character in "{[":
            closing.append("}" if character == "{" else "]")
        elif character in "}]" and (not closing or closing.pop() != character):
            return False
    end = "".join(reversed(closing))
    return any(_is_json(text + a + b + end) for a, b in product(ESCAPED, MISSING))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
