"""Who owes more than its limit, whose credit report or tier worsened, and who is insolvent?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_numbers
from features.ledger import written_amount
from serving.alerts.alert import Alert
from serving.alerts.day import Day


def limit_alerts(day: Day) -> list[Alert]:
    """Limits exceeded, and customers that owe without having credit; no limit is no alert."""
    return list(_limits(day))


def _limits(day: Day) -> Iterator[Alert]:
    breach, without = day.settings.of("limit_breach"), day.settings.of("owes_without_credit")
    for customer, limit, unit in _limits_of(day):
        owed, other = _exposure(day, customer, unit)
        evidence: dict[str, Any] = {
            "exposure": written_amount(owed, unit),
            "limit": written_amount(limit, unit),
            "currency": unit,
        }
        evidence |= {"open_in_other_currencies": other} if other else {}
        if limit == 0:
            if without and owed > 0:
                sentence = f"{evidence['exposure']} {unit} is open although the credit limit is 0."
                yield day.alert(
                    "owes_without_credit", customer, "0", evidence["exposure"], sentence, [evidence]
                )
        elif breach:
            used = owed / limit
            stood = f"limit_breach:{day.name(customer)}" in day.previous
            if used > breach.numbers["raised_at"] or (stood and used >= breach.numbers["closed_below"]):
                sentence = (
                    f"{evidence['exposure']} {unit} is open, {used:.0%} of the limit of {evidence['limit']}."
                )
                yield day.alert("limit_breach", customer, 1.0, round(used, 4), sentence, [evidence])


def _limits_of(day: Day) -> Iterator[tuple[int, int, str]]:
    """Each customer's newest limit known before the day, in minor units, and its currency."""
    table = day.books.history.tables["customers"]
    known = day_numbers(table["known_on"])
    since = np.where(known == NEVER, 0, known)
    rows = table.assign(_since=since)[since < day.number].dropna(subset=["credit_limit"])
    rows = rows.sort_values("_since", kind="stable").drop_duplicates("customer_id", keep="last")
    for customer_id, limit, unit in zip(
        rows["customer_id"], rows["credit_limit"], rows["currency"], strict=True
    ):
        yield day.code(str(customer_id)), int(limit), str(unit)


def _exposure(day: Day, customer: int, unit: str) -> tuple[int, list[str]]:
    """What a customer owes in a unit of money, and the other units in which it owes."""
    rows = day.rows_of(customer)
    balance, units = day.state.balance[rows], day.books.unit[rows]
    owed = int(balance[units == unit].sum())
    return owed, sorted({str(other) for other in units[(balance > 0) & (units != unit)]})


def report_alerts(day: Day) -> list[Alert]:
    """Reports that are clearly worse than the one before from the same source."""
    rule = day.settings.of("credit_report")
    if rule is None:
        return []
    number = rule.numbers
    table = day.books.history.tables["credit_reports"]
    known = np.maximum(day_numbers(table["reported_on"]), day_numbers(table["known_on"]))
    rows = table.assign(_known=known, source=table["source"].fillna(""))[known < day.number]
    rows = rows.sort_values(["customer_id", "source", "reported_on", "_known"], kind="stable")
    alerts = []
    for (customer_id, source), reports in rows.groupby(["customer_id", "source"], sort=True):
        latest = reports.iloc[-1]
        if len(reports) < 2 or latest["_known"] < day.number - number["stands_days"]:
            continue
        found = _worsened(reports.iloc[-2], latest, number)
        if found:
            sentence, old, new = found
            evidence = [_report_row(reports.iloc[-2]), _report_row(latest)]
            customer = day.code(str(customer_id))
            alerts.append(
                day.alert("credit_report", customer, old, new, sentence, evidence, about=str(source) or None)
            )
    return alerts


def _worsened(before: pd.Series, now: pd.Series, number: Any) -> tuple[str, Any, Any] | None:
    """The sentence with the old and new figure, None where nothing worsened enough."""
    old, new = before["score"], now["score"]
    if pd.notna(old) and pd.notna(new) and old > 0:
        drop = (new - old) / old * (1 if number["higher_is_worse"] else -1)
        if drop >= number["least_drop"]:
            return f"The credit score went from {old:g} to {new:g}.", float(old), float(new)
    old, new = before["credit_limit"], now["credit_limit"]
    if pd.notna(old) and pd.notna(new) and old > 0 and (old - new) / old >= number["least_limit_cut"]:
        unit = str(now["currency"])
        said = [written_amount(int(limit), unit) for limit in (old, new)]
        return f"The recommended limit was cut from {said[0]} to {said[1]} {unit}.", said[0], said[1]
    return None


def _report_row(report: pd.Series) -> dict[str, Any]:
    limit, unit = report["credit_limit"], str(report["currency"])
    return {
        "reported_on": report["reported_on"].date().isoformat(),
        "source": str(report["source"]),
        "score": None if pd.isna(report["score"]) else float(report["score"]),
        "credit_limit": None if pd.isna(limit) else written_amount(int(limit), unit),
    }


def tier_alerts(day: Day) -> list[Alert]:
    """Customers whose tier is much worse than before; it stands until the tier is back at what it was."""
    rule = day.settings.of("tier_jump")
    if rule is None:
        return []
    rank = {tier: place for place, tier in enumerate(day.tier_order)}
    alerts = []
    for customer_id, (before, now) in sorted(day.tiers.items()):
        stood = day.previous.get(f"tier_jump:{customer_id}")
        old = stood.old if stood else before
        if old not in rank or now not in rank or (customer := day.code(customer_id)) < 0:
            continue
        if rank[now] - rank[old] >= (1 if stood else rule.numbers["steps"]):
            sentence = f"Its tier went from {old} to {now}: earlier help is due, not a harsher word."
            alerts.append(day.alert("tier_jump", customer, old, now, sentence))
    return alerts


def insolvency_alerts(day: Day) -> list[Alert]:
    """Customers flagged as insolvent that have open items."""
    if day.settings.of("insolvency") is None:
        return []
    alerts = []
    for customer_id in sorted(
        {str(row["customer_id"]) for row in day.flags if row.get("flag") == "insolvency"}
    ):
        customer = day.code(customer_id)
        if customer >= 0 and day.has_open[customer]:
            rows = day.rows_of(customer)
            rows = rows[day.state.is_open[rows]]
            sentence = (
                f"It is flagged as insolvent with {len(rows)} open invoices: ask the credit manager first."
            )
            evidence = [day.invoice_row(int(row)) for row in rows[:5]]
            alerts.append(day.alert("insolvency", customer, None, "insolvent", sentence, evidence))
    return alerts
