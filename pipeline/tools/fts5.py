"""The full-text index that search stands on: FTS5, a part of SQLite that may be left out of it."""

import sqlite3

from storage.errors import UserError

OLDEST = (3, 27, 0)  # with `VACUUM INTO` and all of the tokenizer's options


def described() -> str:
    """The SQLite that this Python has.

    Raises:
        UserError: it can't make or read a search index.
    """
    here = f"SQLite {sqlite3.sqlite_version}"
    with sqlite3.connect(":memory:") as connection:
        asked = "SELECT 1 FROM pragma_module_list WHERE name = 'fts5'"
        found = connection.execute(asked).fetchone()
    connection.close()
    if not found or sqlite3.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise UserError(
            f"search needs SQLite {needed} or newer with FTS5; this Python has {here}"
            f"{'' if found else ' without it'}: take another build of Python"
        )
    return f"{here} with FTS5"
