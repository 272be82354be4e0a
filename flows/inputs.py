"""Which files a run reads: paths, globs and folders, addresses, and dumps of Common Crawl.

The order of local files is that of their names, so that neither the shell nor the disk decides in
which order pages enter the corpus; what is fetched follows, in the order of the input and of the
dump's list. What leads nowhere is the user's mistake and said before anything runs.
"""

import contextlib
import glob
from collections.abc import Sequence
from pathlib import Path

from flows.config import RunConfig
from flows.config_tables import InputConfig
from flows.runner.references import InputFile
from flows.runner.workers import NetworkError
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import Dump, is_dump, resolve
from pipeline.crawl.dumps import paths as dump_paths
from pipeline.crawl.obtain import index_of
from pipeline.crawl.selection import LANGUAGES, PageSelection, selection
from pipeline.crawl.source import SCHEMES, cache_folder, place_of, while_someone_waits
from pipeline.crawl.transport import TransferError
from storage.durable import unwritable
from storage.errors import UserError
from storage.file_hashes import Hashes, Tell, hash_now

# What counts in a folder; a file named outright may end otherwise.
ENDINGS = tuple(
    kind + packed for kind in (".warc", ".wet", ".arc") for packed in (".gz", ".zst", "")
)


def check(config: RunConfig, ask: bool = True) -> None:
    """Everything about the input that can be known before a run.

    Args:
        config: of the run.
        ask: whether the dump's server is asked if there is such a dump.

    Raises:
        UserError: an option that can't be, no such file or dump.
        NetworkError: the server did not answer.
    """
    given = config.input
    local, addresses, dumps = sorted_out(given.paths)
    if not dumps and (given.wet or given.hosts or given.match or given.pages):
        raise UserError(
            "--hosts, --match, --pages and --wet choose from a dump: give one as --input"
        )
    chosen = chosen_pages(given)
    if chosen.language:
        _check_language(spoken(chosen.language), config)
    if dumps and selects(given):
        if given.wet:
            raise UserError("--wet takes whole files: no index says where a page's text lies")
        index_of(config.download, chosen)
    find(local)
    if (addresses or dumps) and (place := unwritable(cache_folder(config.download))):
        raise UserError(
            f"can't write in {place}, where fetched files go: set CRAWL2CHAT_CACHE to another"
            " folder"
        )
    for address in addresses:
        place_of(address)
    client = Client(while_someone_waits(config.download))
    for name in dumps if ask else ():
        dump = dump_named(client, name)
        if not dump.title:  # no list says that it is there: is there a server at all?
            _reach(client, dump)


def sorted_out(paths: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Local paths, addresses, and dumps; a file that is there is a file, whatever its name."""
    local, addresses, dumps = [], [], []
    for path in paths:
        if any(path.startswith(f"{scheme}://") for scheme in SCHEMES):
            addresses.append(path)
        elif is_dump(path) and not Path(path).exists():
            dumps.append(path)
        else:
            local.append(path)
    return local, addresses, dumps


def selects(given: InputConfig) -> bool:
    """Whether pages of a dump are wanted, not whole files.

    Of a few files, and of local ones, the pass itself picks out a language; the index is asked
    where a whole dump has to be looked through.
    """
    of_the_dump = given.language and not given.files and not given.wet
    return bool(given.hosts or given.match or given.pages or of_the_dump)


def spoken(language: str) -> str:
    """A language as language identification names it: ISO 639-1 where there is one."""
    code = language.strip().lower()
    return {long: short for short, long in LANGUAGES.items()}.get(code, code)


def chosen_pages(config: InputConfig, files: tuple[str, ...] = ()) -> PageSelection:
    """Which pages, checked."""
    return selection(config.hosts, config.language, config.match, config.pages, files)


def dump_named(client: Client, name: str) -> Dump:
    """The dump, by one look at the list of all."""
    try:
        return resolve(client, name)
    except TransferError as error:
        raise NetworkError(f"input {name}: {error}") from error


def _reach(client: Client, dump: Dump) -> None:
    try:
        with contextlib.suppress(UserError):  # an answer is all that is asked for
            dump_paths(client, dump, "warc")
    except TransferError as error:
        raise NetworkError(f"input {dump.name}: {error}") from error


def find(paths: Sequence[str]) -> list[Path]:
    """The files that paths, folders and globs name, in order of their names; none is read.

    Raises:
        UserError: one of them leads to no file.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_expand(path)))
    return sorted(found, key=lambda file: (file.name, str(file)))


def hashed(file: Path, hashes: Hashes, tell: Tell = lambda done, total: None) -> InputFile:
    """The file by its SHA-256, remembered or read anew."""
    try:
        sha256, state = hashes.known(file) or hashes.take(file, tell)
    except OSError as error:
        raise UserError(f"input {file}: {error.strerror}") from error
    return InputFile(file, sha256, state)


def given_file(key: str, name: str) -> InputFile:
    """A file that the config names."""
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise UserError(f"{key}: no such file: {name}")
    return InputFile(path, *hash_now(path))


def _check_language(language: str, config: RunConfig) -> None:
    kept = config.select.language.languages
    if kept and language not in kept:
        raise UserError(
            f"input.language {language}, but select.language.languages keeps {', '.join(kept)}:"
            f" set it (and scan.gate.languages) to ['{language}']"
        )


def _expand(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_dir():
        inside = [file for file in sorted(path.iterdir()) if file.name.endswith(ENDINGS)]
        if not inside:
            raise UserError(f"input {text}: no {', '.join(ENDINGS)} file in this folder")
        return [file.resolve() for file in inside]
    if path.exists():
        return [path.resolve()]
    if not glob.has_magic(text):
        raise UserError(f"input {text}: no such file or folder")
    matches = [Path(m) for m in glob.glob(str(path), recursive=True)]  # noqa: PTH207
    if not matches:
        raise UserError(f"input {text}: nothing matches this pattern")
    return [match.resolve() for match in matches if match.is_file()]
