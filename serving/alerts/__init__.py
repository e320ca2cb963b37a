"""What has changed that somebody should look at today? Rules as data; the same cause raises one alert.

An alert stands as long as its cause does and is over when the cause is gone. `alerts_of` keeps nothing: what stood
before is passed in (serving/alerts/keeping.py keeps it at the desk).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from features.days import day_number
from features.history import History
from serving.alerts.alert import SEVERITIES, Alert, Changes, changes
from serving.alerts.rules import RULES, AlertSettings, default_settings
from serving.kpis.books import Books

__all__ = [
    "RULES",
    "SEVERITIES",
    "Alert",
    "AlertSettings",
    "Changes",
    "alerts_of",
    "changes",
    "default_settings",
]


def alerts_of(
    history: History | Books,
    day: date,
    settings: AlertSettings | None = None,
    *,
    previous: Iterable[Alert] = (),
    tiers: Mapping[str, tuple[str | None, str]] | None = None,
    tier_order: Sequence[str] = (),
    flags: Iterable[Mapping[str, Any]] = (),
    cancelled_promises: frozenset[str] = frozenset(),
) -> list[Alert]:
    """The alerts whose cause stands at the start of a day, gravest first; nothing known on or after it counts.

    `previous` are the alerts that stood before: thresholds to end an alert may differ from those to raise it.
    `tiers` gives each customer's tier before and now, `tier_order` the tiers from best to worst; `flags` what
    the desk keeps of customers (customer_id, flag).
    """
    from serving.alerts import behaviour, credit, service
    from serving.alerts.day import Day

    books = history if isinstance(history, Books) else Books(history)
    stood = {alert.key: alert for alert in previous}
    on = Day(
        books,
        day_number(day),
        settings or default_settings(),
        stood,
        tiers or {},
        tuple(tier_order),
        tuple(flags),
        cancelled_promises,
    )
    found = [*credit.insolvency_alerts(on), *behaviour.behaviour_changes(on)]
    for rule in (behaviour.slower_payers, behaviour.first_late_payments):
        found += rule(on, {alert.customer_id for alert in found})
    for more in (
        service.promise_alerts,
        credit.limit_alerts,
        credit.report_alerts,
        credit.tier_alerts,
        service.sending_alerts,
        service.lag_alerts,
        service.complaint_alerts,
    ):
        found += more(on)
    compared = changes(stood.values(), found)
    return sorted(
        [*compared.raised, *compared.standing],
        key=lambda a: (-SEVERITIES.index(a.severity), list(RULES).index(a.rule), a.key),
    )
