"""Are windowed answers right where it is easy to be off by one, and where something was taken back?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.days import NEVER
from features.spans import Spans
from features.totals import Stream, Window, ratio

DAY = np.array([10, 12, 12, 20, 11])
VALUE = np.array([1, 2, 4, 8, 100])
CUSTOMER = np.array([0, 0, 0, 0, 1])


def asked(as_of: int, customer: int = 0, **stream: Any) -> Window:
    measures = {"value": VALUE, "value_squared": VALUE**2}
    made = Stream(DAY, measures, {"customer": CUSTOMER}, **stream)
    return Window(made, "customer", np.array([customer]), np.array([as_of]))


SUMS = [
    # as of, window, sum: the as-of day itself is not visible, the first day of the window is
    (10, None, 0),
    (11, None, 1),
    (12, None, 1),
    (13, None, 7),
    (21, None, 15),
    (13, 3, 7),
    (13, 1, 6),
    (14, 1, 0),
    (21, 9, 14),
    (21, 8, 8),
]


@pytest.mark.parametrize(("as_of", "last", "expected"), SUMS)
def test_a_sum_covers_the_days_before(as_of: int, last: int | None, expected: int) -> None:
    assert asked(as_of).sum("value", last).tolist() == [expected]


def test_groups_do_not_mix_and_an_unknown_group_has_nothing() -> None:
    assert asked(30, customer=1).sum("value").tolist() == [100]
    assert asked(30, customer=-1).sum("value").tolist() == [0]
    assert asked(30, customer=7).sum("value").tolist() == [0]


def test_means_and_spreads_of_nothing_are_missing() -> None:
    nothing = asked(10)
    answers = [
        nothing.mean("value"),
        nothing.spread("value"),
        nothing.recent("value", 3),
        nothing.latest("value"),
    ]
    assert np.isnan([*answers, nothing.days_since(), nothing.days_since_first()]).all()


def test_mean_spread_latest_and_days_since() -> None:
    window = asked(21)
    assert window.mean("value").tolist() == [15 / 4]
    assert window.spread("value") == pytest.approx(np.std([1, 2, 4, 8]), abs=1e-15)
    assert window.recent("value", 3).tolist() == [14 / 3]
    assert [window.latest("value", back)[0] for back in (0, 1, 3)] == [8.0, 4.0, 1.0]
    assert (window.days_since()[0], window.days_since_first()[0]) == (1.0, 11.0)


TAKEN_BACK = [
    # as of, window, sum, of the last two, latest, days since: the 8 of day 20 is taken back on day 30
    (30, None, 15, 6.0, 8.0, 10.0),
    (31, None, 7, 3.0, 4.0, 19.0),
    (30, 10, 8, 6.0, 8.0, 10.0),
    (31, 11, 0, 3.0, 4.0, 19.0),
    (31, 10, 0, 3.0, 4.0, 19.0),
    (35, 6, 0, 3.0, 4.0, 23.0),
    (41, 11, 0, 3.0, 4.0, 29.0),
    (41, 29, 6, 3.0, 4.0, 29.0),
]


@pytest.mark.parametrize(("as_of", "last", "total", "recent", "latest", "since"), TAKEN_BACK)
def test_what_was_taken_back_counts_until_we_know(
    as_of: int, last: int | None, total: int, recent: float, latest: float, since: float
) -> None:
    window = asked(as_of, until=np.array([NEVER, NEVER, NEVER, 30, NEVER]))
    answers = (
        window.sum("value", last),
        window.recent("value", 2),
        window.latest("value"),
        window.days_since(),
    )
    assert tuple(answer[0] for answer in answers) == (total, recent, latest, since)


SINCE = [
    # as of, window, sum: we learn on day 15 that the customer belongs to the group
    (15, None, 0),
    (16, None, 7),
    (16, 4, 6),
    (16, 3, 0),
    (22, 10, 14),
    (22, 12, 15),
]


@pytest.mark.parametrize(("as_of", "last", "expected"), SINCE)
def test_a_group_learned_later_has_the_past_of_its_members(
    as_of: int, last: int | None, expected: int
) -> None:
    window = asked(as_of, since={"customer": np.full(5, 15)})
    assert window.sum("value", last).tolist() == [expected]


RUNNING = [
    # as of, least value running; begun 5 to 9, begun 7 to ever, a late-seen one of value 3 from 10 to 20
    (5, np.nan),
    (6, 5.0),
    (9, 5.0),
    (10, 7.0),
    (11, 3.0),
    (20, 3.0),
    (21, 7.0),
]


@pytest.mark.parametrize(("as_of", "expected"), RUNNING)
def test_the_least_running_span(as_of: int, expected: float) -> None:
    group, begin, end, value = (np.array(each) for each in ([2, 2, 2], [5, 7, 10], [9, NEVER, 20], [5, 7, 3]))
    spans = Spans(group, begin, end, value)
    found = spans.least_running(np.array([2, 1, 3]), np.full(3, as_of))
    np.testing.assert_array_equal(found, [expected, np.nan, np.nan])


def test_no_spans_run() -> None:
    nothing = np.array([], np.int64)
    spans = Spans(nothing, nothing, nothing, nothing)
    assert np.isnan(spans.least_running(np.array([0]), np.array([5]))).all()


def test_a_ratio_needs_something_to_divide_by() -> None:
    np.testing.assert_array_equal(ratio(np.array([1, 1, 1]), np.array([2, 0, -1])), [0.5, np.nan, np.nan])
