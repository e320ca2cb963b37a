"""Do drills count alarms as they say?"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

from tests.drills.__main__ import report
from tests.drills.books import CHANGES_ON

LATE = ["act", "more_late_than_predicted", "champion", "…"]
ODD = ["watch", "weekend", "payments.known_on", "…"]


def write(path: Path, weeks: dict[int, list[list[str]]], count: int, begin: date = CHANGES_ON) -> None:
    """So many weekly looks, of which those named raise alarms."""
    days = (begin + timedelta(weeks=week) for week in range(count))
    looks = [{"day": day.isoformat(), "alarms": weeks.get(week, [])} for week, day in enumerate(days)]
    path.write_text("".join(json.dumps(look) + "\n" for look in looks), encoding="utf-8")


def test_an_alarm_that_stands_for_weeks_is_one(tmp_path: Path) -> None:
    write(tmp_path / "quiet-1.jsonl", {3: [LATE], 4: [LATE], 9: [LATE, ODD]}, 52)
    quiet = report(tmp_path)["quiet"]
    assert (quiet["books"], quiet["years"]) == (1, 1.0)
    assert quiet["alarms_a_year"] == {"act": 2.0, "watch": 1.0}
    assert quiet["weeks_with_an_alarm_a_year"] == {"act": 3.0, "watch": 1.0}


def test_detection_counts_from_the_change_and_leaves_out_what_stood_before(tmp_path: Path) -> None:
    begin = CHANGES_ON - timedelta(weeks=2)
    write(tmp_path / "shock-1.jsonl", {1: [ODD], 3: [ODD], 5: [LATE]}, 8, begin)
    write(tmp_path / "shock-2.jsonl", {}, 8, begin)
    found = report(tmp_path)["scenarios"]["shock"]
    assert found["act"]["seen"] == found["watch"]["seen"] == "1 of 2"
    assert found["watch"]["days"] == {"median": 21, "least": 21, "most": 21}
    assert "weeks_until_alarms_end" not in found


def test_what_passes_is_watched_until_its_alarms_end(tmp_path: Path) -> None:
    write(tmp_path / "passing_shock-1.jsonl", {week: [LATE] for week in range(4, 13)} | {30: [ODD]}, 36)
    write(tmp_path / "passing_shock-2.jsonl", {week: [LATE] for week in range(4, 36)}, 36)
    ends = report(tmp_path)["scenarios"]["passing_shock"]["weeks_until_alarms_end"]
    assert ends == [{"more_late_than_predicted champion": weeks} for weeks in (3, None)]
