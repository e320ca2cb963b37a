"""Are the tiers of customers kept once a day, with since when, and do jumps tell of them?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from serving.desk import Actor, Desk
from serving.policy import Policy
from serving.tiers import KIND, Tiers, keep_tiers, kept_changes, tiers_of
from tests.test_worklist import items

POLICY = Policy.load()
DAY = date(2026, 3, 2)
NIGHT = Actor("night", "administrator")
NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
KNOWN = dict.fromkeys(("A", "B", "P"), date(2025, 1, 1))


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def open_items(**tiers: str) -> Any:
    return items(*({"customer_id": name, "tier": tier} for name, tier in tiers.items()))


def on(day: date, desk: Desk, known: dict[str, date] | None = None, **tiers: str) -> Tiers:
    return tiers_of(open_items(**tiers), POLICY, day, kept_changes(desk), KNOWN if known is None else known)


def night(day: date, desk: Desk, **tiers: str) -> tuple[int, int]:
    kept = keep_tiers(desk, NIGHT, NOW, on(day, desk, **tiers), "model")
    return kept.added, kept.withdrawn


def changes(desk: Desk) -> list[tuple[Any, ...]]:
    names = ("customer_id", "changed_on", "old", "new", "rule")
    return [tuple(each.get(name) for name in names) for each in kept_changes(desk)]


def test_a_day_kept_twice_is_kept_once(desk: Desk) -> None:
    assert night(DAY, desk, A="high", B="low") == (1, 0)
    assert night(DAY, desk, A="high", B="low") == (0, 0)
    assert changes(desk) == [("A", "2026-03-02", None, "high", "first_seen")]
    assert night(after(1), desk, A="high", B="low") == (0, 0)
    kept = desk.find(KIND)[0].content
    assert (kept["policy_version"], kept["model_version"]) == (POLICY.version, "model")


def test_facts_that_changed_within_the_day_take_the_place_of_what_was_kept(desk: Desk) -> None:
    night(DAY, desk, A="high", B="high")
    assert night(DAY, desk, A="critical", B="high") == (1, 1)
    assert changes(desk) == [
        ("B", "2026-03-02", None, "high", "first_seen"),
        ("A", "2026-03-02", None, "critical", "first_seen"),
    ]


def test_nothing_is_kept_of_a_day_before_the_last_one_kept(desk: Desk) -> None:
    night(after(3), desk, A="high")
    kept = keep_tiers(desk, NIGHT, NOW, on(DAY, desk, A="critical"))
    assert (kept.added, kept.later) == (0, "2026-03-05") and len(changes(desk)) == 1


def test_all_or_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.desk.writing import Writing

    add, told = Writing.add, []

    def breaks(self: Writing, kind: str, content: Any, record_id: str | None = None) -> Any:
        if told:
            raise RuntimeError("power cut")
        told.append(kind)
        return add(self, kind, content, record_id)

    monkeypatch.setattr(Writing, "add", breaks)
    with pytest.raises(RuntimeError):
        night(DAY, desk, A="high", B="high")
    monkeypatch.undo()
    assert changes(desk) == []
    assert night(DAY, desk, A="high", B="high") == (2, 0)


class TestSince:
    def test_a_customer_of_whom_nothing_was_kept_was_at_the_best_tier(self, desk: Desk) -> None:
        night(DAY, desk, A="low", B="high")
        found = on(after(9), desk, A="critical", B="high")
        assert (found.of("A").tier, found.of("A").since, found.of("A").rule) == (
            "critical",
            after(9),
            "worse_at_once",
        )
        assert found.changes[0].old == "low"
        assert (found.of("B").since, on(after(9), desk, A="low").of("A").since) == (DAY, DAY)

    def test_one_who_came_later_is_at_it_since_then(self, desk: Desk) -> None:
        night(DAY, desk, B="high")
        known = KNOWN | {"A": after(4)}
        assert on(after(9), desk, known, A="low", B="high").of("A").since == after(4)

    def test_the_first_night_knows_no_since(self, desk: Desk) -> None:
        assert on(DAY, desk, A="low").of("A").since == DAY
        assert on(DAY, desk, A="low").of("nobody").tier == "low"

    def test_it_gets_better_only_after_the_days_of_the_policy(self, desk: Desk) -> None:
        night(DAY, desk, A="high")
        for day in range(1, 16):
            night(after(day), desk, A="low")
        assert [each[1:] for each in changes(desk)] == [
            ("2026-03-02", None, "high", "first_seen"),
            ("2026-03-03", "high", "high", "looks_better"),
            ("2026-03-17", "high", "low", "better_after_days"),
        ]
        assert on(after(10), desk, A="low").of("A").since == DAY


class TestJumps:
    def test_are_told_against_the_tier_of_a_week_before(self, desk: Desk) -> None:
        night(DAY, desk, A="low", B="high")
        night(after(8), desk, A="medium", B="high")
        assert on(after(9), desk, A="high", B="high").jumps() == {"A": ("low", "high"), "B": ("high", "high")}
        night(after(9), desk, A="high", B="high")
        assert on(after(15), desk, A="high").jumps()["A"] == ("medium", "high")
        assert on(after(16), desk, A="high").jumps()["A"] == ("high", "high")

    def test_who_is_new_does_not_jump(self, desk: Desk) -> None:
        night(DAY, desk, B="high")
        known = KNOWN | {"A": after(9)}
        assert on(after(9), desk, known, A="critical").jumps()["A"] == (None, "critical")

    def test_the_first_night_raises_none(self, desk: Desk) -> None:
        assert on(DAY, desk, A="critical").jumps() == {"A": (None, "critical")}


def test_a_group_has_a_tier_and_its_case_shows_it(desk: Desk) -> None:
    rows = [
        {"customer_id": name, "case_id": "P", "tier": tier} for name, tier in (("A", "low"), ("B", "high"))
    ]
    found = tiers_of(items(*rows), POLICY, DAY, kept_changes(desk), KNOWN)
    assert found.of_case("P", ["A", "B"]).tier == "high" and found.of_case("P", ["A"]).tier == "low"
    keep_tiers(desk, NIGHT, NOW, found)
    assert [each[0] for each in changes(desk)] == ["B", "P"]
    again = tiers_of(items(*rows), POLICY, after(5), kept_changes(desk), KNOWN)
    assert (again.groups["P"].since, again.changes) == (DAY, ())
