from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.course import Course

ANCHOR = 10


def test_one_rollback_goes_around_the_batches_since_the_anchor():
    course = Course().back(done=37, to=20)
    taken = [course.batch(step) for step in range(40)]
    assert taken[:20] == list(range(20))
    assert taken[20:] == list(range(37, 57))
    assert [course.rollbacks(step) for step in (0, 19, 20, 39)] == [0, 0, 1, 1]
    assert course.count == 1


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=6))
def test_no_batch_that_was_seen_comes_again_on_the_way_on(moves):
    course = Course()
    done, seen = 0, -1
    for steps, back in moves:
        for step in range(done, done + steps):
            number = course.batch(step)
            assert number > seen or step < done
            seen = max(seen, number)
        done += steps
        anchor = max(0, done - back) // ANCHOR * ANCHOR
        before = [course.batch(step) for step in range(anchor)]
        course = course.back(done, anchor)
        assert [course.batch(step) for step in range(anchor)] == before
        assert course.batch(anchor) == seen + 1
        done = anchor
        assert Course.of_json(course.as_json()) == course
    assert course.count == len(moves)
    numbers = [course.batch(step) for step in range(done + 30)]
    assert numbers == sorted(set(numbers))
