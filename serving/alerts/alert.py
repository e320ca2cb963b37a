"""What is an alert, and which of today's alerts are new, stand since earlier, or are over?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

SEVERITIES = ("notice", "warning", "urgent")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Alert:
    """One cause that stands on a day. The same cause has the same `key` for as long as it stands."""

    key: str
    rule: str
    severity: str
    customer_id: str | None
    """None where it is about our own work and no one customer."""
    invoice_id: str | None
    old: Any
    """What the figure was before, JSON-ready; None where there was none."""
    new: Any
    sentence: str
    first_action: str
    evidence: tuple[Row, ...]
    """The rows that show it: ids, days, amounts and codes, never free text."""
    raised_on: date

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        said = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return said | {
            "evidence": [dict(row) for row in self.evidence],
            "raised_on": self.raised_on.isoformat(),
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Alert:
        """The alert of `as_dict`."""
        fields: dict[str, Any] = {name: said.get(name) for name in cls.__dataclass_fields__}
        evidence = tuple(dict(row) for row in said.get("evidence") or ())
        return cls(**fields | {"evidence": evidence, "raised_on": date.fromisoformat(str(said["raised_on"]))})


@dataclass(frozen=True)
class Changes:
    """What is different from the alerts that stood before."""

    raised: tuple[Alert, ...]
    standing: tuple[Alert, ...]
    closed: tuple[Alert, ...]


def changes(previous: Iterable[Alert], found: Iterable[Alert]) -> Changes:
    """The new ones, those that stand on (with the day they were raised), and those whose cause is gone."""
    before = {alert.key: alert for alert in previous}
    now = {alert.key: alert for alert in found}
    return Changes(
        tuple(alert for key, alert in now.items() if key not in before),
        tuple(replace(alert, raised_on=before[key].raised_on) for key, alert in now.items() if key in before),
        tuple(alert for key, alert in before.items() if key not in now),
    )
