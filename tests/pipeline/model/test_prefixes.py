"""Trees of shared beginnings: every sequence comes back whole, what is shared stands once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.prefixes import (
    MAX_DEPTH,
    MIN_SHARED_TOKENS,
    common,
    different_tokens,
    output_indices,
    tree,
)

FEW = st.lists(st.integers(0, 1), min_size=1, max_size=60)


def spelled(nodes, leaf):
    tokens: list[int] = []
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
        assert node.level <= MAX_DEPTH
        if index not in leaves:
            assert len(node.tokens) >= MIN_SHARED_TOKENS


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


@given(st.lists(FEW, min_size=1, max_size=12), FEW)
def test_different_tokens_are_those_of_a_tree_that_shares_everything(tails, stem):
    sequences = [stem + tail for tail in tails]
    shared = {tuple(s[: n + 1]) for s in sequences for n in range(len(s) - 1)}
    assert different_tokens(sequences) <= len(shared) + len(sequences)
    assert different_tokens(sequences) >= len(shared)
    assert different_tokens([]) == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(FEW, min_size=1, max_size=8), FEW, st.data())
def test_every_wanted_token_has_a_place_and_shared_ones_have_one(tails, stem, data):
    sequences = [stem + tail for tail in tails]
    wanted = [data.draw(st.integers(0, len(s))) for s in sequences]
    nodes, leaves = tree(sequences)
    outputs, places, count = output_indices(nodes, leaves, sequences, wanted)
    assert sorted(n for output in outputs for n in output.tolist() if n >= 0) == [*range(count)]
    where = {}  # place -> node and position
    for index, output in enumerate(outputs):
        for at, place in enumerate(output.tolist()):
            where[place] = (index, at)
    for sequence, leaf, last, own in zip(sequences, leaves, wanted, places):
        branch: list[tuple[int, int]] = []
        while leaf >= 0:
            branch = [(leaf, at) for at in range(len(nodes[leaf].tokens))] + branch
            leaf = nodes[leaf].parent
        assert [where[place] for place in own] == branch[len(sequence) - last :]
