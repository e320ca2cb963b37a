"""Is a customer as bad as enough of its money, worse at once, and better only after the days of patience?"""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.policy import Policy
from serving.policy.customer_tiers import previous_tiers, tier_changes

POLICY = Policy.load()
DAY = date(2026, 3, 2)
TIERS = POLICY.tiers
BEST, PATIENCE = TIERS[0], 14


def book(*invoices: tuple[str, float, str], group: str = "", currency: str = "EUR") -> pd.DataFrame:
    """Invoices of (customer, amount, tier)."""
    table = pd.DataFrame(invoices, columns=["customer_id", "amount_open", "tier"]).assign(currency=currency)
    return table.assign(group_id=group) if group else table


def tiers_of(decided: pd.DataFrame, before: pd.DataFrame | None = None, day: date = DAY) -> pd.DataFrame:
    return POLICY.customer_tiers(decided, day, before)


def one(table: pd.DataFrame, name: str = "C", scope: str = "customer") -> dict[str, Any]:
    return table[(table["id"] == name) & (table["scope"] == scope)].iloc[0].to_dict()


@pytest.mark.parametrize(
    ("invoices", "tier"),
    [
        ([("C", 100, "low")], "low"),
        ([("C", 100, "critical")], "critical"),
        ([("C", 75, "low"), ("C", 25, "high")], "high"),
        ([("C", 76, "low"), ("C", 24, "high")], "low"),
        ([("C", 76, "low"), ("C", 14, "high"), ("C", 10, "critical")], "low"),
        ([("C", 70, "low"), ("C", 20, "high"), ("C", 10, "critical")], "high"),
        ([("C", 900_000, "low"), ("C", 10_000, "high")], "high"),  # enough money, whatever its share
        ([("C", 900_000, "low"), ("C", 9_999, "high")], "low"),
        ([("C", np.nan, "low"), ("C", np.nan, "high")], "high"),  # unknown amounts are counted
        ([("C", 100, "low"), ("C", np.nan, "high")], "low"),
    ],
)
def test_a_tier_counts_where_enough_money_has_it(invoices: list, tier: str) -> None:
    found = one(tiers_of(book(*invoices)))
    assert (found["tier"], found["rule"], found["previous"]) == (tier, "first_seen", None)


def test_currencies_are_weighed_apart_and_never_added() -> None:
    euro, yen = book(("C", 100, "high")), book(("C", 900_000, "low"), currency="JPY")
    assert one(tiers_of(pd.concat([euro, yen])))["tier"] == "high"
    large_in_yen = book(("C", 10_000, "high"), ("C", 900_000, "low"), currency="JPY")
    assert one(tiers_of(large_in_yen))["tier"] == "low"


def test_a_group_is_there_where_several_customers_share_a_parent() -> None:
    both = book(("C", 100, "low"), ("D", 300, "high"), group="P")
    table = tiers_of(both)
    assert one(table, "P", "group")["tier"] == "high"
    assert one(table, "P", "group")["rule"] == "group_first_seen"
    assert one(table)["tier"] == "low"
    alone = book(("C", 100, "low"), group="C")
    assert set(tiers_of(alone)["scope"]) == {"customer"}


def course(tiers: list[str], start: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """A customer with one invoice of a tier per day: what each day's answer says."""
    before, days = start, []
    for n, tier in enumerate(tiers):
        before = tiers_of(book(("C", 100, tier)), before, DAY + timedelta(days=n))
        days.append(one(before))
    return days


def test_worse_at_once_and_better_only_after_the_days_of_patience() -> None:
    days = course(["low", "critical", *["low"] * 16])
    assert [day["tier"] for day in days] == ["low", *["critical"] * 15, "low", "low"]
    rules = ["first_seen", "worse_at_once", *["looks_better"] * 14, "better_after_days", "still_holds"]
    assert [day["rule"] for day in days] == rules
    assert days[-2]["since"].date() == DAY + timedelta(days=16)
    assert "stays critical until that has lasted 14 days (3 so far)" in days[5]["why"]


def test_one_bad_day_begins_the_waiting_anew() -> None:
    days = course(["critical", *["low"] * 10, "critical", *["low"] * 15])
    assert [day["tier"] for day in days][-2:] == ["critical", "low"]
    assert len({day["tier"] for day in days[:-1]}) == 1


def test_between_the_bars_a_tier_stays_for_good() -> None:
    before = tiers_of(book(("C", 30, "high"), ("C", 70, "low")))
    for n in range(1, 40):
        before = tiers_of(book(("C", 20, "high"), ("C", 80, "low")), before, DAY + timedelta(days=n))
    assert (one(before)["tier"], one(before)["rule"]) == ("high", "still_holds")
    assert "not enough under the lower bar" in one(before)["why"]


def test_who_owes_nothing_any_more_gets_better_as_slowly() -> None:
    before = tiers_of(book(("C", 100, "high"), ("D", 100, "low")))
    others = book(("D", 100, "low"))
    for n in range(1, PATIENCE + 2):
        assert one(before)["tier"] == "high"
        before = tiers_of(others, before, DAY + timedelta(days=n))
    assert one(before)["tier"] == "low"


def test_a_tier_that_the_policy_no_longer_has_is_forgotten() -> None:
    before = tiers_of(book(("C", 100, "high"))).assign(tier="purple")
    assert one(tiers_of(book(("C", 100, "low")), before))["rule"] == "first_seen"


def random_book(draw: np.random.Generator, customers: int) -> pd.DataFrame:
    size = customers * 4
    names = np.char.add("C", draw.integers(0, customers, size).astype(str)).astype(object)
    groups = np.char.add("G", draw.integers(0, customers // 4, customers).astype(str)).astype(object)
    return pd.DataFrame(
        {
            "customer_id": names,
            "group_id": groups[[int(name[1:]) for name in names]],
            "currency": draw.choice(["EUR", "JPY"], size),
            "amount_open": np.round(draw.lognormal(6, 2, size), 2),
            "tier": draw.choice(TIERS, size, p=[0.85, 0.08, 0.05, 0.02]),
        }
    )


def test_nobody_gets_better_within_the_period_after_any_change_and_the_desk_remembers_all() -> None:
    draw, before = np.random.default_rng(3), None
    last_change: dict[tuple[str, str], int] = {}
    kept: list[dict[str, Any]] = []
    better = worse = 0
    for n in range(45):
        day = DAY + timedelta(days=n)
        table = tiers_of(random_book(draw, 200), before, day)
        kept += [change.content() for change in tier_changes(table, before, day, BEST, POLICY.version)]
        for row in table[table["tier"] != table["previous"]].to_dict("records"):
            key = (row["scope"], row["id"])
            if row["previous"] is not None:
                is_better = TIERS.index(row["tier"]) < TIERS.index(row["previous"])
                assert not is_better or n - last_change[key] >= PATIENCE
                better, worse = better + is_better, worse + (not is_better)
            last_change[key] = n
        before = table
    assert better > 20 and worse > 100
    assert before is not None
    remembered = previous_tiers(kept).set_index(["scope", "id"])
    today = before.set_index(["scope", "id"])
    of_note = today[(today["tier"] != BEST) | today["calm_since"].notna()]
    pd.testing.assert_frame_equal(
        remembered.loc[of_note.index][["tier", "calm_since"]],
        of_note[["tier", "calm_since"]],
        check_dtype=False,
    )


def test_a_worse_invoice_never_makes_a_customer_better() -> None:
    draw = np.random.default_rng(5)
    rank = {tier: place for place, tier in enumerate(TIERS)}
    for _ in range(8):
        first = random_book(draw, 60)
        level = np.minimum(first["tier"].map(rank) + draw.integers(0, 2, len(first)), len(TIERS) - 1)
        second = first.assign(tier=np.array(TIERS, dtype=object)[level])
        one_, other = (
            tiers_of(each).set_index(["scope", "id"])["tier"].map(rank) for each in (first, second)
        )
        assert (other >= one_).all()
        pd.testing.assert_frame_equal(tiers_of(first), tiers_of(first.sample(frac=1, random_state=1)))


def test_no_cases_and_nothing_before_give_an_empty_table() -> None:
    assert len(tiers_of(book(("C", 1, "low")).head(0))) == 0
