"""Which mutants: one a place in the source, those no test could kill with sense left out, a sample.

The operators are PIT's defaults (pitest.org/quickstart/mutators: conditionals' boundaries and
negations, arithmetic, constants, returns of a loop) as far as cosmic-ray has them. Its remaining
replacements of one operator by any other end in a TypeError more often than in a wrong result, and
would flatter the share of the killed.
"""

import dataclasses
import hashlib
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.work_item import MutationSpec, WorkItem
from parso.python.tree import Class, Function
from parso.tree import BaseNode, NodeOrLeaf

OPERATORS = re.compile(
    r"""core/(
    ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_Mul|Pow_Mul
        |RShift_LShift|LShift_RShift|BitOr_BitAnd|BitAnd_BitOr|BitXor_BitAnd)
    |ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt
        |Lt_GtE|LtE_Gt|Gt_LtE|GtE_Lt|Is_IsNot|IsNot_Is)
    |ReplaceUnaryOperator_(USub_UAdd|Delete_Not|Delete_Invert)
    |AddNot|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceAndWithOr|ReplaceOrWithAnd
    |ReplaceBreakWithContinue|ReplaceContinueWithBreak|ExceptionReplacer|NumberReplacer
    |ZeroIterationForLoop)""",
    re.VERBOSE,
)
# Published figures, 440 of them: all that a test could do is repeat them.
DATA = {"pipeline/filters/language_table.py"}
SPOKEN = {"note", "print", "warn", "debug", "info", "warning"}  # what they are given is text
REPRESENTATIONS = {"__repr__", "__str__"}


@dataclasses.dataclass(frozen=True)
class Place:
    """One mutant that may be drawn; those of one site are alternatives to each other."""

    site: tuple[str, tuple[int, int], tuple[int, int], str]
    spec: MutationSpec
    name: str  # the same while line and operator are, wherever the line goes

    def item(self, source: str) -> WorkItem:
        """For a session; another one once the module has changed at all."""
        whole = hashlib.sha256(f"{self.name}\n{source}".encode()).hexdigest()
        return WorkItem.single(whole[:32], self.spec)


def places(module: str, source: str) -> Iterator[Place]:
    """Every mutant of a module that a test should be able to kill."""
    tree, lines = get_ast(source), source.split("\n")
    nodes = list(ast_nodes(tree))
    seen: Counter[str] = Counter()
    for operator in filter(OPERATORS.fullmatch, operator_names()):
        positions = get_operator(operator)().mutation_positions
        found = ((node, span) for node in nodes for span in positions(node))
        for occurrence, (node, (start, end)) in enumerate(found):
            leaf = tree.get_leaf_for_position(start, include_prefixes=True)
            name = "\n".join((module, operator, lines[start[0] - 1].strip(), str(start[1])))
            seen[name] += 1
            if not (pointless(leaf) or _twice(operator, node)):
                spec = MutationSpec(module, operator, occurrence, start, end)
                site = (module, start, end, operator.split("_")[0])
                yield Place(site, spec, f"{name}\n{seen[name]}")


def pointless(leaf: NodeOrLeaf) -> bool:
    """Whether what stands here is nothing that a test checks; docs/testing.md lists the kinds."""
    node: NodeOrLeaf = leaf
    parent = leaf.parent
    while parent is not None:
        if parent.type in ("raise_stmt", "assert_stmt", "decorator"):
            return True
        if parent.type == "annassign" and node is parent.children[1]:
            return True
        if parent.type == "tfpdef" and node is not parent.children[0]:
            return True
        if (
            parent.type == "funcdef"
            and isinstance(parent, Function)
            and (node is parent.annotation or parent.name.value in REPRESENTATIONS)
        ):
            return True
        if parent.type == "if_stmt" and re.match(
            r"TYPE_CHECKING|__name__", parent.children[1].get_code().strip()
        ):
            return True
        if parent.type in ("atom_expr", "power") and _is_said(parent, node):
            return True
        if isinstance(parent, Class) and parent.name.value.endswith("Config"):
            # A setting's default is tuned: a test could but repeat it, as docs/settings.md does.
            return _is_field(leaf)
        node, parent = parent, parent.parent
    return False


def _is_said(call: BaseNode, part: NodeOrLeaf) -> bool:
    at = call.children.index(part)
    name = call.children[at - 1].get_code().strip(" \n.") if at else ""
    if name not in SPOKEN or part.type != "trailer":
        return False
    assert isinstance(part, BaseNode)
    return part.children[0].get_code(include_prefix=False) == "("


def _is_field(leaf: NodeOrLeaf) -> bool:
    node: NodeOrLeaf | None = leaf
    while node is not None and node.type not in ("annassign", "funcdef"):
        node = node.parent
    return node is not None and node.type == "annassign"


def _twice(operator: str, node: NodeOrLeaf) -> bool:
    """`not a < b` is what the operators of comparisons make of it already."""
    if operator != "core/AddNot":
        return False
    assert isinstance(node, BaseNode)
    return node.children[2 if node.type == "test" else 1].type == "comparison"


def modules(root: Path, package: str) -> list[str]:
    found = (path.relative_to(root).as_posix() for path in (root / package).rglob("*.py"))
    return sorted(set(found) - DATA)


def sample(found: list[Place], size: int, seed: int, sources: Mapping[str, str]) -> list[Place]:
    """A site's mutant and the sites themselves in the order of a hash, so that a changed line
    elsewhere changes nothing here and a greater sample holds the smaller one."""

    def rank(place: Place) -> str:
        return hashlib.sha256(f"{seed}\n{place.name}".encode()).hexdigest()

    sites: dict[tuple, list[Place]] = defaultdict(list)
    for place in found:
        sites[place.site].append(place)
    drawn = [min(alternatives, key=rank) for alternatives in sites.values()]
    # Ranked anew: the least of many hashes is small, and sites with more operators would win.
    drawn.sort(key=lambda place: hashlib.sha256(rank(place).encode()).hexdigest())
    sound = (place for place in drawn if _compiles(place.spec, sources))
    return list(itertools.islice(sound, size))


def _compiles(spec: MutationSpec, sources: Mapping[str, str]) -> bool:
    """cosmic-ray takes the stars of `{**these}` for a power, for one."""
    module = spec.module_path.as_posix()
    operator = get_operator(spec.operator_name)()
    code = mutate_code(sources[module], operator, spec.occurrence)
    try:
        compile(code, module, "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True
