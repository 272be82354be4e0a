"""Code blocks keep every character: real ones against what a standard tree builder has in them.

The reference is lexbor's tree: the text of a `<pre>` as the DOM standard defines textContent, with
the line breaks that a browser shows for <br> and blocks, without columns of line numbers, buttons
and scripts. Not compared: empty lines at the beginning, white space at the end, and no-break
spaces, which are spaces in ours.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from resiliparse.parse.html import DOMNode, ElementNode, HTMLTree, NodeType

from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.warc import read_records
from pipeline.extract.decode import decode
from pipeline.extract.segment import FLAG, segment

BLOCKS = 200
BLOCKS_OF_HOST = 4
UNSEEN = {"script", "style", "template", "button", "select", "svg", "object"}
LINES = {"div", "p", "li", "ol", "ul", "tr", "td", "table", "tbody", "pre", "h1", "h2", "h3", "dd"}
GUTTER = re.compile(r"(?:^|[\s_-])(?:lineno\w*|linenos?|linenumbers?|lnt?|gutter|line-numbers?)\b")


def shown(node: DOMNode, parts: list[str]) -> None:
    """The text of an element's children, appended to parts."""
    for child in children(node):
        if child.type == NodeType.TEXT:
            assert child.text is not None
            parts.append(child.text)
        elif not isinstance(child, ElementNode) or child.tag in UNSEEN:
            continue
        elif child.tag == "br":
            parts.append("\n")
        elif not is_gutter(child):
            for step in range(3):
                if step == 1:
                    shown(child, parts)
                elif child.tag in LINES and parts and not parts[-1].endswith("\n"):
                    parts.append("\n")


def children(node: DOMNode) -> Iterator[DOMNode]:
    """Not by `child_nodes`, which counts from the first again for each."""
    child = node.first_child
    while child is not None:
        yield child
        child = child.next


def is_gutter(node: ElementNode) -> bool:
    """Whether it holds nothing but numbers, and calls itself so."""
    assert node.text is not None
    return bool(GUTTER.search(node.getattr("class") or "") and re.fullmatch(r"[\d\s]*", node.text))


def in_gutter(node: DOMNode | None) -> bool:
    while isinstance(node, ElementNode):
        if is_gutter(node):
            return True
        node = node.parent
    return False


def trimmed(text: str) -> str:
    return re.sub(r"^(?:[ \t]*\n)+", "", text.replace("\xa0", " ")).rstrip()


def real_blocks(crawl: Path) -> Iterator[tuple[str, str, Counter[str]]]:
    """Blocks of many hosts: address, text by the tree, all code blocks of ours on that page."""
    found = defaultdict(list)
    for file in sorted(crawl.glob("GHP-*.warc.gz"))[:2]:
        for record in read_records(file, LimitsConfig()):
            if record.record_type != "response" or b"<pre" not in record.content:
                continue
            rank = hashlib.blake2b(record.url.encode()).digest()
            body = record.content.partition(b"\r\n\r\n")[2]
            found[urlsplit(record.url).hostname].append((rank, record.url, body))
    pages = [page for host in found.values() for page in sorted(host)[:BLOCKS_OF_HOST]]
    blocks = 0
    for _, url, body in sorted(pages):
        html, _ = decode(body)
        texts = []
        root = HTMLTree.parse(html).body
        assert root is not None
        for node in root.get_elements_by_tag_name("pre"):
            if not in_gutter(node):
                parts: list[str] = []
                shown(node, parts)
                texts.append(trimmed("".join(parts)))
        texts = sorted(
            (text for text in texts if text),
            key=lambda text: hashlib.blake2b(text.encode()).digest(),
        )
        segments = segment(html)
        ours = Counter(
            text
            for text, flags in zip(segments.texts, segments.table["flags"].tolist())
            if flags & FLAG["pre"]
        )
        for text in texts[:1]:
            yield url, text, ours
            blocks += 1
            if blocks == BLOCKS:
                return


def test_real_code_blocks_are_exact(shared_dir):
    total, wrong = 0, []
    for url, text, ours in real_blocks(shared_dir / "crawl"):
        total += 1
        if text not in ours:
            wrong.append((url, text, ours))
    print(f"{total - len(wrong)} of {total} code blocks are exact")
    assert total == BLOCKS
    assert len(wrong) <= 0.01 * total, wrong[:3]
