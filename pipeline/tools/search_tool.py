"""Search as a tool: a query, the best passages of the corpus, each on a line behind its number.

`[417] The cradle of Ulrich Oakes stood in Ellermere. …` An answer cites documents by these numbers,
which stand for the same document in every call on one index. White space within a passage is one
space: only the tool begins a line, so that no page can pass as another document.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.tools.config import SearchConfig
from pipeline.tools.retrieval import FoundPassage, Retriever
from pipeline.tools.tool import Tool

DESCRIPTION = "Finds passages of web pages; cite a passage by its number in brackets."
NOTHING = "Nothing found."
_CITED = re.compile(r"\[(\d{1,18})\]")


def search_tool(retriever: Retriever, config: SearchConfig) -> Tool:
    """The tool. It closes the retriever at its end."""

    def call(arguments: Mapping[str, Any]) -> str:
        count = int(arguments.get("count", config.passages))
        found = retriever.search(arguments["query"], count, config.limits.seconds)
        return text_of(found, config.limits.output_bytes)

    return Tool(
        name="search",
        description=DESCRIPTION,
        parameters={
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "count": {"type": "integer", "minimum": 1, "maximum": config.most_passages},
            },
            "required": ["query"],
        },
        call=call,
        limits=config.limits,
        close=retriever.close,
    )


def text_of(found: Sequence[FoundPassage], max_bytes: int) -> str:
    """Passages as lines, as many as fit whole; the first in any case, cut where it must be."""
    lines: list[str] = []
    left = max_bytes
    for passage in found:
        line = f"[{passage.document}] {' '.join(passage.text.split())}"
        size = len(line.encode(errors="replace")) + 1
        if size > left and lines:
            break
        lines.append(line if size <= left else _beginning(line, left))
        left -= size
    return "\n".join(lines) or NOTHING


def cited(answer: str) -> list[int]:
    """The documents that an answer cites, each once, in order."""
    return list(dict.fromkeys(int(number) for number in _CITED.findall(answer)))


def _beginning(line: str, max_bytes: int) -> str:
    more = " …"
    kept = line.encode(errors="replace")[: max_bytes - len(more.encode()) - 1]
    return kept.decode(errors="ignore") + more
