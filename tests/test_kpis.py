"""Are the figures of the department what one computes by hand, and is what cannot be told said to be so?"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger, LedgerSettings
from serving.kpis import DEFINITIONS, Settings, kpis
from serving.kpis.receivables import _counted_back
from serving.policy import Policy
from tests.random_ledgers import Rows, ledger_of, random_rows, random_settings

DAY = date(2026, 4, 1)
ThreeMonths = Settings(period_days=90)


def told(rows: Rows, day: date = DAY, settings: LedgerSettings | None = None, **given: Any) -> dict[str, Any]:
    ledger = Ledger.from_rows({"payments": [], **rows}, settings or LedgerSettings())
    given = {"by": (), "settings": ThreeMonths} | given
    return kpis(History(ledger, LatenessRule(calendar_days=True)), day, **given)


def value(
    found: dict[str, Any], code: str, part: str | None = None, unit: str | None = "EUR", **where: str
) -> Any:
    return one(found, code, part, unit, **where)["value"]


def one(found: dict[str, Any], code: str, part: str | None, unit: str | None, **where: str) -> dict[str, Any]:
    figure = next(figure for figure in found["kpis"] if figure["code"] == code)
    wanted = {"by": "all", "group": "all", "money_unit": unit, "part": part} | where
    listed = [each for each in figure["values"] if all(each[key] == is_ for key, is_ in wanted.items())]
    assert len(listed) == 1, (code, wanted, figure["values"])
    return listed[0]


def invoice(number: str, issued: str, due: str, amount: str, **more: Any) -> dict[str, Any]:
    more = {"customer_id": "C1", "currency": "EUR"} | more
    return {"invoice_id": number, "issued_on": issued, "due_on": due, "amount": amount, **more}


def paid(number: str, day: str, amount: str | None, **more: Any) -> dict[str, Any]:
    return {"invoice_id": number, "paid_on": day, "amount": amount, **more}


QUARTER: Rows = {
    # Beginning receivables 1,000; sales 2,400 − 400 credited; collected 1,900; ending receivables 1,100,
    # of them 600 not past due: the first of April is the start of the day after the quarter.
    "invoices": [
        invoice("OLD", "2025-12-01", "2025-12-31", "1000"),
        invoice("A", "2026-01-10", "2026-02-09", "900", customer_id="C2", division="North"),
        invoice("B", "2026-02-15", "2026-03-17", "900", division="North"),
        invoice("C", "2026-03-20", "2026-04-19", "600", customer_id="C3", division="South"),
    ],
    "payments": [
        paid("OLD", "2026-01-20", "1000"),
        paid("A", "2026-02-19", "900"),
    ],
    "credit_notes": [{"invoice_id": "B", "credited_on": "2026-03-01", "amount": "400"}],
}


class TestReceivables:
    def test_by_hand(self) -> None:
        found = told(QUARTER)
        assert value(found, "dso") == pytest.approx(1100 / 2000 * 90, abs=1e-4)  # 49.5 days
        assert value(found, "bpdso") == pytest.approx(600 / 2000 * 90, abs=1e-4)  # 27
        assert value(found, "add") == pytest.approx(22.5)
        # (1000 + 2000 − 1100) ÷ (1000 + 2000 − 600)
        assert value(found, "cei") == pytest.approx(100 * 1900 / 2400, abs=1e-4)
        assert value(found, "overdue_share") == pytest.approx(100 * 500 / 1100, abs=1e-4)
        # 1,000 paid 20 days and 900 paid 10 days after due.
        assert value(found, "dbt") == pytest.approx((20 * 1000 + 10 * 900) / 1900, abs=1e-4)
        # 10 days are 80 − 10 × 10 ÷ 15 points; 20 days 70 − 10 × 5 ÷ 7; kept in hundredths of a point.
        assert value(found, "payment_index") == pytest.approx((62.86 * 1000 + 73.33 * 900) / 1900, abs=1e-3)
        assert value(found, "largest_customer_share") == pytest.approx(100 * 600 / 1100, abs=1e-4)
        assert value(found, "customers_owing_80_percent") == 2

    @pytest.mark.parametrize(
        ("owed", "sales", "lengths", "days"),
        [
            # 900 owed: March (600, 31 days) whole, then 300 of February's 400: 31 + 28 × 300 ÷ 400.
            (900, (600, 400), (31, 28), 52.0),
            (600, (600, 400), (31, 28), 31.0),
            (0, (600,), (31,), 0.0),
            # A month of returns alone counts its days and takes nothing off.
            (300, (-50, 600), (31, 28), 45.0),
            (1200, (600, 400), (31, 28), None),
        ],
    )
    def test_counting_back(
        self, owed: int, sales: tuple[int, ...], lengths: tuple[int, ...], days: float | None
    ) -> None:
        assert _counted_back(owed, sales, lengths) == days

    def test_countback_of_the_book(self) -> None:
        # March sold 600 − 400 credited, February 900: 1,100 takes both whole; 31 + 28.
        assert value(told(QUARTER), "countback_dso") == pytest.approx(59.0)

    @pytest.mark.parametrize(
        ("due", "bucket"),
        [
            ("2026-04-01", "current"), ("2026-03-31", "1-30"), ("2026-03-02", "1-30"), ("2026-03-01", "31-60"),
            ("2026-01-31", "31-60"), ("2026-01-30", "61-90"), ("2026-01-01", "61-90"), ("2025-12-31", "90+"),
        ],
    )  # fmt: skip
    def test_ageing_counts_from_the_printed_due_date(self, due: str, bucket: str) -> None:
        found = told({"invoices": [invoice("A", "2025-11-30", due, "12.34")]})
        figure = next(each for each in found["kpis"] if each["code"] == "ageing")
        assert {each["part"] for each in figure["values"] if each["n"]} == {bucket}
        assert value(found, "ageing", bucket) == "12.34"

    def test_roll_rates_by_hand(self) -> None:
        # At the start of March 200 stood in 1-30, 50 of it paid in March; 100 not yet due then rolled into 1-30.
        rows: Rows = {
            "invoices": [
                invoice("A", "2026-01-10", "2026-02-10", "200"),
                invoice("B", "2026-02-10", "2026-03-10", "100"),
            ],
            "payments": [paid("A", "2026-03-15", "50")],
        }
        found = told(rows)
        assert value(found, "roll_rate", "1-30 → 31-60") == 75.0
        assert value(found, "roll_rate", "current → 1-30") == 100.0
        assert (
            one(found, "roll_rate", "61-90 → 90+", "EUR")["why_not"] == "nothing stood in 61-90 on 2026-03-01"
        )

    def test_a_bounced_payment_is_owed_again(self) -> None:
        bounced = [paid("C", "2026-03-25", "600"), paid("C", "2026-03-28", "-600")]
        found = told(QUARTER | {"payments": [*QUARTER["payments"], *bounced]})
        assert value(found, "dso") == value(told(QUARTER), "dso")
        assert value(found, "dbt") == value(told(QUARTER), "dbt")

    def test_credit_alone_says_nothing_of_speed(self) -> None:
        credited = [{"invoice_id": "A", "credited_on": "2026-03-30", "amount": "900"}]
        found = told({"invoices": QUARTER["invoices"][1:2], "credit_notes": credited})
        assert one(found, "dbt", None, "EUR")["why_not"] == "no invoice was settled by money in the period"

    def test_what_is_learned_later_is_not_in_it(self) -> None:
        later = [
            paid("B", "2026-03-20", "500", known_on="2026-04-01"),
            paid("C", "2026-04-02", "600"),
        ]
        found = told(QUARTER | {"payments": [*QUARTER["payments"], *later]})
        assert found["kpis"] == told(QUARTER)["kpis"]

    def test_groups_add_up(self) -> None:
        found = told(QUARTER, by=("division",))
        parts = [
            float(each["value"])
            for figure in found["kpis"] if figure["code"] == "ageing"
            for each in figure["values"] if each["by"] == "division"
        ]  # fmt: skip
        assert sum(parts) == 1100
        assert value(found, "dso", by="division", group="South") == 90.0
        assert value(found, "overdue_share", by="division", group="North") == 100.0

    def test_currencies_are_not_added_together(self) -> None:
        dollars = invoice("D", "2025-12-15", "2026-04-20", "70", currency="USD")
        found = told(QUARTER | {"invoices": [*QUARTER["invoices"], dollars]})
        assert found["money_units"] == ["EUR", "USD"]
        assert value(found, "dso") == pytest.approx(49.5)
        assert value(found, "ageing", "current", "USD") == "70.00"
        no_sales = one(found, "dso", None, "USD")
        assert no_sales["value"] is None
        assert no_sales["why_not"] == "no credit sales came into the books in the period"

    def test_base_currency_is_used_where_a_rate_is_known(self) -> None:
        rows = {
            "invoices": [
                invoice("D", "2026-03-10", "2026-04-20", "100", currency="USD"),
                invoice("P", "2026-03-10", "2026-04-20", "30", currency="GBP"),
            ],
            "exchange_rates": [
                {"currency": "USD", "base_currency": "EUR", "rated_on": "2026-03-01", "rate": "0.9"}
            ],
        }
        found = told(rows, settings=LedgerSettings(base_currency="EUR"))
        assert found["money_units"] == ["EUR", "GBP"]
        assert value(found, "ageing", "current") == "90.00"
        assert value(found, "ageing", "current", "GBP") == "30.00"

    def test_a_ledger_shorter_than_the_period_has_no_dso(self) -> None:
        young = one(told({"invoices": [invoice("A", "2026-03-10", "2026-04-09", "10")]}), "dso", None, "EUR")
        assert young["value"] is None
        assert "first invoice is of 2026-03-10" in young["why_not"]

    def test_huge_amounts_stay_exact(self) -> None:
        rows = [invoice(f"I{k}", "2025-12-01", "2026-04-09", "9999999999999.99") for k in range(10_000)]
        assert value(told({"invoices": rows}), "ageing", "current") == "99999999999999900.00"

    def test_cash_at_risk_needs_scores(self) -> None:
        scored = pd.DataFrame(
            {
                "invoice_id": ["B", "C"],
                "p_late": [1.0, 0.25],
                "p_late_30": [0.5, 0.1],
                "p_late_90": [0.1, 0.0],
            }
        )
        found = told(QUARTER, scored=scored)
        assert value(found, "cash_at_risk", "late") == "650.00"
        assert value(found, "cash_at_risk", "a month late") == "310.00"
        missing = one(told(QUARTER), "cash_at_risk", "late", "EUR")
        assert (missing["value"], missing["needs"]) == (None, "a trained model: duecourse train LEDGER")


PROMISES = [
    # promised for, amount, what came (day, amount), status on 1 April with two days of grace
    ("2026-03-10", "100", [("2026-03-12", "100")], "kept"),
    ("2026-03-10", "100", [("2026-03-13", "100")], "broken"),
    ("2026-03-10", "100", [("2026-03-09", "40")], "partially_kept"),
    ("2026-03-10", "40", [("2026-03-09", "40")], "kept"),
    ("2026-03-10", "100", [("2026-03-09", "100"), ("2026-03-11", "-100")], "broken"),
    ("2026-03-10", "100", [], "broken"),
    ("2026-03-29", "100", [], "broken"),
    ("2026-03-30", "100", [], "open"),
    ("2026-04-10", "100", [("2026-03-20", "100")], "kept"),
    ("2026-03-10", "150", [("2026-03-09", "100")], "kept"),
]


@pytest.mark.parametrize(("promised_on", "amount", "came", "status"), PROMISES)
def test_a_promise_is_judged(promised_on: str, amount: str, came: list[Any], status: str) -> None:
    promise = {"promise_id": "W", "invoice_id": "I", "made_on": "2026-03-01", "promised_on": promised_on}
    rows: Rows = {
        "invoices": [invoice("I", "2026-01-01", "2026-02-01", "100")],
        "payments": [paid("I", *each) for each in came],
        "promises": [promise | {"amount": amount}],
    }
    found = told(rows)
    assert value(found, "promises", status) == 1
    assert sum(value(found, "promises", each) for each in ("open", "kept", "partially_kept", "broken")) == 1
    assert value(told(rows, cancelled_promises=frozenset({"W"})), "promises", "cancelled") == 1


def test_the_kept_rate_by_count_and_amount() -> None:
    names = ("2026-03-10", "2026-03-11", "2026-03-12")
    rows: Rows = {
        "invoices": [invoice(f"I{k}", "2026-01-01", "2026-02-01", "100") for k in range(3)],
        "payments": [paid("I0", "2026-03-05", "100"), paid("I1", "2026-03-05", "10")],
        "promises": [
            {
                "promise_id": f"W{k}",
                "invoice_id": f"I{k}",
                "made_on": "2026-03-01",
                "promised_on": day,
                "amount": a,
            }
            for k, (day, a) in enumerate(zip(names, ("100", "90", "25"), strict=True))
        ],
    }
    found = told(rows)
    assert value(found, "promise_kept_rate") == 50.0  # one kept, one broken, one kept in part
    assert value(found, "promise_kept_rate_amount") == 80.0  # 100 of 125


def test_disputes_by_cause_age_and_their_part_of_the_overdue() -> None:
    rows: Rows = {
        "invoices": [
            invoice("A", "2026-01-01", "2026-02-01", "100"),
            invoice("B", "2026-01-01", "2026-02-01", "300"),
            invoice("C", "2026-01-01", "2026-05-01", "500"),
        ],
        "disputes": [
            {"dispute_id": "1", "invoice_id": "A", "opened_on": "2026-01-20", "reason": "price"},
            {
                "dispute_id": "2",
                "invoice_id": "B",
                "opened_on": "2026-03-20",
                "amount": "60",
                "reason": "quality",
            },
            {"dispute_id": "3", "invoice_id": "C", "opened_on": "2026-03-01", "closed_on": "2026-03-11"},
            {"dispute_id": "4", "invoice_id": "C", "opened_on": "2026-03-20", "closed_on": "2026-04-01"},
        ],
    }
    found = told(rows)
    assert value(found, "disputed", "price") == "100.00"
    assert value(found, "disputed", "quality") == "60.00"
    assert value(found, "disputed", "unknown") == "500.00"  # not closed before the day
    assert value(found, "disputed_by_age", "61-90") == "100.00"
    assert value(found, "disputed_by_age", "0-30") == "560.00"
    assert value(found, "days_to_resolve") == 10.0
    assert value(found, "overdue_in_dispute") == 40.0  # 160 of 400
    assert value(found, "disputes_before_due") == 75.0


def contact(day: str, customer: str = "C1", **more: Any) -> dict[str, Any]:
    return {"customer_id": customer, "contacted_on": day, "direction": "outgoing", **more}


WORK: Rows = {
    "invoices": [
        invoice("A", "2026-01-05", "2026-02-04", "100"),
        invoice("B", "2026-01-05", "2026-02-04", "300", customer_id="C2"),
        invoice("C", "2026-01-05", "2026-02-04", "600", customer_id="C3"),
    ],
    "payments": [
        paid("A", "2026-02-20", "100"),
        paid("B", "2026-02-06", "300"),
        paid("C", "2026-02-04", "600"),
    ],
    "contacts": [
        contact("2026-01-25", invoice_id="A"),  # ten days of notice
        contact("2026-02-10", invoice_id="A"),  # a chase
        contact("2026-01-30", "C3", direction="incoming"),
        contact("2026-03-20", "C2"),  # nothing open any more
    ],
}


def test_notice_effort_and_contacts_by_hand() -> None:
    found = told(WORK)
    assert value(found, "days_of_notice") == 10.0
    assert value(found, "noticed_share") == pytest.approx(100 / 3, abs=1e-4)
    assert value(found, "money_without_chase") == 90.0
    assert value(found, "customers_without_chase") == pytest.approx(200 / 3, abs=1e-4)
    assert value(found, "contacts_avoided") == 1  # B, two days past due
    assert value(found, "contacts_per_collected") == 30.0  # three per 1,000
    assert value(found, "contacts_without_need", unit=None) == 1


def test_without_contacts_nobody_says_that_none_were_needed() -> None:
    found = told({name: listed for name, listed in WORK.items() if name != "contacts"})
    for code in ("money_without_chase", "contacts_avoided", "noticed_share", "contacts_per_collected"):
        assert one(found, code, None, "EUR")["why_not"] == "no outgoing contact is recorded"


def test_review_coverage_counts_accounts_of_the_cycle() -> None:
    reviews = [
        {"customer_id": "C3", "reviewed_on": "2026-03-01"},
        {"customer_id": "C1", "reviewed_on": "2025-01-01"},
        {"customer_id": "nobody", "reviewed_on": "2026-03-01"},
    ]
    found = told(WORK, reviews=reviews)
    assert value(found, "review_coverage", "reviewed", None) == pytest.approx(100 / 3, abs=1e-4)
    assert value(found, "review_coverage", "reviewed or spoken with", None) == 100.0
    assert one(told(WORK), "review_coverage", "reviewed", None)["needs"] == "reviews recorded at the desk"


def test_the_review_cycle_is_that_of_the_policy_by_tier() -> None:
    reviews = [{"customer_id": name, "reviewed_on": "2026-01-10"} for name in ("C1", "C3")]
    history = History(Ledger.from_rows({"payments": [], **WORK}), LatenessRule(calendar_days=True))
    given: dict[str, Any] = {"by": (), "settings": Settings.of(Policy.load().parts, 90), "reviews": reviews}
    tiers = {"C1": "critical", "C3": "medium"}
    found = kpis(history, DAY, **given, tiers=tiers)
    assert value(found, "review_coverage", "reviewed", None) == pytest.approx(100 / 3, abs=1e-4)
    formula = next(each for each in found["kpis"] if each["code"] == "review_coverage")["formula"]
    assert "(low 365, medium 180, high 90, critical 30)" in formula
    everyone = kpis(history, DAY, **given)
    assert value(everyone, "review_coverage", "reviewed", None) == pytest.approx(200 / 3, abs=1e-4)


def test_payment_speed_after_good_and_bad_contacts() -> None:
    rows: Rows = {"invoices": [], "payments": [], "contacts": [], "customers": []}
    for k in range(6):
        who = f"C{k}"
        rows["customers"].append({"customer_id": who, "owner": "Ana"})
        rows["contacts"].append(contact("2026-02-01", who, outcome="promised"))
        for name, due, late in (("a", "2026-01-10", 12), ("b", "2026-03-01", k)):
            rows["invoices"].append(invoice(f"{who}{name}", "2025-12-20", due, "10", customer_id=who))
            day = (date.fromisoformat(due) + pd.Timedelta(days=late)).isoformat()
            rows["payments"].append(paid(f"{who}{name}", day, "10"))
    found = told(rows)
    assert (
        value(found, "speed_after_contact", "after good contacts", None) == -9.5
    )  # 0 to 5 days instead of 12
    assert value(found, "speed_after_contact", "after good contacts, 10 % below", None) == -11.5
    where = {"by": "owner", "group": "Ana"}
    assert one(found, "speed_after_contact", "after good contacts", None, **where)["n"] == 6
    assert value(found, "speed_after_contact", "after bad contacts", None) is None


def test_where_lateness_begins() -> None:
    rows: Rows = {
        "invoices": [
            invoice("A", "2026-01-10", "2026-02-01", "100", delivered_on="2026-01-06", sent_on="2026-01-15"),
            invoice("B", "2026-01-10", "2026-02-01", "300", sent_on="2026-01-11", purchase_order="PO"),
        ],
        "payments": [paid("B", "2026-02-02", "300")],
        "nonpayment_reasons": [{"invoice_id": "A", "recorded_on": "2026-02-20", "reason": "cash_short"}],
    }
    found = told(rows)
    assert value(found, "invoicing_lag", "delivery → issue") == 4.0
    assert value(found, "invoicing_lag", "issue → sent") == 3.0
    assert value(found, "sent_late_share") == 50.0
    assert value(found, "late_money_by_cause", "no purchase order") == 100.0
    assert value(found, "late_money_by_cause", "reason given: cash_short") == 100.0
    assert value(found, "late_rate_by_cause", "sent late") == 100.0
    assert value(found, "late_rate_by_cause", "without: sent late") == 0.0
    assert one(found, "late_money_by_cause", "disputed", "EUR")["why_not"] == "no dispute is recorded"


def test_the_trend_is_what_was_said_then() -> None:
    found = told(QUARTER)
    days = [date.fromisoformat(day) for day in found["trend"]["days"]]
    assert days == [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), DAY]
    overdue = next(each for each in found["trend"]["series"] if each["code"] == "overdue_share")
    assert overdue["values"] == [value(told(QUARTER, day), "overdue_share") for day in days]


def test_an_empty_and_an_all_open_book() -> None:
    empty = told(QUARTER, date(2020, 1, 1))
    assert empty["verdict"] == "Nothing is open at the start of 2020-01-01."
    assert json.loads(json.dumps(empty, allow_nan=False))["invoices"] == 0
    assert empty["trend"] == {"days": [], "series": []}
    everything_open = told({"invoices": QUARTER["invoices"]})
    assert value(everything_open, "cei") == 0.0
    assert value(everything_open, "dbt") is None


def test_an_unknown_grouping_is_refused() -> None:
    with pytest.raises(ValueError, match="no figures by 'planet': choose from division"):
        told(QUARTER, by=("planet",))


@pytest.mark.parametrize("seed", range(6))
def test_every_figure_of_a_random_book_is_there_and_says_what_is_missing(seed: int) -> None:
    ledger = ledger_of(random_rows(seed), random_settings(seed))
    found = kpis(
        History(ledger), date(2024, 2, 1), by=("division", "country", "industry", "debtor_type", "owner")
    )
    json.dumps(found, allow_nan=False)
    assert [figure["code"] for figure in found["kpis"]] and {f["code"] for f in found["kpis"]} == set(
        DEFINITIONS
    )
    for figure in found["kpis"]:
        assert figure["formula"] and "{" not in figure["formula"]
        for each in figure["values"]:
            assert each["value"] is not None or (each["why_not"] and each["needs"]), (figure["code"], each)
