"""What should somebody do about it, and what comes first?

`act` is kept for what makes scores wrong today: performance that suffers, or data that are broken. Anything that
may become so is `watch`; what is merely different is `note`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

Severity = Literal["act", "watch", "note"]
Kind = Literal["data", "parity", "performance", "policy", "drift", "model"]
SEVERITIES: tuple[Severity, ...] = ("act", "watch", "note")
KINDS: tuple[Kind, ...] = ("data", "parity", "performance", "policy", "drift", "model")
"""Broken data come first: they explain most of what follows them."""


@dataclass(frozen=True)
class Alarm:
    """One finding that somebody should know of."""

    severity: Severity
    kind: Kind
    code: str
    """A stable snake_case name, for whoever counts alarms."""
    subject: str
    """The table, column, feature or model it is about."""
    sentence: str
    """What is so, with the figure and what is usual; without a full stop."""
    mend: str
    """What to do."""
    value: float | None = None
    reference: float | None = None
    since: date | None = None
    size: float = 0.0
    """How far beyond what is usual, in its own measure; ranks alarms of one severity and kind."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"since": None if self.since is None else self.since.isoformat()}


def ranked(alarms: Iterable[Alarm]) -> list[Alarm]:
    """The most urgent first."""
    return sorted(
        alarms,
        key=lambda alarm: (
            SEVERITIES.index(alarm.severity),
            KINDS.index(alarm.kind),
            -alarm.size,
            alarm.code,
            alarm.subject,
        ),
    )


def verdict(alarms: list[Alarm], summary: str) -> str:
    """One sentence that a credit manager would say aloud, of ranked alarms and of how the model does."""
    urgent = [alarm for alarm in alarms if alarm.severity == "act"]
    if urgent:
        first, others = urgent[0], len(urgent) - 1
        more = (
            f" ({others} more {'finding asks' if others == 1 else 'findings ask'} for action)"
            if others
            else ""
        )
        return f"Act: {first.sentence}{more}. {first.mend}"
    watched = [alarm for alarm in alarms if alarm.severity == "watch"]
    if watched:
        return f"Nothing to do today, but keep an eye on this: {watched[0].sentence}. {summary}"
    return f"All well. {summary}"
