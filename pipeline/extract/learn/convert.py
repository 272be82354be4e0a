"""A LightGBM model to flat trees (forest.Trees): nodes breadth first, siblings side by side."""

import numpy as np

from pipeline.extract.forest import NODE, Trees


def _threshold(value: float) -> np.float32:
    """The largest float32 that is not above the value: `x <= value` stays true for the same x."""
    single = np.float32(value)
    return single if float(single) <= value else np.nextafter(single, np.float32(-np.inf))


def _nodes(tree: dict, column_of: dict[int, int]) -> tuple[list[tuple], list[float]]:
    order = [tree["tree_structure"]]
    nodes: list[tuple] = []
    values: list[float] = []
    for node in order:  # grows while it is walked
        if "split_feature" in node:
            if node["decision_type"] != "<=":
                raise ValueError(f"the trees split by {node['decision_type']}, not by <=")
            left = len(order) - len(nodes)
            order += [node["left_child"], node["right_child"]]
            column = column_of[node["split_feature"]]
            nodes.append((_threshold(node["threshold"]), column, left))
            values.append(0.0)
        else:
            nodes.append((np.float32(np.inf), 0, 0))
            values.append(node["leaf_value"])
    return nodes, values


def used_features(dump: dict) -> list[int]:
    """Numbers of the features that any tree splits on, in order."""
    found = set()
    for tree in dump["tree_info"]:
        queue = [tree["tree_structure"]]
        for node in queue:
            if "split_feature" in node:
                found.add(node["split_feature"])
                queue += [node["left_child"], node["right_child"]]
    return sorted(found)


def trees_of(dump: dict, names: tuple[str, ...]) -> Trees:
    """From booster.dump_model(); only the columns that a tree splits on stay, renumbered."""
    used = used_features(dump)
    column_of = {feature: column for column, feature in enumerate(used)}
    nodes: list[tuple] = []
    values: list[float] = []
    starts = [0]
    for tree in dump["tree_info"]:
        more, leaves = _nodes(tree, column_of)
        nodes += more
        values += leaves
        starts.append(len(nodes))
    return Trees(
        np.array(nodes, NODE),
        np.array(values, np.float32),
        np.array(starts, np.uint32),
        tuple(names[feature] for feature in used),
    )
