"""How many alerts would these rules have raised? The days of a past period, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from features.days import day_number
from features.history import History
from serving.alerts import Alert, alerts_of, changes
from serving.alerts.rules import RULES, AlertSettings
from serving.kpis.books import Books


@dataclass(frozen=True)
class Rehearsal:
    """What was raised on the days of a period, by rule; what stood when it began is not counted."""

    days: int
    customers: int
    raised: dict[str, int]
    most_on_a_day: int

    def rate(self, raised: int) -> float:
        """Alerts per 1,000 customers and week."""
        return raised / self.days * 7 / max(self.customers, 1) * 1000


def rehearse(
    history: History,
    begin: date,
    end: date,
    settings: AlertSettings | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Rehearsal:
    """Alerts raised on the days [begin, end), each from what was known before it; without tiers and flags."""
    books, days = Books(history), (end - begin).days
    stood: list[Alert] = alerts_of(books, begin - timedelta(days=1), settings)
    raised: Counter[str] = Counter()
    most = 0
    for k in range(days):
        found = alerts_of(books, begin + timedelta(days=k), settings, previous=stood)
        new = changes(stood, found).raised
        raised.update(alert.rule for alert in new)
        most, stood = max(most, len(new)), found
        progress(k + 1, days)
    known = books.state(day_number(begin)).is_known
    customers = len(set(books.customer[known].tolist()))
    return Rehearsal(days, customers, {code: raised[code] for code in RULES if raised[code]}, most)
