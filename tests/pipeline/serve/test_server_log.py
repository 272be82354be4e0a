"""The log on stderr, whoever writes it."""

import json
import logging

import pytest

from pipeline.serve.server_log import log_to_stderr


def test_the_log_is_json_whoever_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    root, level = logging.getLogger(), logging.getLogger().level
    before = root.handlers[:]
    uvicorn = logging.getLogger("uvicorn.error")
    kept = uvicorn.handlers[:], uvicorn.propagate
    uvicorn.addHandler(logging.StreamHandler())  # as Prefect does where it is loaded
    uvicorn.propagate = False
    try:
        log_to_stderr()
        logging.getLogger("uvicorn.error").warning("as\nseen")
        logging.getLogger("uvicorn.error").info("too much")
        logging.getLogger("crawl2chat.serve").info("get s3://x?token=%s", "abcdefgh1234")
        logging.getLogger("crawl2chat.requests").info('{"status":200}')
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("crawl2chat.serve").exception("unforeseen")
    finally:
        root.handlers[:] = before
        uvicorn.handlers[:], uvicorn.propagate = kept
        root.setLevel(level)
        logging.getLogger("crawl2chat").setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("level") for line in lines] == ["warning", "info", None, "error"]
    assert lines[0]["message"] == "as\nseen"
    assert "abcdefgh1234" not in lines[1]["message"]
    assert "ValueError: broken" in lines[3]["exception"]
