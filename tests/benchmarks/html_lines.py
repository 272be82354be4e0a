"""Real pages: the segmenter's lines against those of a standard tree builder (lexbor's).

Prints how many pages have the same lines, and which lines only one side has. What the segmenter
leaves out on purpose (text for screen readers, hidden inline text, line numbers) differs, too.

    python -m tests.benchmarks.html_lines crawl/*.warc.gz --pages 500
"""

import argparse
import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from resiliparse.parse.html import ElementNode, HTMLTree, Node, NodeType

from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.warc import read_records
from pipeline.extract.decode import decode
from pipeline.extract.segment import segment
from tests.benchmarks.html5lib_cases import BLOCKS, NO_TEXT, PRESERVED, lines_of, names

MARKS = re.compile("[¶“”$#]")  # links of headings to themselves, <q>, formulas
HIDDEN = NO_TEXT | {"noscript", "head"}
HIDING = re.compile(  # by class or style, of what the segmenter leaves out in lines
    r"sr-only|screen-?reader|visually-?hidden|display:\s*none|visibility:\s*hidden", re.IGNORECASE
)
# Blocks that hold text, in which a button or an element of the page's own is a part of a line.
PHRASING = names("p li h1 h2 h3 h4 h5 h6 pre td th caption dt dd listing figcaption summary legend")


def pages(file: Path) -> Iterator[tuple[str, str]]:
    for record in read_records(file, LimitsConfig()):
        if record.record_type == "response":
            html, _ = decode(record.content.partition(b"\r\n\r\n")[2])
            if not html.startswith("<?xml"):
                yield record.url or "", html


def tree_pieces(html: str) -> Iterator[str]:
    """The text of lexbor's tree with a newline at each boundary."""
    root = HTMLTree.parse(html).body
    stack: list[tuple[Node | str, bool, str]] = [(root, False, "body")] if root else []
    while stack:
        node, pre, block = stack.pop()
        if isinstance(node, str):
            yield node
        elif node.type == NodeType.TEXT:
            assert node.text is not None
            yield node.text if pre else re.sub(r"[\r\n]", " ", node.text)
        elif isinstance(node, ElementNode) and node.tag not in HIDDEN:
            assert node.tag is not None
            about = f"{node.getattr('class', '')} {node.getattr('style', '')}"
            if node.tag not in BLOCKS and HIDING.search(about):
                continue
            either = node.tag == "button" or "-" in node.tag
            if node.tag in BLOCKS or (either and block not in PHRASING):
                yield "\n"
                stack.append(("\n", pre, block))
                block = node.tag
            pre = pre or node.tag in PRESERVED
            stack += [(child, pre, block) for child in reversed(node.child_nodes)]


def lines(text: str) -> list[str]:
    return list(filter(None, (MARKS.sub("", line).strip() for line in lines_of(text))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="+", help="WARC files")
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--show", action="store_true", help="print the lines that differ")
    arguments = parser.parse_args()
    seen = same = ours_alone = theirs_alone = total = 0
    for url, html in (page for file in arguments.files for page in pages(file)):
        if seen == arguments.pages:
            break
        seen += 1
        found = segment(html)
        keep = [t for t, flags in zip(found.texts, found.table["flags"]) if not flags >> 18 & 1]
        ours, theirs = lines("\n".join(keep)), lines("".join(tree_pieces(html)))
        total += len(theirs)
        if ours == theirs:
            same += 1
            continue
        changes = list(difflib.unified_diff(theirs, ours, lineterm="", n=0))[2:]
        ours_alone += sum(line.startswith("+") for line in changes)
        theirs_alone += sum(line.startswith("-") for line in changes)
        if arguments.show:
            print("##", url)
            print("\n".join(line[:200] for line in changes))
    print(f"{same} of {seen} pages have the same lines; of {total} lines of the trees'", end=" ")
    print(f"{theirs_alone} are missing or other, {ours_alone} of ours are not there")


if __name__ == "__main__":
    main()
