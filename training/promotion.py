"""From a ledger to a decision: train, hold against the champion, report, record, and take charge or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from features.lateness import LatenessRule
from features.ledger import Ledger
from training.comparison import Comparison
from training.contest import Incumbent
from training.contest_section import Contested
from training.documents import write_documents
from training.evaluation import Evaluation, verdict
from training.gates import GateResult, judge, outcome_of
from training.model import describe_signature
from training.model.judged import write_judged
from training.registry import Decision, Registry
from training.report import write_report
from training.settings import Settings
from training.train import Progress, Training, train


@dataclass(frozen=True)
class Candidate:
    """A trained model with the result of its gates, its report and what was decided."""

    training: Training
    gates: list[GateResult]
    decision: Decision
    reports: list[Path]
    documents: list[Path]
    """Model card and data sheet."""

    @property
    def outcome(self) -> str:
        """`promoted`, `not_passed`, or `open` where the evidence allows no decision yet."""
        return "promoted" if self.decision.promoted else outcome_of(self.gates)

    @property
    def evaluation(self) -> Evaluation | None:
        """The figures of the rehearsal, where one was possible."""
        return self.training.rehearsal.evaluation if self.training.rehearsal else None

    def as_dict(self) -> dict[str, Any]:
        """What happened, JSON-ready."""
        found, against = self.training, self.training.against
        return {
            "outcome": self.outcome,
            "model_version": found.model.version,
            "trained_on_facts_before": found.model.card["trained_on_facts_before"],
            "data_fingerprint": found.data_fingerprint,
            "horizons": found.model.card["horizons"],
            "rehearsal": self.evaluation.as_dict() if self.evaluation else None,
            "why_no_rehearsal": found.why_no_rehearsal or None,
            "comparison": against.as_dict() if isinstance(against, Comparison) else None,
            "verdict": self._verdict(),
            "gates": [vars(gate) for gate in self.gates],
            "promoted": self.decision.promoted,
            "why": self.decision.why,
            "warnings": found.oddities,
            "report": str(self.reports[0]) if self.reports else None,
            "model_card": str(self.documents[0]),
            "data_sheet": str(self.documents[1]),
            "model_folder": str(found.folder),
            "signature": describe_signature(found.folder),
        }

    def _verdict(self) -> str:
        if self.evaluation is None:
            return f"The model could not be judged before use: {self.training.why_no_rehearsal}."
        return verdict(self.evaluation)


def train_and_decide(
    ledger: Ledger,
    day: date,
    rule: LatenessRule,
    settings: Settings,
    home: Path,
    against: Incumbent | None,
    who: str,
    clock: Callable[[], datetime],
    progress: Progress,
) -> Candidate:
    """Train on what was known before a day, and put the model in charge if its gates hold.

    Raises ValueError where nothing has matured, and RegistryError where the result cannot be recorded or the
    champion changed meanwhile.
    """
    found = train(ledger, day, rule, settings, home, progress, against)
    evaluation = found.rehearsal.evaluation if found.rehearsal else None
    gates = judge(evaluation, settings.gates, found.against, found.latency)
    progress("recording")
    reports = _reports(found, gates, settings.gates.worst_segment_margin, home, day)
    before = against.model if against else None
    documents = write_documents(found, ledger, day, before, home / "reports")
    if (rehearsed := found.rehearsal) is not None:
        write_judged(home, found.model.version, rehearsed.scored, rehearsed.cut, rehearsed.until, day)
    registry = Registry(home, settings, clock)
    parameters = settings.training.model_dump() | {
        "as_of": day.isoformat(),
        "late_after_days": rule.late_after_days,
        "calendar_days": rule.calendar_days,
    }
    registry.log_training(found.model, evaluation, parameters, [*reports, *documents], found.data_fingerprint)
    judged_against = against.version if against else None
    decision = registry.promote_if(found.model.version, gates, who, judged_against)
    return Candidate(found, gates, decision, reports, documents)


def _reports(found: Training, gates: list[GateResult], margin: float, home: Path, day: date) -> list[Path]:
    if found.rehearsal is None:
        return []
    rehearsal = found.rehearsal
    context = {
        "model": found.model.version,
        "fitted on facts before": rehearsal.cut,
        "judged on invoices issued": f"{rehearsal.cut} to {rehearsal.until}",
        "outcomes known by": day,
    }
    told = [
        "The figures are of a rehearsal: the same recipe, fitted earlier, judged on what it had not seen."
    ]
    stem = home / "reports" / f"training-{found.model.version}"
    contested = Contested(gates, rehearsal.comparison, margin)
    page = write_report(
        rehearsal.evaluation, rehearsal.scored, stem, "Training rehearsal", told, context, contested
    )
    return list(page)
