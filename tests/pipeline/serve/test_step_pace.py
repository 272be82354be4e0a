"""Steps that take about as long as clients wait for an event."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.serve.step_pace import FIRST_SHARE, MOST_TOKENS, MOST_WITH_STOP_STRINGS, StepPace


@given(st.lists(st.tuples(st.floats(1e-6, 1.0), st.booleans(), st.booleans()), max_size=40))
def test_a_step_never_takes_much_longer_than_it_may(turns: list) -> None:
    pace = StepPace()
    each = None
    for seconds, first, stops in turns:
        tokens = pace.tokens(0.015, first_is_due=first, stop_strings=stops)
        assert 1 <= tokens <= (MOST_WITH_STOP_STRINGS if stops else MOST_TOKENS)
        if each is not None and tokens > 1:
            assert tokens * each <= 0.015 * 1.001 * (FIRST_SHARE if first else 1)
        pace.took(tokens, tokens * seconds, read=False)
        each = seconds


def test_a_steady_model_gets_long_steps_soon() -> None:
    pace, lengths = StepPace(), []
    for _ in range(8):
        lengths.append(pace.tokens(0.015, first_is_due=False, stop_strings=False))
        pace.took(lengths[-1], lengths[-1] * 0.0005, read=False)
    assert lengths == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_step_is_as_long_as_it_may_be() -> None:
    pace = StepPace()
    for _ in range(8):
        pace.took(pace.tokens(0.03, first_is_due=False, stop_strings=False), 0.0005, read=False)
        pace.took(1, 0.0005, read=False)
    assert pace.tokens(0.03, first_is_due=False, stop_strings=False) == 60
    assert pace.tokens(0.03, first_is_due=True, stop_strings=False) == 12
    assert pace.tokens(0.005, first_is_due=False, stop_strings=False) == 10


def test_reading_prompts_says_nothing_of_sampling() -> None:
    pace = StepPace()
    for _ in range(8):
        pace.took(pace.tokens(0.015, first_is_due=False, stop_strings=False), 0.0005, read=False)
    before = pace.tokens(0.015, first_is_due=False, stop_strings=False)
    pace.took(1, 0.5, read=True)
    assert pace.tokens(0.015, first_is_due=False, stop_strings=False) == before


def test_a_first_token_waits_for_few_others_and_the_rest_goes_on_as_before() -> None:
    pace = StepPace()
    assert pace.tokens(0.015, first_is_due=True, stop_strings=False) == 1  # nothing is known yet
    for _ in range(8):
        pace.took(pace.tokens(0.015, first_is_due=False, stop_strings=False), 0.0005, read=False)
        pace.took(1, 0.0005, read=False)
    assert pace.tokens(0.015, first_is_due=False, stop_strings=False) == 30
    few = pace.tokens(0.015, first_is_due=True, stop_strings=False)
    assert few == 6
    pace.took(few, few * 0.0005, read=False)
    assert pace.tokens(0.015, first_is_due=False, stop_strings=False) == 30


def test_where_all_wait_for_their_first_token_a_step_is_one_token() -> None:
    pace = StepPace()
    for _ in range(8):
        tokens = pace.tokens(0.015, first_is_due=False, stop_strings=False)
        pace.took(tokens, tokens * 0.0005, read=False)
    alone = pace.tokens(0.015, first_is_due=True, all_wait_for_first=True, stop_strings=False)
    assert alone == 1
    assert (
        pace.tokens(0.015, first_is_due=False, stop_strings=False) == 30
    )  # and then goes on as before
