"""The four axes: every value comes, each by itself, and more requests change none."""

from collections import Counter

from pipeline.sft.teacher.axes import DYNAMICS, FIRST_MESSAGES, PERSONAS, TOPICS, draw
from pipeline.sft.teacher.config import TeacherConfig

CONFIG = TeacherConfig()


def test_every_value_comes_about_as_often() -> None:
    drawn = [draw(CONFIG, f"document:{number}") for number in range(6_000)]
    for name, values in (
        ("topic", TOPICS),
        ("persona", PERSONAS),
        ("first_message", FIRST_MESSAGES),
    ):
        counts = Counter(getattr(axes, name) for axes in drawn)
        assert set(counts) == set(values)
        assert min(counts.values()) > 0.7 * 6_000 / len(values)
    # the plain question is there twice
    counts = Counter(axes.dynamics for axes in drawn)
    assert set(counts) == set(DYNAMICS)
    assert 0.2 < counts["one question and one answer"] / 6_000 < 0.3


def test_axes_are_drawn_each_by_itself() -> None:
    drawn = {(a.topic, a.persona) for a in (draw(CONFIG, str(n)) for n in range(3_000))}
    assert len(drawn) == len(TOPICS) * len(PERSONAS)


def test_they_are_the_passage_s_and_the_seed_s() -> None:
    assert draw(CONFIG, "a:1") == draw(CONFIG, "a:1")
    other = [draw(TeacherConfig(seed=1), str(n)) != draw(CONFIG, str(n)) for n in range(20)]
    assert sum(other) > 15


def test_ones_own_values_take_the_place_of_ours() -> None:
    config = TeacherConfig(topics=("bees",), dynamics=("a quarrel",))
    axes = draw(config, "a:1")
    assert (axes.topic, axes.dynamics) == ("bees", "a quarrel")
    assert axes.persona in PERSONAS
    others = TeacherConfig(personas=("a judge",), first_messages=("a riddle",))
    axes = draw(others, "a:1")
    assert (axes.persona, axes.first_message) == ("a judge", "a riddle")
    assert axes.topic in TOPICS
