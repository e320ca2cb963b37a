"""Do slow loops over plain objects agree with the figures, on random books and on any day?"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest

from features.history import History
from features.lateness import LatenessRule
from serving.kpis import Settings, kpis
from tests.oracle.facts import Book, Invoice
from tests.random_ledgers import ledger_of, random_rows, random_settings

PERIOD = 90
EDGES = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"), (10**9, "90+"))
Figures = dict[tuple[str, str, str | None], float | None]


def rated(invoice: Invoice, amount: int) -> int:
    """An amount of the invoice's own currency in its unit of money."""
    return round(amount * (invoice.money_amount / invoice.amount)) if invoice.amount else 0


def slow(book: Book, day: int) -> Figures:
    """The figures by unit of money as of an ordinal day, one invoice after the other."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for invoice in book.invoices.values():
        if invoice.seen_on < day:
            _add(sums[invoice.money_unit], invoice, day)
    result: Figures = {}
    for unit, of in sums.items():
        reaches = min(i.seen_on for i in book.invoices.values()) <= day - PERIOD
        result["dso", unit, None] = over(PERIOD * of["open"], of["sales"]) if reaches else None
        result["bpdso", unit, None] = over(PERIOD * of["current"], of["sales"]) if reaches else None
        top, bottom = (of["began"] + of["sales"] - of[name] for name in ("open", "current"))
        result["cei", unit, None] = over(100 * top, bottom) if reaches else None
        result["dbt", unit, None] = over(of["weighted"], of["settled"])
        for _, bucket in EDGES:
            result["ageing", unit, bucket] = of[f"age {bucket}"]
        for status in ("open", "kept", "partially_kept", "broken"):
            result["promises", unit, status] = 0
    for promise in book.tables["promises"]:
        _judge(result, book, promise, day)
    return result


def over(top: int, bottom: int) -> float | None:
    return top / bottom if bottom > 0 else None


def _add(of: dict[str, int], invoice: Invoice, day: int) -> None:
    now, then = invoice.state(day - 1), invoice.state(day - PERIOD - 1)
    assert now is not None
    of["open"] += now.balance
    of["current"] += now.balance if invoice.due_on >= day else 0
    of["began"] += then.balance if then else 0
    of["sales"] += invoice.money_amount if invoice.seen_on >= day - PERIOD else 0
    for money in invoice.money:
        if not money.is_payment and day - PERIOD <= money.known_on < day:
            of["sales"] -= rated(invoice, money.amount)
    bucket = next(name for edge, name in EDGES if day - invoice.due_on <= edge)
    of[f"age {bucket}"] += now.balance
    if now.paid_on is not None and day - PERIOD <= now.paid_on < day:
        of["settled"] += invoice.money_amount
        of["weighted"] += invoice.money_amount * (now.paid_on - invoice.due_on)


def _judge(result: Figures, book: Book, promise: dict[str, Any], day: int) -> None:
    invoice = book.invoices.get(promise["invoice_id"])
    if invoice is None or max(promise["made_on"], promise["known_on"], invoice.seen_on) >= day:
        return
    deadline = promise["promised_on"] + Settings().promise_grace_days
    known = [money for money in invoice.money if money.known_on < day]
    came = sum(m.amount for m in known if promise["made_on"] <= m.event_on <= deadline)
    left = invoice.amount - sum(m.amount for m in known if m.event_on < promise["made_on"])
    wanted = min(promise["amount"], max(left, 0)) if invoice.amount_known else 1
    if came >= wanted:
        status = "kept"
    elif deadline >= day:
        status = "open"
    else:
        status = "partially_kept" if came > 0 else "broken"
    if deadline >= day - PERIOD:
        key = ("promises", invoice.money_unit, status)
        result[key] = (result[key] or 0) + 1


@pytest.mark.parametrize("seed", range(12))
def test_a_slow_loop_agrees(seed: int) -> None:
    ledger = ledger_of(random_rows(seed, invoices=60), random_settings(seed))
    rule = LatenessRule()
    history, book = History(ledger, rule), Book(ledger, rule)
    for days in (0, 37, 120, 251, 400):
        day = date(2023, 1, 15) + timedelta(days=days)
        expected = slow(book, day.toordinal())
        found = kpis(history, day, by=())
        told = {
            (figure["code"], value["money_unit"], value["part"]): value["value"]
            for figure in found["kpis"]
            for value in figure["values"]
        }
        for key, answer in expected.items():
            said = told.get(key, 0 if key[0] == "promises" else None)
            if key[0] == "promises" and said is None:
                said = told.get(("promises", key[1], None), 0) or 0
            if key[0] == "ageing" and answer is not None:
                digits = {"JPY": 0}.get(key[1], 2)
                answer = answer / 10**digits
            assert (said is None) == (answer is None), (day, key, said, answer)
            assert said is None or float(said) == pytest.approx(answer, abs=2e-4), (day, key)
