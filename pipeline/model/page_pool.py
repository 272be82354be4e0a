"""Pages of keys and values: whose they are, and which beginnings they hold already.

In: token sequences. Out: numbers of pages, each with room for the keys and values of `page_tokens`
positions in all layers. Rows that begin alike share the pages that are full; of a page that begins
alike the common part is copied. Nobody's pages keep their content until the room is needed, the
longest unused first, so that a later request finds its beginning read: a prefix cache. Pure
bookkeeping: nothing here knows where the pages lie.

Source: block tables and reference counts are PagedAttention's (Kwon et al. 2023), the tree of
beginnings is RadixAttention's (Zheng et al. 2023).
"""

import dataclasses
from bisect import bisect_left
from collections.abc import Sequence

MIN_COPIED_TOKENS = 8  # a shorter common beginning of a page is read again


class PageNode:
    """A page in the tree of beginnings: what it holds follows what its parent holds."""

    __slots__ = ("children", "keys", "page", "parent", "ready", "tokens")

    def __init__(self, page: int, tokens: tuple[int, ...], parent: "PageNode | None") -> None:
        self.page, self.tokens, self.parent = page, tokens, parent
        self.ready = False  # whether its tokens have been read
        # In the order of their tokens: of all children the one that has most in common with some
        # tokens stands beside the place where these belong.
        self.keys: list[tuple[int, ...]] = []
        self.children: list[PageNode] = []

    def closest(self, tokens: tuple[int, ...]) -> tuple["PageNode | None", int]:
        """The child that begins most like `tokens`, and how many tokens they share."""
        at = bisect_left(self.keys, tokens)
        best, most = None, 0
        for child in self.children[max(0, at - 1) : at + 1]:
            common = _common(child.tokens, tokens)
            if common > most:
                best, most = child, common
        return best, most


@dataclasses.dataclass(frozen=True)
class PrefixMatch:
    """What of a sequence has been read already."""

    pages: tuple[int, ...]  # full ones, to be shared
    copied: int = -1  # a page of which …
    copied_tokens: int = 0  # … so many tokens are the sequence's next
    pending: bool = False  # more of it is being read right now
    tokens: int = 0  # all of it


class PagePool:
    """Pages by number, from 0 to `count` - 1.

    Args:
        count: how many.
        page_tokens: positions of each.
        keeps: nobody's pages hold their content until the room is needed.
    """

    def __init__(self, count: int, page_tokens: int, *, keeps: bool = True) -> None:
        self.count, self.page_tokens, self.keeps = count, page_tokens, keeps
        self._free = list(range(count - 1, -1, -1))
        self._users = [0] * count
        self._root = PageNode(-1, (), None)
        self._nodes: dict[int, PageNode] = {}  # by page
        self._idle: dict[int, None] = {}  # nobody's pages in the tree, longest unused first

    @property
    def available(self) -> int:
        """How many pages can be taken."""
        return len(self._free) + len(self._idle)

    def pages_for(self, tokens: int) -> int:
        """How many pages hold so many tokens."""
        return -(-tokens // self.page_tokens)

    def take(self, count: int) -> list[int]:
        """Pages for a row of one's own; their content is undefined. At most `available`."""
        taken = []
        for _ in range(count):
            if not self._free:
                self._forget(self._nodes[next(iter(self._idle))])
            page = self._free.pop()
            self._users[page] = 1
            taken.append(page)
        return taken

    def share(self, pages: Sequence[int]) -> None:
        """Use pages of a match as well."""
        for page in pages:
            self._users[page] += 1
            self._idle.pop(page, None)

    def release(self, pages: Sequence[int]) -> None:
        """Use a row's pages no more. Those that hold a whole beginning stay in the tree."""
        for page in reversed(pages):  # the end of a beginning is forgotten before what leads to it
            self._users[page] -= 1
            if self._users[page]:
                continue
            node = self._nodes.get(page)
            if node is None:
                self._free.append(page)
            elif node.ready and self.keeps:
                self._idle[page] = None
            else:
                self._forget(node)

    def match(self, tokens: Sequence[int]) -> PrefixMatch:
        """The longest beginning of a sequence that has been read, short of its last token."""
        node, at, most = self._root, 0, len(tokens) - 1
        pages: list[int] = []
        while at < most:
            child, common = node.closest(tuple(tokens[at : at + self.page_tokens]))
            common = min(common, most - at)
            if child is None or common < min(self.page_tokens, MIN_COPIED_TOKENS):
                break
            if not child.ready:
                return PrefixMatch(tuple(pages), pending=True, tokens=at)
            if common < self.page_tokens:
                return PrefixMatch(tuple(pages), child.page, common, tokens=at + common)
            pages.append(child.page)
            node, at = child, at + common
        return PrefixMatch(tuple(pages), tokens=at)

    def insert(self, tokens: Sequence[int], pages: Sequence[int], read: int) -> None:
        """Put a row's pages into the tree, so that others find what they hold.

        Args:
            tokens: of the row.
            pages: of the row, in order.
            read: how many of the tokens have been read; the pages of the others are found as
                pending until `insert` is called again.
        """
        node = self._root
        for number, page in enumerate(pages):
            start = number * self.page_tokens
            own = tuple(tokens[start : start + self.page_tokens])
            if not own:
                break
            there = self._nodes.get(page)
            if there is None or there.tokens != own:
                child, common = node.closest(own)
                if child is not None and common == len(own):
                    break  # another row's page holds as much
                if there is not None:
                    if there.children or there.parent is not node:
                        break
                    self._remove(there)
                there = PageNode(page, own, node)
                self._add(there)
            elif there.parent is not node:
                break
            there.ready = there.ready or read >= start + len(own)
            node = there

    def _add(self, node: PageNode) -> None:
        assert node.parent is not None
        at = bisect_left(node.parent.keys, node.tokens)
        node.parent.keys.insert(at, node.tokens)
        node.parent.children.insert(at, node)
        self._nodes[node.page] = node

    def _remove(self, node: PageNode) -> None:
        assert node.parent is not None
        at = bisect_left(node.parent.keys, node.tokens)
        while node.parent.children[at] is not node:
            at += 1
        del node.parent.keys[at], node.parent.children[at]
        del self._nodes[node.page]

    def _forget(self, node: PageNode) -> None:
        """Free nobody's page, and what follows it in the tree."""
        for child in list(node.children):
            self._forget(child)
        self._remove(node)
        self._idle.pop(node.page, None)
        if not self._users[node.page]:
            self._free.append(node.page)


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens both begin with."""
    count = min(len(a), len(b))
    if a[:count] == b[:count]:
        return count
    return next(i for i in range(count) if a[i] != b[i])
