"""Against whom must a new model hold, on which days, and has enough matured there to decide?

Both must know only facts before the same day, or the comparison is of ages and not of models. So the questions
are those issued since the champion was trained, and the recipe is rehearsed as of their first day. Where the
recipe has not changed since, the rehearsed challenger then *is* the champion, and the comparison says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from features.history import History
from features.lateness import LatenessRule
from training.backtest import mostly_matured
from training.champion import NoChampion, champion_folder, read_champion
from training.cohort import ask, issued_between
from training.gates import NotCompared
from training.model import ArtefactError, RiskModel, load_model
from training.settings import Gates, Settings


@dataclass(frozen=True)
class Incumbent:
    """The model in charge; `model` is None where it cannot be loaded, and `why_not` says why."""

    version: str
    model: RiskModel | None
    why_not: str = ""


def trained_before(model: RiskModel) -> date:
    """A model knows facts before this day."""
    return date.fromisoformat(model.card["trained_on_facts_before"])


def incumbent(home: Path) -> Incumbent | None:
    """The champion of a home, None where there is none yet."""
    version = "unknown"
    try:
        pointed_at = read_champion(home)
        if pointed_at is None:
            return None
        version = pointed_at.version
        return Incumbent(version, load_model(champion_folder(home)))
    except (NoChampion, ArtefactError) as error:
        return Incumbent(version, None, str(error))


@dataclass(frozen=True)
class Evidence:
    """What has matured of the questions at issue in [begin, end), which all came after the champion was trained."""

    begin: date
    end: date
    late: int
    prompt: int
    customers: int

    def is_enough(self, gates: Gates) -> bool:
        """Whether a comparison on it may decide."""
        return (
            self.late >= gates.fewest_late_to_compare
            and self.prompt >= gates.fewest_prompt_to_compare
            and self.customers >= gates.fewest_customers_to_compare
        )

    def sentence(self, gates: Gates) -> str:
        """What there is and what is needed."""
        if self.begin == self.end:
            early = f"no invoice issued since the champion was trained on facts before {self.begin}"
            return f"Not enough new evidence yet: {early} has had time to mature."
        least = (
            gates.fewest_late_to_compare,
            gates.fewest_prompt_to_compare,
            gates.fewest_customers_to_compare,
        )
        return (
            f"Not enough new evidence yet: of the invoices issued since the champion was trained "
            f"({self.begin} to {self.end}), {self.late:,} late and {self.prompt:,} prompt ones of "
            f"{self.customers:,} customers are known, and it takes {least[0]}, {least[1]} and {least[2]}."
        )


def rehearsal_window(history: History, cut: date, settings: Settings) -> tuple[date, date]:
    """The days [begin, end) whose questions are held out: the latest that have mostly matured by `cut`."""
    end = mostly_matured(history, cut)
    return end - timedelta(days=settings.training.rehearsal_days), end


@dataclass(frozen=True)
class Contest:
    """The held-out days [begin, end) of a rehearsal, and the champion to compare with there, or why there is none."""

    begin: date
    end: date
    champion: RiskModel | None
    why_not: NotCompared | None


def contest(history: History, cut: date, settings: Settings, against: Incumbent | None) -> Contest:
    """Where and against whom a model of everything known before `cut` is judged."""
    begin, end = rehearsal_window(history, cut, settings)
    if against is None:
        return Contest(begin, end, None, NotCompared("There is no champion to compare it with.", ok=True))
    if against.model is None:
        said = f"The champion cannot be asked, so the simple rules decide alone: {against.why_not}."
        return Contest(begin, end, None, NotCompared(said, ok=True))
    if against.model.rule != history.rule:
        # Not a comparison but a question for a person: what people are told would change its meaning.
        said = (
            f"It predicts invoices {_target(history.rule)}, the champion {_target(against.model.rule)}: models of "
            "different targets are not compared, and a person decides between them (`duecourse models`)."
        )
        return Contest(begin, end, None, NotCompared(said))
    found = evidence_since(history, cut, settings, against.model)
    if not found.is_enough(settings.gates):
        return Contest(begin, end, None, NotCompared(found.sentence(settings.gates), is_open=True))
    return Contest(found.begin, end, against.model, None)


def evidence_since(history: History, cut: date, settings: Settings, champion: RiskModel) -> Evidence:
    """What has matured by `cut` of the held-out questions that were asked since the champion was trained."""
    begin, end = rehearsal_window(history, cut, settings)
    begin = max(begin, trained_before(champion))
    end = max(begin, end)
    cohort = ask(history, *issued_between(history, begin, end), cut)
    late = cohort.outcomes["p_late"]
    customers = len(np.unique(cohort.customer[~np.isnan(late)]))
    return Evidence(begin, end, int((late == 1).sum()), int((late == 0).sum()), customers)


def _target(rule: LatenessRule) -> str:
    days = "counted from the printed due date" if rule.calendar_days else "counted from a working day"
    return f"more than {rule.late_after_days} days late {days}"
