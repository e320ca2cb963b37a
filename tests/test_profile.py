"""Does a payment profile say what the ledger shows, claim no habit from few cases, and see no later fact?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from features.history import History
from features.ledger import Ledger
from serving.facts import Facts
from serving.profile import INDEX_DAYS, INDEX_POINTS, Profile, profile, profiles
from tests.ledger_rows import ledger
from tests.random_ledgers import later_facts, ledger_of, random_rows, random_settings

DAY = date(2024, 12, 2)


def invoice(number: int, due: date, **more: str) -> dict[str, Any]:
    return {
        "invoice_id": f"I{number:02}",
        "customer_id": "C",
        "issued_on": (due - timedelta(days=30)).isoformat(),
        "due_on": due.isoformat(),
        "amount": "100.00",
        "currency": "EUR",
    } | more


def paid(number: int, on: date, amount: str = "100.00") -> dict[str, str]:
    return {"invoice_id": f"I{number:02}", "paid_on": on.isoformat(), "amount": amount}


def of(
    invoices: list[dict], payments: list[dict], declared: Any = None, day: date = DAY, **tables: Any
) -> Profile:
    book = ledger(*invoices, payments=payments, **tables)
    return profile(Facts(History(book)), "C", day, declared)


MONDAYS = [date(2024, 5, 6) + timedelta(days=14 * n) for n in range(15)]
"""Due dates; the last is 18 November."""
INVOICES = [invoice(n, due) for n, due in enumerate(MONDAYS)]


def late_by(days: int) -> list[dict[str, str]]:
    return [paid(n, due + timedelta(days=days)) for n, due in enumerate(MONDAYS)]


def test_a_customer_who_pays_on_thursdays() -> None:
    found = of(INVOICES, late_by(3))
    assert (found.pay_run, found.pay_days_on_run, found.pay_days) == ("on Thursdays", 15, 15)
    assert (found.next_pay_run, found.call_by) == (date(2024, 12, 5), date(2024, 12, 3))
    assert (found.usual_days_late, found.days_late_from, found.days_late_to) == (3, 3, 3)
    assert (
        "Pays on Thursdays (15 of 15 pay days); call by Tue 3 Dec for the run of Thu 5 Dec."
        in found.sentences()
    )
    assert found.payment_index == pytest.approx(80 - 10 * 3 / 15)
    assert found.as_dict()["next_pay_run"] == "2024-12-05"


def test_its_own_word_wins() -> None:
    found = of(INVOICES, late_by(3), {"C": {"pay_run": "15th", "preferred_channel": "letter"}})
    assert (found.pay_run, found.pay_run_declared, found.pay_days_on_run) == ("on the 15th", True, 1)
    assert (found.best_channel, found.best_channel_declared) == ("letter", True)
    assert "Best reached by letter (as they asked)." in found.sentences()
    with pytest.raises(ValueError, match="names no pay run"):
        of(INVOICES, late_by(3), {"C": {"pay_run": "whenever"}})


def test_change_against_its_own_past() -> None:
    """Seven invoices paid on the day, then eight ten days late: the last 90 days hold six of them."""
    payments = [paid(n, due + timedelta(days=0 if n < 7 else 10)) for n, due in enumerate(MONDAYS)]
    found = of(INVOICES, payments)
    assert (found.earlier_days_late, found.recent_days_late, found.days_late_change) == (0, 10, 10)
    assert "Pays 10 days later in the last 90 days than in the year before." in found.sentences()


def test_two_invoices_are_no_habit() -> None:
    found = of(INVOICES[:2], late_by(3)[:2])
    assert found.usual_days_late is found.payment_index is found.pay_run is found.best_channel is None
    assert found.sentences() == ["No fixed pay run found in 2 pay days of the last year."]
    nothing = of(INVOICES[:1], [])
    assert nothing.sentences() == ["No payment known in the last year."]


@pytest.mark.parametrize(
    ("calls", "emails", "best"), [(4, 4, "phone"), (2, 2, None), (0, 4, None), (3, 0, "phone")]
)
def test_the_best_channel_needs_a_few_contacts(calls: int, emails: int, best: str | None) -> None:
    """Calls the day before a payment, e-mails that nothing followed."""
    told = [
        {"customer_id": "C", "contacted_on": (MONDAYS[n] + timedelta(days=2)).isoformat(), "channel": "call"}
        for n in range(calls)
    ] + [
        {"customer_id": "C", "contacted_on": f"2024-01-{n + 8:02}", "channel": "email"} for n in range(emails)
    ]  # fmt: skip
    incoming = {"customer_id": "C", "contacted_on": "2024-06-03", "channel": "visit", "direction": "incoming"}
    just_now = {"customer_id": "C", "contacted_on": "2024-11-30", "channel": "call"}
    found = of(INVOICES, late_by(3), contacts=[*told, incoming, just_now])
    assert found.best_channel == best
    counted = {"phone": (calls, calls), "email": (emails, 0)}
    assert found.channels == {name: of for name, of in counted.items() if of[0]}


def test_money_in_parts() -> None:
    halves = [paid(n, due + timedelta(days=k), "50.00") for n, due in enumerate(MONDAYS[:4]) for k in (1, 9)]
    found = of(INVOICES, halves + late_by(3)[4:])
    assert (found.invoices_paid_in_parts, found.pays_in_parts) == (4, True)
    once = of(INVOICES, halves[:2] + late_by(3)[1:])
    assert (once.invoices_paid_in_parts, once.pays_in_parts) == (1, False)


def test_what_our_own_invoices_lacked() -> None:
    some = [
        row | ({"purchase_order": "PO"} if n % 5 else {}) | ({"sent_on": row["due_on"]} if n < 2 else {})
        for n, row in enumerate(INVOICES)
    ]
    disputes = [
        {"dispute_id": f"D{n}", "invoice_id": f"I0{n}", "opened_on": "2024-07-01", "reason": reason}
        for n, reason in enumerate(["price", "price", None])
    ]
    found = of(some, late_by(3), disputes=disputes)
    assert (found.invoices_issued, found.without_purchase_order, found.sent_late) == (15, 3, 2)
    assert found.disputes == {"not stated": 1, "price": 2}
    assert "3 of 15 invoices went out without an order number." in found.sentences()
    plain = of(INVOICES, late_by(3))
    assert plain.without_purchase_order is plain.sent_late is None


def test_promises() -> None:
    promises = [
        {"promise_id": f"P{n}", "invoice_id": f"I{n:02}", "made_on": due.isoformat(), "amount": "100.00",
         "promised_on": (due + timedelta(days=4 if n else 1)).isoformat()}
        for n, due in enumerate(MONDAYS[:4])
    ]  # fmt: skip
    found = of(INVOICES, late_by(3), promises=promises)
    assert (found.promises_kept, found.promises_judged, found.promise_kept_rate) == (3, 4, 0.75)


def test_the_index_has_the_points_of_the_glossary() -> None:
    points = dict(zip(INDEX_DAYS, INDEX_POINTS, strict=True))
    assert {0: 80, 15: 70, 22: 60, 30: 50, 60: 40, 90: 30, 120: 20}.items() <= points.items()
    large_and_late = [
        invoice(n, due, amount="900.00") if n == 0 else invoice(n, due) for n, due in enumerate(MONDAYS)
    ]
    payments = [paid(0, MONDAYS[0] + timedelta(days=30), "900.00"), *late_by(0)[1:]]
    assert of(large_and_late, payments).payment_index == pytest.approx(
        (900 * 50 + 1400 * 80) / 2300, abs=0.01
    )


@pytest.mark.parametrize("seed", range(6))
def test_no_profile_sees_what_was_learned_on_its_day_or_later(seed: int) -> None:
    rows, settings = random_rows(seed), random_settings(seed)
    day = date(2023, 9, 1)
    later = later_facts(rows, day.isoformat(), set(), seed)
    before = told(ledger_of(rows, settings), day)
    after = told(ledger_of(later, settings), day)
    assert before.keys() & after.keys()
    for name in before.keys() & after.keys():
        assert before[name] == after[name]


def told(book: Ledger, day: date) -> dict[str, Profile]:
    facts = Facts(History(book))
    return {each.customer_id: each for each in profiles(facts, np.arange(len(facts.history.customers)), day)}


def test_alone_as_together(sample_ledger: Ledger) -> None:
    day = date(2026, 6, 1)
    whole = told(sample_ledger, day)
    for name in list(whole)[::9]:
        assert profile(Facts(History(sample_ledger)), name, day) == whole[name]
    assert any(each.pay_run for each in whole.values()) and any(each.best_channel for each in whole.values())
    with pytest.raises(KeyError):
        profile(Facts(History(sample_ledger)), "nobody", day)
