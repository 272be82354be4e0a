"""Which files people bring: models of their own, conversations, comparisons; none is read here.

Without Prefect, so that the command line can look at them before it starts anything; what loads
torch is imported where something is brought.
"""

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from flows.config import RunConfig
from storage.errors import UserError

_DIGEST = re.compile(r"[0-9a-f]{6,64}")


def check(config: RunConfig) -> None:
    """Everything about these inputs that can be known before a run.

    Raises:
        UserError: no such file, no model folder, or a package that RL's tasks need is missing.
    """
    find(config.input.conversations)
    find(config.input.preferences, "input.preferences")
    task_files(config, "rl.tasks")
    if config.solutions.prompts:
        task_files(config, "solutions.tasks")
    for key in ("base", "chat_model", "teacher_model"):
        name = getattr(config.input, key)
        if name and not is_digest(name):
            model_files(key, name)


def find(paths: Sequence[str], key: str = "input.conversations") -> list[Path]:
    """The files that paths, folders and globs name, in order of their names; none is read.

    Args:
        paths: of files of conversations, or of pairs of answers.
        key: that names them, for messages.

    Raises:
        UserError: one of them leads to no file.
    """
    if not paths:
        return []
    from pipeline.chat.row_files import ENDINGS

    found: dict[Path, None] = {}
    for text in paths:
        path = Path(text).expanduser()
        if path.is_dir():
            inside = [file for file in path.iterdir() if file.name.endswith(ENDINGS)]
        elif path.exists():
            inside = [path]
        else:
            inside = [Path(m) for m in glob.glob(str(path), recursive=True)]  # noqa: PTH207
        files = [file.resolve() for file in inside if file.is_file()]
        if not files:
            raise UserError(f"{key}: no file at {text} (of a folder {', '.join(ENDINGS)} are read)")
        found.update(dict.fromkeys(files))
    return sorted(found, key=lambda file: (file.name, str(file)))


def task_files(config: RunConfig, key: str) -> list[Path]:
    """The files among `input.tasks` that a mixture of tasks needs; none where it needs none.

    Args:
        config: of the run.
        key: of the mixture, as TABLE.KEY.

    Raises:
        UserError: one is missing, or a package.
    """
    from pipeline.curriculum.gsm8k import NAMES
    from pipeline.rl import task_sources

    table, _, name = key.partition(".")
    mixture = getattr(getattr(config, table), name)
    if not task_sources.needs_files(mixture):
        task_sources.check(mixture, [], key)
        return []
    named = [Path(name).expanduser().resolve() for name in config.input.tasks]
    files = [file for path in named for file in (path.iterdir() if path.is_dir() else [path])]
    found = sorted(file for file in files if file.name in NAMES and file.is_file())
    task_sources.check(mixture, found, key)
    return found


def is_digest(name: str) -> bool:
    """Whether a name can only be the digest of an artifact."""
    return bool(_DIGEST.fullmatch(name)) and not Path(name).exists()


def model_files(key: str, name: str) -> list[Path]:
    """The files of the model that `input.KEY` names.

    Raises:
        UserError: there is none.
    """
    from pipeline.export.imported_base import files_of

    try:
        return files_of(Path(name).expanduser().resolve())
    except UserError as error:
        raise UserError(f"input.{key}: {error}") from error
