"""A JSON object out of a file that somebody else wrote.

Whatever else lies there (a web page that was saved instead of the file, a pointer of Git LFS, a
list) is the user's mistake and said in one line.
"""

import json
from pathlib import Path
from typing import Any

from storage.errors import UserError

_LFS = "version https://git-lfs"


def read_object(file: Path) -> dict[str, Any]:
    """Read the object.

    Raises:
        UserError: the file is missing, or something else stands there; it says what.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing")
    try:
        text = file.read_bytes().decode("utf-8-sig")
        data = json.loads(text)
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not JSON: {_instead(text) or error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{file} holds no JSON object but {_kind(data)}")
    return data


def _instead(text: str) -> str:
    """What people most often have instead of a file of a model."""
    start = text.lstrip()[:200].lower()
    if not start:
        return "it is empty"
    if start.startswith(_LFS):
        return "it is a Git LFS pointer, the file itself was not downloaded (git lfs pull)"
    if start.startswith(("<!doctype", "<html", "<head", "<?xml")):
        return "it is a web page, saved instead of the file"
    return ""


def _kind(data: Any) -> str:
    kinds = {list: "a list", str: "a text", type(None): "null"}
    return kinds.get(type(data), repr(data))
