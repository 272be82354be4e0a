"""Trees of shared beginnings: every sequence comes back whole, what is shared stands once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.prefixes import DEEPEST, SHARED_FROM, common, tree

FEW = st.lists(st.integers(0, 1), min_size=1, max_size=60)


def spelled(nodes, leaf):
    tokens = []
    while leaf >= 0:
        tokens = nodes[leaf].tokens + tokens
        leaf = nodes[leaf].parent
    return tokens


@settings(max_examples=150, deadline=None)
@given(st.lists(FEW, min_size=1, max_size=12), FEW, st.integers(0, 3))
def test_every_sequence_is_spelled_by_its_branch(tails, stem, times):
    sequences = [stem * times + tail for tail in tails]
    nodes, leaves = tree(sequences)
    assert len(set(leaves)) == len(sequences)
    for sequence, leaf in zip(sequences, leaves):
        assert spelled(nodes, leaf) == sequence
    for index, node in enumerate(nodes):
        assert node.tokens
        assert node.parent < index
        assert node.level <= DEEPEST
        if index not in leaves:
            assert len(node.tokens) >= SHARED_FROM


def test_a_shared_beginning_is_held_once():
    stem = list(range(100))
    nodes, _ = tree([[*stem, k] for k in range(500, 540)])
    assert sum(len(node.tokens) for node in nodes) == 100 + 40


def test_equal_sequences_share_all_but_their_last_token():
    nodes, leaves = tree([[1] * 20] * 3)
    assert [len(nodes[leaf].tokens) for leaf in leaves] == [1, 1, 1]


@given(FEW, FEW)
def test_common_is_the_first_difference(a, b):
    length = common(a, b)
    assert a[:length] == b[:length]
    assert length == min(len(a), len(b)) - 1 or a[length] != b[length]
