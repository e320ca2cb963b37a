"""What do we owe the customer: a promise followed up, an invoice sent in time, a complaint answered?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.days import day_numbers, to_date
from features.ledger import written_amount
from serving.alerts.alert import Alert
from serving.alerts.day import Day
from serving.kpis.dialogue import judged_promises

SHOWN = 5
BROKEN = (2, 3)
"""Places of partially kept and broken promises among the statuses."""


def promise_alerts(day: Day) -> list[Alert]:
    """Promises broken or kept in part whose invoice is still open, one alert per promise and invoice."""
    rule = day.settings.of("broken_promise")
    if rule is None:
        return []
    grace_days = day.settings.promise_grace_days
    found = judged_promises(day.books, day.number, grace_days, day.cancelled_promises)
    broken = np.isin(found.status, BROKEN) & (found.deadline >= day.number - rule.numbers["stands_days"])
    broken &= day.state.is_open[found.invoice] & ~_replaced(found.invoice, found.made_on, found.deadline)
    alerts = []
    for place in np.flatnonzero(broken).tolist():
        row, unit = int(found.invoice[place]), str(day.books.unit[found.invoice[place]])
        promised, came = (written_amount(int(of[place]), unit) for of in (found.amount, found.came))
        promised_on = to_date(int(found.deadline[place]) - grace_days)
        part = f"{came} came" if found.came[place] > 0 else "nothing came"
        sentence = f"{promised} {unit} was promised by {promised_on}; {part}. We said we would follow up."
        evidence = [{"promise_id": str(found.promise_id[place]), "promised_on": promised_on.isoformat()}]
        about = f"{found.promise_id[place]}:{day.invoice_id(row)}"
        customer = int(day.books.customer[row])
        evidence.append(day.invoice_row(row))
        alerts.append(
            day.alert(
                "broken_promise", customer, promised, came, sentence, evidence, invoice=row, about=about
            )
        )
    return alerts


def _replaced(invoice: np.ndarray, made_on: np.ndarray, deadline: np.ndarray) -> np.ndarray:
    """Whether a later promise about the same invoice took each one's place."""
    latest = np.zeros(int(invoice.max(initial=-1)) + 1, np.int64)
    np.maximum.at(latest, invoice, made_on)
    return latest[invoice] > made_on


def sending_alerts(day: Day) -> list[Alert]:
    """Open invoices that have not left us, one alert per division; only where the ledger says when they leave."""
    rule = day.settings.of("invoice_not_sent")
    own, number = day.books.history.invoices, day.number
    if rule is None or not (own["sent_on"] < number).any():
        return []
    age = number - day.books.issued_on
    waiting = day.state.is_open & (own["sent_on"] >= number)
    waiting &= (age > rule.numbers["days"]) & (age <= rule.numbers["looks_back_days"])
    alerts = []
    for division in sorted(set(day.divisions[waiting].tolist())):
        rows = np.flatnonzero(waiting & (day.divisions == division))
        rows = rows[np.argsort(-day.books.amount[rows], kind="stable")]
        many = "1 invoice has" if len(rows) == 1 else f"{len(rows)} invoices have"
        sentence = (
            f"{many} not left us up to {int(age[rows].max())} days after issue: nobody pays in time what they have "
            "not seen. Send them, and offer a later due date."
        )
        evidence = [day.invoice_row(int(row)) for row in rows[:SHOWN]]
        alerts.append(
            day.alert("invoice_not_sent", None, 0, len(rows), sentence, evidence, about=division or "all")
        )
    return alerts


def lag_alerts(day: Day) -> list[Alert]:
    """Divisions that issue after delivery, or send after issue, later than they used to."""
    rule = day.settings.of("invoicing_lag")
    if rule is None:
        return []
    own, issued = day.books.history.invoices, day.books.issued_on
    steps = {
        "delivery to issue": (own["delivered_on"], issued - own["delivered_on"]),
        "issue to sending": (own["sent_on"], own["sent_on"] - issued),
    }
    division, alerts = day.divisions, []
    for name, (other, lag) in steps.items():
        for each in sorted(set(division.tolist())):
            known = day.state.is_known & (other < day.number) & (division == each)
            alerts += _lagging(day, name, str(each), issued[known], np.maximum(lag[known], 0), rule.numbers)
    return alerts


def _lagging(
    day: Day, step: str, division: str, issued: np.ndarray, lag: np.ndarray, number: Mapping[str, float]
) -> list[Alert]:
    begin = day.number - number["recent_days"]
    now, past = lag[issued >= begin], lag[(issued < begin) & (issued >= begin - number["past_days"])]
    if min(len(now), len(past)) < number["fewest_invoices"]:
        return []
    old, new = round(float(past.mean()), 2), round(float(now.mean()), 2)
    if new - old < number["least_rise_days"]:
        return []
    who = f"Division {division}" if division else "The company"
    sentence = (
        f"{who} takes {new:.1f} days from {step}, against {old:.1f} before: late invoices are paid late."
    )
    evidence = [{"division": division, "step": step, "invoices": len(now), "before": len(past)}]
    return [day.alert("invoicing_lag", None, old, new, sentence, evidence, about=f"{step}:{division}")]


def complaint_alerts(day: Day) -> list[Alert]:
    """Complaints open for days without an outgoing contact since."""
    rule = day.settings.of("unanswered_complaint")
    if rule is None:
        return []
    table = day.books.history.tables["complaints"]
    opened, closed, known = (day_numbers(table[name]) for name in ("opened_on", "closed_on", "known_on"))
    customer = day.books.history.customer_codes(table["customer_id"])
    is_open = (
        (np.maximum(opened, known) < day.number) & ~(np.maximum(closed, known) < day.number) & (customer >= 0)
    )
    talks = day.books.talks(day.number)
    alerts = []
    for place in np.flatnonzero(is_open & (opened <= day.number - rule.numbers["days"])).tolist():
        spoken = talks.is_outgoing & (talks.customer == customer[place]) & (talks.on >= opened[place])
        if spoken.any():
            continue
        days, complaint = day.number - int(opened[place]), str(table["complaint_id"].iat[place])
        since = to_date(int(opened[place]))
        sentence = (
            f"Its complaint of {since} has no answer after {days} days. Answer before asking for money."
        )
        evidence = [{"complaint_id": complaint, "opened_on": since.isoformat()}]
        alerts.append(
            day.alert(
                "unanswered_complaint",
                int(customer[place]),
                None,
                "open",
                sentence,
                evidence,
                about=complaint,
            )
        )
    return alerts
