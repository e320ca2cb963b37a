"""Do alarms come in the order in which people should hear of them, and does the verdict say the first?"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from serving.monitoring.alarms import Alarm, ranked, verdict
from serving.monitoring.weeks import departure, week_numbers, working_days
from training.settings import MonitoringSettings

SETTINGS = MonitoringSettings()
WELL = "Of 500 invoices 10 % were late."


def alarm(severity: Any, kind: Any = "data", size: float = 0.0, sentence: str = "it is so") -> Alarm:
    return Alarm(severity, kind, "code", f"{severity} {kind} {size}", sentence, "Mend it.", size=size)


def test_urgent_first_then_data_before_what_follows_from_them_then_the_largest() -> None:
    wanted = [
        alarm("act", "data", 2.0),
        alarm("act", "data", 1.0),
        alarm("act", "performance", 9.0),
        alarm("watch", "drift"),
        alarm("note", "data"),
    ]
    assert ranked(wanted[::-1]) == wanted


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ([], f"All well. {WELL}"),
        ([alarm("note")], f"All well. {WELL}"),
        ([alarm("watch")], f"Nothing to do today, but keep an eye on this: it is so. {WELL}"),
        ([alarm("act"), alarm("watch")], "Act: it is so. Mend it."),
        ([alarm("act")] * 2, "Act: it is so (1 more finding asks for action). Mend it."),
        ([alarm("act")] * 3, "Act: it is so (2 more findings ask for action). Mend it."),
    ],
)
def test_the_verdict_says_the_first_alarm_and_what_to_do(alarms: list[Alarm], expected: str) -> None:
    assert verdict(alarms, WELL) == expected


def test_weeks_end_with_the_as_of_day() -> None:
    # As of day 100: week 2 is days 93 to 99, week 1 is 86 to 92, week 0 is 79 to 85.
    days = np.array([78, 79, 85, 86, 92, 93, 99, 100])
    inside, week = week_numbers(days, 100, 3)
    assert days[inside].tolist() == [79, 85, 86, 92, 93, 99]
    assert week.tolist() == [0, 0, 1, 1, 2, 2]


USUAL = [10.0, 12.0] * 8
NOTHING = [float("nan")]


@pytest.mark.parametrize(
    ("recent", "expected"),
    [
        ([11, 11, 11, 11, 11, 11, 11, 11], None),
        ([11, 11, 11, 11, 11, 11, 11, 14.4], None),  # 2.4 beyond, less than the margin of 2.5
        ([11, 11, 11, 11, 11, 11, 11, 14.6], (14.6, 1)),
        ([11, 11, 11, 11, 11, 15, 16, 17], (17, 3)),
        ([11, 11, 11, 11, 11, 15, 11, 17], (17, 1)),
        ([11, 11, 11, 11, 11, 11, 5, 17], (17, 1)),  # the week before was unusual on the other side
        ([11, 11, 11, 11, 11, 11, 17, 11], None),  # over again
        ([11, 11, 11, 11, 11, 11, 11, 5], (5, 1)),
        ([11, 11, 11, 11, 11, 11, 11, *NOTHING], None),
    ],
)
def test_unusual_is_beyond_the_extremes_by_a_margin(recent: list[float], expected: Any) -> None:
    found = departure(np.array(USUAL + recent, dtype=float), floor=2.5, settings=SETTINGS)
    assert (found and (found.latest, found.weeks)) == expected


@pytest.mark.parametrize(("weeks", "is_judged"), [(8, False), (10, False), (11, True)])
def test_a_short_history_calls_nothing_unusual(weeks: int, is_judged: bool) -> None:
    values = np.array([10.0] * (weeks - 1) + [99.0])
    assert (departure(values, 1.0, SETTINGS) is not None) == is_judged


def test_a_varied_history_widens_the_margin() -> None:
    values = np.array([0.0, 100.0] * 8 + [50.0] * 7 + [150.0])
    assert departure(values, 1.0, SETTINGS) is None
    assert departure(np.append(values[:-1], 180.0), 1.0, SETTINGS) is not None


def test_weekends_and_holidays_are_not_worked() -> None:
    # Friday 24 December 2027 to Monday 27 December; the 25th and 26th are a weekend and holidays.
    begin = (date(2027, 12, 24) - date(1970, 1, 1)).days
    assert working_days(begin, begin + 4, "DE", (5, 6)).tolist() == [True, False, False, True]
    assert working_days(begin, begin + 4, "", (0,)).tolist() == [True, True, True, False]
    new_year = begin + 8
    assert working_days(new_year, new_year + 1, "DE", ()).tolist() == [False]
