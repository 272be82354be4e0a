"""The tokenizers that a server can show: the lake's, and that of each model on offer.

Weights stay where they are. What was loaded is kept for as long as its file is the same.
"""

import threading
from functools import cached_property
from pathlib import Path

from starlette.requests import Request

from pipeline.export import load_tokenizer
from pipeline.serve.api_errors import ApiError
from pipeline.serve.server_state import state_of
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.merges import LearnedMerges

LAKES = "tokenizer"  # the kind of artifact, and its name here
MOST_KEPT = 16  # a vocabulary of 150,000 takes some 100 MB; ours
JSON = "tokenizer.json"


class LoadedTokenizer:
    """One of them."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @cached_property
    def merges(self) -> LearnedMerges:
        """Of it; a UserError where it has none."""
        return LearnedMerges(self.tokenizer)


class OfferedTokenizers:
    """Loads them when they are asked for; from several threads at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int, int], LoadedTokenizer] = {}

    def names(self, request: Request) -> list[str]:
        """All there are: the lake's first, then the models' in the order of training."""
        state = state_of(request)
        lakes = [LAKES] if state.lake is not None and LAKES in state.lake.heads() else []
        return [*lakes, *(name for name in reversed(state.models.sources) if name != LAKES)]

    def load(self, request: Request, name: str) -> LoadedTokenizer:
        """One of `names`.

        Raises:
            ApiError: there is none of that name.
            UserError: it is no byte-level BPE, or can't be read.
        """
        if name not in self.names(request):
            raise ApiError(404, "there is no tokenizer of that name", param="with")
        path = self._place(request, name)
        found = (path / JSON if path.is_dir() else path).stat()
        key = (str(path), found.st_mtime_ns, found.st_size)
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is None:
                kept = LoadedTokenizer(load_tokenizer(path))
            self._kept[key] = kept
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return kept

    def _place(self, request: Request, name: str) -> Path:
        state = state_of(request)
        if name in state.models.sources:
            return state.models.sources[name].find()
        assert state.lake is not None
        return state.lake.folder(LAKES, state.lake.heads()[LAKES])


def tokenizers_of(request: Request) -> OfferedTokenizers:
    """The application's."""
    found: OfferedTokenizers = request.app.state.tokenizers
    return found
