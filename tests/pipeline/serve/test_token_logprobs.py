"""Log-probabilities in chat's form: bytes are true where text can't be."""

import json
import math

from random_models import byte_tokenizer

from pipeline.serve.reply_events import SampledToken
from pipeline.serve.token_logprobs import token_logprobs


def test_a_part_of_a_character_has_its_bytes() -> None:
    tokenizer = byte_tokenizer()
    first, second = tokenizer.encode("é")
    letter = tokenizer.encode("a")[0]
    top = {letter: -2.0, second: -1.5, first: -2.0}
    found = token_logprobs([SampledToken(first, -1.5, top)], tokenizer)
    assert found == [
        {
            "token": "\ufffd",
            "logprob": -1.5,
            "bytes": [0xC3],
            "top_logprobs": [
                {"token": "\ufffd", "logprob": -1.5, "bytes": [0xA9]},
                *(
                    {"token": tokenizer.decode([id_]), "logprob": -2.0, "bytes": raw}
                    for id_, raw in sorted([(letter, [0x61]), (first, [0xC3])])
                ),
            ],
        }
    ]


def test_what_could_not_come_is_still_json() -> None:
    (found,) = token_logprobs([SampledToken(5, -math.inf)], byte_tokenizer())
    assert found["logprob"] == -9999.0
    assert found["top_logprobs"] == []
    json.dumps(found, allow_nan=False)
