"""Which odd ledgers, and which later facts, do the laws of the features have to survive?

Ledgers are rows as on disk, so that a law covers loading and its repairs as well. `later_facts` changes, adds
and removes rows that were known on or after a day, and nothing else.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from features.ledger import Ledger, LedgerSettings

Row = dict[str, Any]
Rows = dict[str, list[Row]]

START = date(2022, 11, 1)
DAYS = 560
CUSTOMERS = ("C1", "C2", "C3", "C4", "C5")
EVENT_DAY = {
    "invoices": "issued_on",
    "payments": "paid_on",
    "credit_notes": "credited_on",
    "disputes": "opened_on",
    "promises": "made_on",
    "contacts": "contacted_on",
    "credit_reports": "reported_on",
    "complaints": "opened_on",
    "nonpayment_reasons": "recorded_on",
    "exchange_rates": "rated_on",
}
LATER_DAYS = {
    "invoices": ("sent_on", "delivered_on"),
    "disputes": ("closed_on",),
    "complaints": ("closed_on",),
}
KEYS = {"disputes": "dispute_id", "promises": "promise_id", "complaints": "complaint_id"}


def iso(day: int) -> str:
    """The date of a day counted from START, as on disk."""
    return (START + timedelta(days=int(day))).isoformat()


def ledger_of(rows: Rows, settings: LedgerSettings) -> Ledger:
    """The rows, loaded."""
    return Ledger.from_rows({name: list(listed) for name, listed in rows.items()}, settings)


class Draw:
    """Random choices, one generator a ledger."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def chance(self, share: float) -> bool:
        return bool(self._random.random() < share)

    def day(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high + 1))

    def one(self, *choices: Any) -> Any:
        return choices[int(self._random.integers(len(choices)))]

    def amount(self) -> str:
        return f"{float(np.exp(self._random.normal(6, 1.5))):.2f}"

    def shuffled(self, rows: list[Row]) -> list[Row]:
        return [rows[i] for i in self._random.permutation(len(rows))]

    def known(self, day: int, share: float = 0.15) -> Row:
        """A `known_on` after the day, for a share of the rows."""
        return {"known_on": iso(day + self.day(0, 30))} if self.chance(share) else {}


def random_settings(seed: int) -> LedgerSettings:
    """Base currency, tolerance, calendar and weekend of a random book."""
    draw = Draw(seed)
    return LedgerSettings(
        base_currency=draw.one("EUR", None),
        settlement_tolerance=draw.one("0", "0.05", "2"),
        country=draw.one("DE", None),
        weekend_days=draw.one((5, 6), (4, 5)),
        **draw.one({}, {"cannot_pay_reasons": ("kein Geld",), "our_doing_reasons": ("Cash short",)}),
    )


def random_rows(seed: int, invoices: int = 36) -> Rows:
    """Every table of a random book."""
    draw = Draw(seed)
    rows: Rows = {name: [] for name in (*EVENT_DAY, "customers")}
    rows["customers"] = [row for customer in CUSTOMERS[:-1] for row in _customer_rows(draw, customer)]
    days = [draw.day(0, DAYS - 100) for _ in range(invoices // 2)]
    for number in range(invoices):
        _add_invoice(draw, rows, number, draw.one(*days))
    for customer in CUSTOMERS:
        _add_about_customer(draw, rows, customer)
    rows["exchange_rates"] = [_rate(draw, rated) for rated in range(0, DAYS, 90)]
    return rows


def _customer_rows(draw: Draw, customer: str) -> list[Row]:
    """Undated, dated, or with more learned later."""
    full: Row = {
        "customer_id": customer,
        "parent_id": draw.one("P1", "P1", "P2", None),
        "country": draw.one("DE", "US", "AE", None),
        "industry": draw.one("steel", "food", None),
        "debtor_type": draw.one("company", "public_body", None),
        "credit_limit": draw.one("5000", "0", "12000.50", None),
    }
    since = {"known_on": iso(draw.day(0, DAYS))}
    bare = {"customer_id": customer, "industry": full["industry"], "known_on": iso(0)}
    return draw.one([full], [full | since], [bare, full | since], [{**bare, "known_on": None}, full | since])


def _add_invoice(draw: Draw, rows: Rows, number: int, issued: int) -> None:
    due = issued + draw.one(0, 14, 30, 30, 30, 45, 60, -4)
    row: Row = {
        "invoice_id": f"N{number % 33 if draw.chance(0.1) else number:03d}",
        "customer_id": draw.one(*CUSTOMERS),
        "issued_on": iso(issued),
        "due_on": iso(due),
        "amount": draw.one(*(draw.amount() for _ in range(9)), "0", "", "100.00"),
        "currency": draw.one("EUR", "EUR", "EUR", "USD", "JPY"),
        "division": draw.one("A", "B", None),
        "purchase_order": draw.one("PO", None),
        "delivered_on": draw.one(iso(issued - 3), iso(issued), iso(issued + 4), None),
        "sent_on": draw.one(iso(issued), iso(issued + 2), iso(issued + 9), None),
    }
    row |= draw.one(
        {}, {}, {}, {}, {"known_on": iso(issued + draw.day(0, 60))}, {"known_on": iso(issued - 5)}
    )
    rows["invoices"].append(row)
    _add_money(draw, rows, row, issued, due)
    _add_talk(draw, rows, row, issued, due)
    _add_reasons(draw, rows, row, issued)


def _add_money(draw: Draw, rows: Rows, invoice: Row, issued: int, due: int) -> None:
    """One of the ways in which an invoice is paid, or not."""
    paid = due + draw.one(draw.day(-12, 3), draw.day(0, 20), draw.day(10, 120), issued - due - 2)
    owed = float(invoice["amount"] or 50)
    way = draw.one("whole", "whole", "whole", "blank", "parts", "bounced", "bounced at once", "late bounce",
                   "credit", "credit and money", "over", "open")  # fmt: skip

    def pay(day: int, amount: str | None, known: float = 0.25) -> None:
        whose = {"customer_id": invoice["customer_id"]} if draw.chance(0.5) else {}
        rows["payments"].append(
            {"invoice_id": invoice["invoice_id"], "paid_on": iso(day), "amount": amount}
            | whose
            | draw.known(day, known)
        )

    def credit(day: int, amount: str) -> None:
        rows["credit_notes"].append(
            {"invoice_id": invoice["invoice_id"], "credited_on": iso(day), "amount": amount} | draw.known(day)
        )

    whole = f"{owed:.2f}"
    if way == "blank":
        pay(paid, None)
    elif way in ("whole", "over"):
        pay(paid, whole if way == "whole" else f"{owed * 1.2:.2f}")
    elif way == "parts":
        pay(paid - 5, f"{owed / 3:.2f}")
        pay(paid + draw.day(0, 40), f"{owed - round(owed / 3, 2):.2f}")
    elif way.endswith(("bounced", "at once", "bounce")):
        back = paid + draw.day(1, 90) if way != "bounced at once" else paid
        pay(paid, whole)
        pay(back, f"-{whole}", 0.4 if way == "late bounce" else 0.0)
        if draw.chance(0.6):
            pay(back + draw.one(0, 0, 7), whole, 0.0)
    elif way == "credit":
        credit(paid, whole)
    elif way == "credit and money":
        credit(paid, f"{owed / 2:.2f}")
        pay(paid + draw.day(-9, 9), f"{owed - round(owed / 2, 2):.2f}")


def _add_talk(draw: Draw, rows: Rows, invoice: Row, issued: int, due: int) -> None:
    named = {"invoice_id": invoice["invoice_id"]}
    for _ in range(draw.one(0, 0, 0, 1, 2)):
        opened = issued + draw.day(0, 70)
        closed = {"closed_on": iso(opened + draw.day(-2, 60))} if draw.chance(0.6) else {}
        rows["disputes"].append(
            named | {"dispute_id": f"D{len(rows['disputes'])}", "opened_on": iso(opened)} | closed
            | draw.known(opened)
        )  # fmt: skip
    for _ in range(draw.one(0, 0, 1, 2)):
        made = max(issued, due + draw.day(-20, 30))
        rows["promises"].append(
            named | {"promise_id": f"P{len(rows['promises'])}", "made_on": iso(made)}
            | {"promised_on": iso(made + draw.day(-1, 25))}
            | {"amount": draw.one(invoice["amount"] or "10", "10.00", "", "0")} | draw.known(made)
        )  # fmt: skip
    for _ in range(draw.one(0, 1, 2)):
        at = issued + draw.day(-3, 90)
        about = named if draw.chance(0.6) else {}
        rows["contacts"].append(
            about | {"customer_id": invoice["customer_id"], "contacted_on": iso(at)}
            | {"channel": draw.one("call", "email")} | draw.known(at)
        )  # fmt: skip


def _add_reasons(draw: Draw, rows: Rows, invoice: Row, issued: int) -> None:
    for _ in range(draw.one(0, 0, 1, 2)):
        at = issued + draw.day(-3, 120)
        said = draw.one(
            "cash_short", "Can’t  pay", "forgot", "quality", "Purchase_Order missing", "kein geld", "pay"
        )
        rows["nonpayment_reasons"].append(
            {"invoice_id": invoice["invoice_id"], "recorded_on": iso(at), "reason": said} | draw.known(at)
        )


def _add_about_customer(draw: Draw, rows: Rows, customer: str) -> None:
    whose = {"customer_id": customer}
    for _ in range(draw.day(0, 3)):
        at = draw.day(0, DAYS - 30)
        score = draw.one("41.5", "60", "77.25", None)
        rows["credit_reports"].append(whose | {"reported_on": iso(at), "score": score} | draw.known(at))
        rows["complaints"].append(
            whose | {"complaint_id": f"K{len(rows['complaints'])}", "opened_on": iso(at + 5)}
            | draw.one({}, {"closed_on": iso(at + 30)})
        )  # fmt: skip
        loose = draw.one("payments", "credit_notes")
        of_none = draw.one({}, {}, {"invoice_id": f"N{at}"})
        rows[loose].append(
            whose | of_none | {EVENT_DAY[loose]: iso(at + 9), "amount": "20"} | draw.known(at + 9)
        )


def _rate(draw: Draw, rated: int) -> Row:
    rate = draw.one("0.91", "1.07", "0.0063")
    return {"currency": draw.one("USD", "JPY"), "base_currency": "EUR", "rated_on": iso(rated), "rate": rate}


def known_on(table: str, row: Row) -> str:
    """The day from which a row was known, as written; '' for undated customers."""
    if table == "customers":
        return row.get("known_on") or ""
    return max(row[EVENT_DAY[table]], row.get("known_on") or "") if table != "invoices" else str(
        row.get("known_on") or row["issued_on"]
    )  # fmt: skip


def later_facts(rows: Rows, cut: str, asked: set[str], seed: int) -> Rows:
    """The same book in which whatever was known on or after `cut` went otherwise.

    The invoices `asked` about stay: their terms are part of the question.
    """
    draw = Draw(seed)
    changed = {}
    for table, listed in rows.items():
        before = [_with_other_future(draw, table, row, cut) for row in listed if known_on(table, row) < cut]
        later = [row for row in listed if known_on(table, row) >= cut]
        kept = [row for row in later if table == "invoices" and row["invoice_id"] in asked]
        moved = [
            _moved(draw, table, row, cut)
            for row in later
            if row not in kept and draw.chance(0.7)
        ]  # fmt: skip
        copied = draw.shuffled(before)[: draw.day(0, 1 + len(before) // 3)]
        added = [_moved(draw, table, row, cut) for row in copied]
        for row in moved + added:
            # A second invoice under a number that is asked about would be told apart by its day.
            if row in kept or row.get("invoice_id") in {other["invoice_id"] for other in kept}:
                row["invoice_id"] += "z" if table == "invoices" else ""
        repeated = [row | {"known_on": cut} for row in copied if table != "customers"]
        changed[table] = draw.shuffled(before + kept + moved + added + repeated)
    return changed


def _with_other_future(draw: Draw, table: str, row: Row, cut: str) -> Row:
    """An early row in which a later fact (a closing) went otherwise."""
    row = dict(row)
    for column in LATER_DAYS.get(table, ()):
        # What happened by the day of issue is part of the question.
        if row.get(column) is None or row[column] >= cut > row[EVENT_DAY[table]]:
            after = date.fromisoformat(cut) + timedelta(days=draw.day(1, 40))
            row[column] = draw.one(None, after.isoformat())
    return row


def _moved(draw: Draw, table: str, row: Row, cut: str) -> Row:
    """A row with other content, known on some day from `cut` on."""
    day = date.fromisoformat(cut) + timedelta(days=draw.one(0, 0, 1, draw.day(0, 200)))
    row = dict(row)
    if table == "customers":
        other = {"country": draw.one("US", "DE"), "parent_id": draw.one("P1", "P2", "P3")}
        return row | other | {"credit_limit": "7", "known_on": day.isoformat()}
    if draw.chance(0.5):
        row[EVENT_DAY[table]] = day.isoformat()
    row["known_on"] = day.isoformat()
    if table in KEYS and draw.chance(0.7):
        row[KEYS[table]] += "x"
    if row.get("amount"):
        row["amount"] = draw.one(row["amount"], "55.00", f"{2 * float(row['amount']):.2f}")
    if table == "invoices" and draw.chance(0.6):
        row["invoice_id"] += draw.one("x", "y")
    return row
