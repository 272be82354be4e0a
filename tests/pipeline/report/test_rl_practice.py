"""First and last third of a level's batches, weighed by their groups."""

from pipeline.report import rl_practice


def row(step, level, groups, right, stopped_length=4.0, **more):
    points = [{"k": 1, "value": right}, {"k": 8, "value": 1.0}]
    return {
        **{"step": step, "task": "letter_count", "level": level, "groups": groups},
        **{"reward": right, "pass_at_k": points, "entropy": 0.5, "length": 10.0},
        **{"stopped_length": stopped_length, "stopped_share": 0.5, "flat_group_share": 0.25},
        **more,
    }


def test_lines_by_hand():
    rows = [
        row(6, 1, 1, 0.9, length=20.0),
        row(1, 1, 3, 0.0, None),
        row(2, 1, 1, 0.4),
        *(row(step, 1, 2, 0.5) for step in (3, 4)),
        row(5, 1, 3, 0.5),
        row(2, 2, 1, 0.25, None),
    ]
    head, body = rl_practice.lines(rows)
    assert head[5] == "pass@8"
    assert body[0] == [
        *("letter_count", "1", "12", "+0.10 → +0.60", "10% → 60%", "100% → 100%"),
        *("0.500 → 0.500", "10 → 12", "4 → 4", "50% → 50%", "25% → 25%"),
    ]
    assert body[1][8] == "– → –"
    assert body[1][2] == "1"


def test_what_has_no_level_has_an_empty_cell():
    assert rl_practice.lines([row(1, 0, 1, 0.5)])[1][0][1] == ""
