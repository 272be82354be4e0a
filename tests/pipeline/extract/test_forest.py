"""The forest in C: LightGBM's sums, the file format, and refusal of broken models."""

import numpy as np
import pytest

from pipeline.extract import _forest, forest

LEAF = (np.inf, 0, 0)


def trees(nodes, values, starts, columns=("a", "b")):
    return forest.Trees(
        np.array(nodes, forest.NODE),
        np.array(values, np.float32),
        np.array(starts, np.uint32),
        columns,
    )


# a <= 1: 10; else b <= 2: 20, else 30. And a tree of one leaf.
SMALL = trees(
    [(1.0, 0, 1), LEAF, (2.0, 1, 1), LEAF, LEAF, LEAF], [0, 10, 0, 20, 30, 0.5], [0, 5, 6]
)


def test_walks_left_where_value_is_not_above_the_threshold():
    matrix = np.array([[1, 9], [1.5, 2], [1.5, 2.5], [np.nan, 0]], np.float32)
    sums = forest.predict(SMALL.compiled(("a", "b")), matrix)
    assert sums.tolist() == [10.5, 20.5, 30.5, 10.5]


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 100])
def test_any_number_of_rows(rows):
    matrix = np.random.default_rng(rows).random((rows, 3)).astype(np.float32) * 4
    sums = forest.predict(SMALL.compiled(("a", "x", "b")), matrix)
    expected = [
        10.5 if a <= 1 else 20.5 if b <= 2 else 30.5 for a, b in zip(matrix[:, 0], matrix[:, 2])
    ]
    assert sums.tolist() == expected


def test_columns_are_found_by_name():
    swapped = SMALL.compiled(("b", "a"))
    assert forest.predict(swapped, np.array([[2, 1.5]], np.float32)).tolist() == [20.5]
    with pytest.raises(ValueError, match="columns that are not there"):
        SMALL.compiled(("a",))


def test_file_round_trip(tmp_path):
    path = tmp_path / "model"
    forest.save(path, {"one": SMALL, "two": SMALL}, {"threshold": 0.5}, b"words")
    forests, facts, lexicon = forest.load(path)
    assert sorted(forests) == ["one", "two"]
    assert (facts, lexicon) == ({"threshold": 0.5}, b"words")
    assert forests["one"].columns == ("a", "b")
    matrix = np.random.default_rng(0).random((50, 2)).astype(np.float32) * 4
    assert np.array_equal(
        forest.predict(forests["two"].compiled(("a", "b")), matrix),
        forest.predict(SMALL.compiled(("a", "b")), matrix),
    )
    again = tmp_path / "again"
    forest.save(again, {"two": SMALL, "one": SMALL}, {"threshold": 0.5}, b"words")
    assert again.read_bytes() == path.read_bytes()


def test_a_file_cut_short_or_foreign_is_refused(tmp_path):
    path = tmp_path / "model"
    forest.save(path, {"one": SMALL}, {}, b"words")
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(ValueError, match="length"):
        forest.load(path)
    path.write_bytes(b"other")
    with pytest.raises(ValueError, match="no forest file"):
        forest.load(path)


@pytest.mark.parametrize(
    ("nodes", "starts"),
    [
        ([(1.0, 0, 1), LEAF], [0, 2]),  # right child outside
        ([(1.0, 0, 5), LEAF, LEAF], [0, 3]),
        ([(np.nan, 0, 1), LEAF, LEAF], [0, 3]),
        ([LEAF, LEAF], [0, 1]),  # a node in no tree
        ([LEAF, LEAF], [1, 2]),
        ([LEAF, LEAF], [0, 3, 2]),
        ([LEAF, LEAF], [0, 0, 2]),  # an empty tree
    ],
)
def test_a_model_that_points_out_of_itself_is_refused(nodes, starts):
    broken = trees(nodes, [0] * len(nodes), starts)
    with pytest.raises(ValueError, match="forest"):
        broken.compiled(("a", "b"))


def test_lengths_are_checked():
    with pytest.raises(ValueError, match="lengths"):
        _forest.Forest(b"1234567", b"", b"")
    model = SMALL.compiled(("a", "b"))
    with pytest.raises(ValueError, match="rows x width"):
        model.predict(bytes(12), 1, 2)
    with pytest.raises(ValueError, match="too few"):
        model.predict(bytes(16), 4, 1)
    with pytest.raises(ValueError, match="rows x width"):
        model.predict(bytes(16), 2**61, 2)
    with pytest.raises(ValueError, match="C-ordered"):
        forest.predict(model, np.zeros((2, 2)))


def test_same_sums_as_lightgbm():
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm, for training only, is missing")
    from pipeline.extract.learn.convert import trees_of

    random = np.random.default_rng(3)
    matrix = random.normal(size=(2000, 12)).astype(np.float32)
    matrix[:, 3] = np.round(matrix[:, 3])
    labels = 1 / (1 + np.exp(-matrix[:, 0] * matrix[:, 1] - matrix[:, 3]))
    booster = lightgbm.train(
        {"objective": "cross_entropy", "num_leaves": 15, "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(matrix, labels),
        20,
    )
    names = tuple(f"f{column}" for column in range(12))
    model = trees_of(booster.dump_model(), names)
    ours = forest.predict(model.compiled(names), matrix)
    theirs = booster.predict(matrix, raw_score=True)
    assert np.abs(ours - theirs).max() < 1e-5
