"""What is there to say about a champion and its ledger as of a day? Everything found, in one place.

`Watch` works out once what does not depend on the day (features and predictions at issue, numbers per row); each
day is then a matter of sums, so that years can be replayed week by week.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from features.catalogue import CATALOGUE
from features.days import day_number, to_date
from features.history import History
from features.ledger import Ledger
from serving.monitoring import contacts, drift, performance
from serving.monitoring.alarms import Alarm, ranked, verdict
from serving.monitoring.arrivals import Arrivals, Weekly
from serving.monitoring.challenger import Shadow
from serving.monitoring.contacts import Band
from serving.monitoring.drift import Drift, Reference
from serving.monitoring.parity import Replay
from serving.monitoring.performance import Figures, Judged
from serving.monitoring.weeks import WEEK
from training.cohort import ask, issued_between
from training.model import RiskModel
from training.settings import MonitoringSettings

TARGET = "p_late"


@dataclass(frozen=True)
class Look:
    """What is seen on a day; `alarms` by urgency."""

    judged: Judged
    drift: Drift
    bands: list[Band]
    alarms: list[Alarm]


@dataclass(frozen=True)
class Findings:
    """All that was found as of a day; `alarms` by urgency, `sentence` is the verdict."""

    as_of: date
    model_version: str
    trained_before: date
    sentence: str
    alarms: list[Alarm]
    recent: Figures
    """Questions whose deadline passed in the recent weeks."""
    cohorts: list[Figures]
    open_invoices: int
    drift: Drift
    arrivals: list[Weekly]
    bands: list[Band]
    shadow: Shadow | None
    replay: Replay | None

    @property
    def must_act(self) -> bool:
        """Whether the verdict is that somebody must act."""
        return any(alarm.severity == "act" for alarm in self.alarms)


class Watch:
    """A champion on a ledger, ready to be looked at as of any day on or after `since`."""

    def __init__(
        self, ledger: Ledger, model: RiskModel, settings: MonitoringSettings, since: date | None = None
    ) -> None:
        self.ledger, self.model, self.settings = ledger, model, settings
        self.history = History(ledger, model.rule)
        self.arrivals = Arrivals(ledger, settings)
        self.reference = Reference(model)
        issued = self.history.invoices["issued_on"]
        first = to_date(issued.min()) if len(issued) else date.min
        last = to_date(issued.max() + 1) if len(issued) else date.min
        self.rows, self.as_of = issued_between(self.history, max(first, since or first), last)
        self.values = CATALOGUE.compute(self.history, self.rows, self.as_of)
        self.predicted = model.predict(self.values)[TARGET].to_numpy()

    @classmethod
    def for_day(cls, ledger: Ledger, model: RiskModel, settings: MonitoringSettings, day: date) -> Watch:
        """Of what was known before a day, no further back than its figures need."""
        known = ledger.known_before(day)
        return cls(known, model, settings, day - timedelta(weeks=settings.weeks_of_history + 26))

    @property
    def trained_before(self) -> date:
        """The model knows facts before this day."""
        return date.fromisoformat(self.model.card["trained_on_facts_before"])

    def judged(self, day: date) -> tuple[np.ndarray, Judged]:
        """Positions among `rows` of the questions asked before a day, and what was known of them on it."""
        seen = self.history.invoices["seen_on"][self.rows]
        asked = np.flatnonzero((seen < day_number(day)) & (self.as_of < day_number(day)))
        cohort = ask(self.history, self.rows[asked], self.as_of[asked], day)
        return asked, Judged(
            cohort.as_of,
            cohort.matures_on[TARGET],
            cohort.outcomes[TARGET],
            self.predicted[asked],
            cohort.customer,
        )

    def look(self, day: date) -> Look:
        """What there is to see and to say as of the start of a day, without the figures of the report."""
        number, settings = day_number(day), self.settings
        asked, everything = self.judged(day)
        judged = everything.where(everything.as_of >= day_number(self.trained_before))
        recent = asked[everything.as_of >= number - settings.drift_days]
        drifted = drift.drift(self.reference, self.values[recent], self.predicted[recent], number, settings)
        bands = contacts.of_judged(self.history, self.rows[asked], everything, number, settings)
        taken_up = list(contacts.alarms(bands, number, settings))
        performing = contacts.explained(list(performance.alarms(judged, number, settings)), taken_up)
        alarms = [
            *self.arrivals.alarms(number),
            *performing,
            *taken_up,
            *drift.alarms(drifted, settings),
            *self._about_the_model(day, judged),
        ]
        return Look(judged, drifted, bands, ranked(alarms))

    def findings(self, day: date, shadow: Shadow | None = None, replay: Replay | None = None) -> Findings:
        """Everything as of the start of a day."""
        number, settings, seen = day_number(day), self.settings, self.look(day)
        more = [*(replay.alarms() if replay else ()), *(shadow.alarms(settings) if shadow else ())]
        alarms = ranked([*seen.alarms, *more])
        passed = seen.judged.where(seen.judged.matures_on >= number - WEEK * settings.recent_weeks)
        recent = performance.figures(passed.matured, 0, number, settings)
        return Findings(
            day,
            self.model.version,
            self.trained_before,
            verdict(alarms, summary(seen.judged, recent, settings)),
            alarms,
            recent,
            performance.cohorts(seen.judged, number, settings),
            len(self.history.open_on(number)),
            seen.drift,
            self.arrivals.weekly(number),
            seen.bands,
            shadow,
            replay,
        )

    def _about_the_model(self, day: date, judged: Judged) -> Iterator[Alarm]:
        """Models that are old, or know more than the day allows, and ledgers that give nothing to judge."""
        age = (day - self.trained_before).days
        if age < 0:
            sentence = f"the model was trained on facts before {self.trained_before}, later than {day}"
            mend = "Good for a look back, not for judging the model: name a later day."
            yield Alarm("note", "model", "knows_the_future", "champion", sentence, mend, float(-age))
        elif age > self.settings.oldest_model_days:
            sentence = f"the model knows nothing since {self.trained_before}, {age} days ago"
            mend = "Retrain on the latest history."
            yield Alarm(
                "note", "model", "old_model", "champion", sentence, mend, float(age),
                float(self.settings.oldest_model_days), size=age / self.settings.oldest_model_days,
            )  # fmt: skip
        matured = len(judged.matured)
        if matured < self.settings.fewest_matured:
            sentence = (
                f"only {matured} outcomes have matured since the model was made; "
                f"{self.settings.fewest_matured} are needed to judge it"
            )
            mend = "Nothing: the figures come by themselves as deadlines pass."
            yield Alarm("note", "model", "nothing_matured", "champion", sentence, mend, float(matured))
        if not len(self.history.open_on(day_number(day))):
            sentence, mend = f"no invoice is open on {day}", "See whether the ledger reaches this day."
            yield Alarm("note", "model", "nothing_open", "ledger", sentence, mend)


def summary(judged: Judged, recent: Figures, settings: MonitoringSettings) -> str:
    """How the model does, in a sentence."""
    if len(judged.matured) < settings.fewest_matured:
        counted = f"{len(judged.matured)} of {settings.fewest_matured} needed"
        return f"Too few outcomes have matured to judge the model ({counted})."
    late, promised = recent.realised["late_rate"].value, recent.expected["late_rate"]
    if late is None or promised is None:
        return f"No deadline has passed in the last {settings.recent_weeks} weeks."
    doubt = ", which may still be chance" if abs(late - promised) > settings.tolerated_gap else ""
    return (
        f"Of {recent.matured:,} invoices that came to their deadline in the last {settings.recent_weeks} weeks "
        f"{late:.1%} were late; {promised:.1%} were predicted{doubt}."
    )


def as_dict(found: Findings) -> dict[str, Any]:
    """The JSON twin of the page; README.md says what the keys mean."""
    return {
        "as_of": found.as_of.isoformat(),
        "model_version": found.model_version,
        "trained_before": found.trained_before.isoformat(),
        "verdict": found.sentence,
        "must_act": found.must_act,
        "alarms": [alarm.as_dict() for alarm in found.alarms],
        "open_invoices": found.open_invoices,
        "recent": found.recent.as_dict(),
        "cohorts": [cohort.as_dict() for cohort in found.cohorts],
        "drift": found.drift.as_dict(),
        "arrivals": [_arrival(each) for each in found.arrivals],
        "contacts": [band.as_dict() for band in found.bands],
        "challenger": found.shadow.as_dict() if found.shadow else None,
        "parity": found.replay.as_dict() if found.replay else None,
    }


def _arrival(each: Weekly) -> dict[str, Any]:
    natural = [None if np.isnan(value) else each.measure.natural(float(value)) for value in each.values]
    return {
        "code": each.measure.code,
        "subject": each.measure.subject,
        "what": each.measure.says,
        "is_unusual": each.departure is not None,
        "weekly": natural,
    }
