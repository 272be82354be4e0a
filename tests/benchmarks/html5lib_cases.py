"""The public test cases of HTML parsing (html5lib-tests, MIT) against the segmenter's text.

The segmenter builds no tree, so a case counts as far as it bears on text. A tree-construction case
passes if our lines are the expected tree's: its visible text in order, a new line wherever an
element that the standard shows as a block begins or ends. A tokenizer case passes if our
characters are its character tokens, in the initial states that a page can express; one whose only
content is an attribute's value is asked through <meta name=description content=...>. Titles are
compared apart. White space is collapsed; characters that the segmenter leaves out of any page
(INVISIBLE) and text that it never shows (NO_TEXT) are left out on both sides.

    git clone https://github.com/html5lib/html5lib-tests
    git -C html5lib-tests checkout 9329e64  # before tree-construction moved to web-platform-tests
    python -m tests.benchmarks.html5lib_cases html5lib-tests
"""

import argparse
import dataclasses
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.extract.segment import segment


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What browsers show in boxes of their own, from the standard's chapter "Rendering", and the one
# that the segmenter sets apart though the standard does not: marquee.
BLOCKS = names(
    "address article aside blockquote body br caption center dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li "
    "listing main marquee menu nav ol p plaintext pre search section summary table tbody "
    "td tfoot th thead tr ul xmp"
)
PRESERVED = frozenset(("pre", "listing", "xmp", "plaintext"))
# Elements whose text is not the page's: not shown, fields and choices, fall-backs, readings.
NO_TEXT = names(
    "applet audio canvas datalist iframe meter noembed noframes object optgroup option progress rp "
    "rt script select style svg template textarea title video"
)
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069"
    "\u3000\ufeff\ufffc\ue000-\uf8ff]"
)
# Start tags after which the tree builder sets the tokenizer's state or has no use for text.
SWITCHING = names("iframe noembed noframes plaintext script style textarea title xmp") | (
    NO_TEXT | {"frameset", "head", "math"}
)
CONTENT_STATES = {  # how a page comes into the state; what is compared is the text from there on
    "Data state": "",
    "PLAINTEXT state": "<plaintext>",
    "RCDATA state": "<title>",
    "RAWTEXT state": "<xmp>",
    "Script data state": "<script>",
    "CDATA section state": "<math><mi><![CDATA[",
}
RAW_NAME = {"RCDATA state": "title", "RAWTEXT state": "xmp", "Script data state": "script"}
SURROGATE = re.compile("[\ud800-\udfff]")
ONE_ATTRIBUTE = re.compile(r"<[a-z]+ [a-z]+=", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Case:
    """A page, or why the case is not about text, and what must come of it."""

    name: str  # file and number
    page: str
    excluded: str = ""
    title: str | None = None  # None: not compared
    description: str | None = None
    lines: tuple[tuple[str, ...], ...] | None = None  # any of these
    characters: str | None = None


def visible(text: str) -> str:
    """The text without what the segmenter leaves out, white space collapsed."""
    return " ".join(INVISIBLE.sub("", text).replace("\x85", " ").split())


# ---- trees ----


@dataclasses.dataclass
class Node:
    """An element or a text of an expected tree."""

    tag: str
    text: str = ""
    children: list["Node"] = dataclasses.field(default_factory=list)


def tree(dump: str) -> Node:
    """The tree of a dump, attributes and comments left out."""
    root = Node("")
    stack: list[tuple[int, Node]] = [(-1, root)]
    for entry in re.split(r"\n(?=\| )", dump.strip("\n")):
        indent = len(entry) - len(entry[2:].lstrip(" ")) - 2
        content = entry[2 + indent :]
        while stack[-1][0] >= indent:
            stack.pop()
        parent = stack[-1][1]
        if content.startswith('"'):
            parent.children.append(Node("", content[1:-1]))
        elif content == "content" or re.fullmatch("<[^!?].*>", content, re.DOTALL):
            node = Node(content.strip("<>"))
            parent.children.append(node)
            stack.append((indent, node))
    return root


def bears_on_text(dump: str) -> bool:
    return re.search(r'^\| +(?:"|<!-- )', dump, re.MULTILINE) is not None


def walk(node: Node, blocks: frozenset[str], pre: bool = False) -> Iterator[str]:
    """The pieces of text, with a newline at each boundary."""
    if not node.tag:
        yield node.text if pre else node.text.replace("\n", " ").replace("\r", " ")
    if node.tag in NO_TEXT or node.tag.startswith("svg "):
        return
    if node.tag in blocks:
        yield "\n"
    for child in node.children:
        yield from walk(child, blocks, pre or node.tag in PRESERVED)
    if node.tag in blocks:
        yield "\n"


def lines_of(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(visible, text.split("\n"))))


def titles(node: Node) -> Iterator[str]:
    if node.tag == "title":
        yield "".join(child.text for child in node.children)
    elif node.tag not in NO_TEXT:
        for child in node.children:
            yield from titles(child)


def tree_cases(file: Path) -> Iterator[Case]:
    """The cases of a .dat file."""
    content = file.read_bytes().decode()
    for number, part in enumerate(re.split(r"(?:^|\n\n)#data\n", content)[1:]):
        data, _, rest = part.partition("\n#errors\n")
        if part.startswith("#errors\n"):
            data, rest = "", part.removeprefix("#errors\n")
        head, _, dump = ("\n" + rest).partition("\n#document\n")
        name = f"tree-construction/{file.name}:{number}"
        if "#document-fragment" in head:
            yield Case(name, data, "a fragment: its context is not in the page")
        elif "#script-on" in head or file.parent.name == "scripted":
            yield Case(name, data, "scripts run")
        elif SURROGATE.search(data):
            yield Case(name, data, "lone surrogates, which UTF-8 cannot hold")
        else:
            root = tree(dump)
            if not bears_on_text(dump):
                yield Case(name, data, "a tree with neither text nor comments")
                continue
            lines = []
            # buttons and noscript are text in text, else blocks
            for more in ("", "button", "noscript", "button noscript"):
                blocks = BLOCKS | names(more)
                body = [child for child in root.children if child.tag == "html"]
                found = "".join(piece for node in body for piece in walk(node, blocks))
                lines.append(lines_of(found))
            title = visible(next(titles(root), ""))
            yield Case(name, data, title=title, lines=tuple(lines))


# ---- tokens ----


def unescaped(value: object) -> object:
    """A doubly escaped case's strings."""
    if isinstance(value, str):
        return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), value)
    if isinstance(value, list):
        return [unescaped(part) for part in value]
    if isinstance(value, dict):
        return {unescaped(key): unescaped(part) for key, part in value.items()}
    return value


def token_case(name: str, test: dict, state: str) -> Case:
    """A tokenizer case begun in one of its states."""
    page, output = test["input"], test["output"]
    if test.get("doubleEscaped"):
        page, output = unescaped(page), unescaped(output)
    page = re.sub("[\ud800-\udbff][\udc00-\udfff]", _paired, page)
    if state not in CONTENT_STATES:
        return Case(name, page, f"begins in {state}")
    if SURROGATE.search(page):
        return Case(name, page, "lone surrogates, which UTF-8 cannot hold")
    raw_name, last = RAW_NAME.get(state), test.get("lastStartTag")
    if raw_name and last:  # the state's name for the case's
        end_tag = re.compile(f"</{last}(?![a-z])", re.IGNORECASE)
        page = end_tag.sub(f"</{raw_name}", page)
        output = [
            [
                end_tag.sub(f"</{raw_name}", part) if isinstance(part, str) else part
                for part in token
            ]
            for token in output
        ]
    if raw_name and not last and "</" in page:
        return Case(name, page, "an end tag with no start tag before it")
    kinds = {token[0] for token in output}
    starts = {token[1] for token in output if token[0] == "StartTag"}
    text = "".join(token[1] for token in output if token[0] == "Character")
    text = re.sub("[\ud800-\udbff][\udc00-\udfff]", _paired, text)
    if starts & SWITCHING:
        return Case(name, page, "a start tag after which the tree builder sets the state")
    if not kinds & {"Character", "Comment"} and (starts or "EndTag" in kinds):
        attributes = output[0][2] if output[0][0] == "StartTag" else {}
        if len(output) == 1 and len(attributes) == 1 and ONE_ATTRIBUTE.match(page):
            page = ONE_ATTRIBUTE.sub("<meta name=description content=", page, count=1)
            return Case(name, page, description=visible(next(iter(attributes.values()))))
        return Case(name, page, "tags and attributes only")
    if not kinds & {"Character", "Comment"}:
        return Case(name, page, "document types or nothing only")
    if state == "Script data state":  # a script's own text is none of the page's
        ends = [i for i, token in enumerate(output) if token[0] == "EndTag"]
        after = output[ends[0] + 1 :] if ends else []
        text = "".join(token[1] for token in after if token[0] == "Character")
    title = None
    if state == "RCDATA state":
        ends = [i for i, token in enumerate(output) if token[0] == "EndTag"]
        end = ends[0] if ends else len(output)
        title = visible("".join(token[1] for token in output[:end] if token[0] == "Character"))
        text = "".join(token[1] for token in output[end:] if token[0] == "Character")
    return Case(name, CONTENT_STATES[state] + page, title=title, characters=visible(text))


def _paired(found: re.Match[str]) -> str:
    return found[0].encode("utf-16", "surrogatepass").decode("utf-16")


def token_cases(file: Path) -> Iterator[Case]:
    """The cases of a .test file, once for each of their states."""
    tests = json.loads(file.read_text(encoding="utf-8"))
    for number, test in enumerate(tests.get("tests", ())):
        for state in test.get("initialStates", ("Data state",)):
            yield token_case(f"tokenizer/{file.name}:{number}", test, state)


# ---- the comparison ----


def difference(case: Case) -> str:
    """What our text has wrong, or nothing."""
    found = segment(case.page)
    if case.title is not None and visible(found.title) != case.title:
        return f"title {visible(found.title)!r}, not {case.title!r}"
    if case.description is not None and visible(found.description) != case.description:
        return f"attribute {visible(found.description)!r}, not {case.description!r}"
    if case.lines is not None:
        ours = lines_of("\n".join(found.texts))
        if "<math" in case.page:
            ours = tuple(map(plain, ours))
        if ours not in case.lines:
            return f"lines {ours}, not {case.lines[0]}"
    if case.characters is not None:
        ours_joined = "".join(visible("".join(found.texts)).split())
        if ours_joined != "".join(case.characters.split()):
            return f"characters {ours_joined!r}, not {case.characters!r}"
    return ""


def plain(line: str) -> str:
    """A line without the TeX that formulas are written as."""
    return re.sub(r"\\[a-z]+{([^}]*)}", r"\1", line).replace("$", "")


def cases(folder: Path) -> Iterator[Case]:
    """All cases of a checkout."""
    for file in sorted(folder.glob("tree-construction/**/*.dat")):
        yield from tree_cases(file)
    for file in sorted(folder.glob("tokenizer/*.test")):
        yield from token_cases(file)


LICENCE = (
    "A sample of html5lib-tests (https://github.com/html5lib/html5lib-tests at 9329e64), each "
    "expected tree reduced to its text. MIT licence, Copyright (c) 2006-2013 James Graham, "
    "Geoffrey Sneddon, and other contributors"
)


def save_sample(folder: Path, to: Path) -> None:
    """Every fifth case of tree construction and every sixtieth of the tokenizer."""
    applicable = [case for case in cases(folder) if not case.excluded]
    trees = [case for case in applicable if case.lines is not None]
    others = [case for case in applicable if case.lines is None]
    rows = [{"licence": LICENCE}]
    for case in trees[::5] + others[::60]:
        row = {
            key: value
            for key, value in dataclasses.asdict(case).items()
            if value is not None and key != "excluded"
        }
        if case.lines:
            row["lines"] = list(dict.fromkeys(case.lines))
        rows.append(row)
    to.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a checkout of html5lib-tests")
    parser.add_argument("--failures", action="store_true", help="print what fails, and how")
    parser.add_argument("--sample", type=Path, help="write the sample that the tests use here")
    arguments = parser.parse_args()
    if arguments.sample:
        save_sample(arguments.folder, arguments.sample)
        return
    passed: Counter[str] = Counter()
    applicable: Counter[str] = Counter()
    excluded: Counter[tuple[str, str]] = Counter()
    for case in cases(arguments.folder):
        kind = case.name.partition("/")[0]
        if case.excluded:
            excluded[kind, case.excluded] += 1
            continue
        applicable[kind] += 1
        wrong = difference(case)
        passed[kind] += not wrong
        if wrong and arguments.failures:
            print(f"{case.name}\n  {case.page!r}\n  {wrong}")
    if not applicable:
        sys.exit(f"no cases in {arguments.folder}")
    for kind, count in applicable.items():
        print(f"{kind}: {passed[kind]} of {count} = {passed[kind] / count:.2%}")
    for (kind, reason), count in sorted(excluded.items()):
        print(f"  left out, {kind}: {count}: {reason}")
    total = sum(applicable.values())
    print(f"all: {sum(passed.values())} of {total} = {sum(passed.values()) / total:.2%}")


if __name__ == "__main__":
    main()
