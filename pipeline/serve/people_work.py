"""Where people's work lies that is done in the pages; the command line names it to the server.

A store is opened for each request anew: SQLite's connection belongs to one thread.
"""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class PeopleWork:
    """Files of this machine; one may not be there yet."""

    tasks: Path  # the labelers' store (pipeline.labels.task_store)
    votes: Path  # the arena's (pipeline.evals.vote_store)
