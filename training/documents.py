"""What is written down about a training for those who answer for it: the whole model card and the data sheet.

Both are made of figures alone, from the model, its rehearsal and the ledger as known on the day: the same
training gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from features.ledger import Ledger
from training.datasheet import data_sheet
from training.evaluation import (
    Estimate,
    Evaluation,
    RowGroup,
    TargetEvaluation,
    as_decimal,
    as_percent,
    calibration_bins,
    known_rows,
    model_title,
    verdict,
)
from training.model import RiskModel
from training.model.card import model_card, table
from training.train import Rehearsal, Training

GROUPS = 5
"""Rows of the calibration table."""
FEWEST_LATE_OF_A_SLICE = 10
"""A slice with fewer late invoices is never called the worst: its gap may well be chance."""
FIGURES = (
    ("roc_auc", "AUC", as_decimal),
    ("brier", "Brier", lambda value: as_decimal(value, 4)),
    ("log_loss", "log loss", lambda value: as_decimal(value, 4)),
    ("calibration_error", "calibration error", as_decimal),
    ("precision_top_10", "late in the top 10 %", as_percent),
    ("mean_prediction", "mean prediction", as_percent),
)


def write_documents(
    found: Training, ledger: Ledger, cut: date, before: RiskModel | None, folder: Path
) -> list[Path]:
    """Write `model-card-VERSION.md` and `data-sheet-VERSION.md` into a folder and return their paths.

    `before` is the model that was in charge, for the change log.
    """
    version = found.model.version
    outcomes = outcomes_analysis(found.rehearsal, found.why_no_rehearsal, cut)
    texts = {
        f"model-card-{version}.md": model_card(found.model.card, outcomes, change_log(found.model, before)),
        f"data-sheet-{version}.md": data_sheet(ledger, cut, found.oddities),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def outcomes_analysis(rehearsal: Rehearsal | None, why_not: str, cut: date) -> list[str]:
    """How the recipe did on invoices it had not seen: beside the simple rules, by groups, and where worst."""
    if rehearsal is None:
        return [f"The model could not be judged before use: {why_not}."]
    lines = [
        f"The same recipe, fitted on facts before {rehearsal.cut}, judged at issue on the invoices issued from then",
        f"to {rehearsal.until} of which the outcome was known by {cut}. In brackets: the middle 90 % when customers",
        "are drawn again and again.",
    ]
    for target, judged in rehearsal.evaluation.targets.items():
        lines += ["", f"### `{target}`: more than {judged.late_after_days} days late", *_figures(judged)]
    return [*lines, *_groups(rehearsal), *_worst(rehearsal.evaluation), "", verdict(rehearsal.evaluation)]


def _figures(judged: TargetEvaluation) -> list[str]:
    group = judged.overall
    counted = f"{group.rows:,} invoices of {judged.customers:,} customers, {group.late:,} of them late."
    if not group.models:
        return [f"{counted} Too little evidence: {group.reason}."]
    rows = [
        (_title(model), *(_said(measures[name], form) for name, _, form in FIGURES))
        for model, measures in group.models.items()
    ]
    short = [f"Too little evidence for an order: {group.reason}."] if group.reason else []
    return [counted, *short, "", *table(["", *(name for _, name, _ in FIGURES)], rows)]


def _title(model: str) -> str:
    return f"**{model_title(model)}**" if model == "model" else model_title(model)


def _said(found: Estimate, form: Any) -> str:
    if found.low is None or found.high is None:
        return form(found.value)
    return f"{form(found.value)} ({form(found.low)} to {form(found.high)})"


def _groups(rehearsal: Rehearsal) -> list[str]:
    """Predicted beside actual in groups of equal count, of the first horizon."""
    target, judged = next(iter(rehearsal.evaluation.targets.items()))
    if not judged.overall.models:
        return []
    rows = known_rows(rehearsal.scored, target)
    bins = calibration_bins(rows[f"{target}__model"], rows[f"outcome_{target}"], GROUPS)
    cells = [
        (f"{count:,.0f}", as_percent(predicted), as_percent(observed))
        for count, predicted, observed in bins.itertuples(index=False)
    ]
    header = ("invoices", "predicted late", "were late")
    return [
        "",
        f"Calibration of `{target}`, from the lowest predictions to the highest:",
        "",
        *table(header, cells),
    ]


def _worst(evaluation: Evaluation) -> list[str]:
    """The slice in which the first horizon is furthest from right on average."""
    judged = next(iter(evaluation.targets.values()))
    slices = [(gap, group) for group in judged.slices if (gap := _gap(group)) is not None]
    if not slices:
        return []
    gap, group = max(slices, key=lambda found: abs(found[0]))
    where = f"{grouping}: {group.name}" if (grouping := getattr(group, "grouping", "")) else group.name
    high = "high" if gap > 0 else "low"
    return [
        "",
        f"Worst slice: {where}, where its mean prediction was {as_percent(abs(gap))[:-2]} points too {high} "
        f"({group.rows:,} invoices, {as_percent(group.rate)} late).",
    ]


def _gap(group: RowGroup) -> float | None:
    own = group.models.get("model")
    if own is None or min(group.late, group.rows - group.late) < FEWEST_LATE_OF_A_SLICE:
        return None
    return own["bias"].value


def change_log(model: RiskModel, before: RiskModel | None) -> list[str]:
    """What is different from the model that was in charge: data, target, features, settings, horizons."""
    day = model.card["trained_on_facts_before"]
    if before is None:
        return [f"The first model: trained on facts before {day}."]
    if before.version == model.version:
        return [
            f"It is the model in charge itself, {model.version}: the same content gives the same version."
        ]
    changes = list(_changes(before, model))
    header = ("what", f"{before.version}", f"{model.version}")
    return [
        f"It follows {before.version}, which was in charge when it was trained.",
        "",
        *table(header, changes),
    ]


def _changes(old: RiskModel, new: RiskModel) -> Iterator[tuple[str, object, object]]:
    yield "facts before", old.card["trained_on_facts_before"], new.card["trained_on_facts_before"]
    for key in ("late_after_days", "calendar_days", "feature_fingerprint"):
        if old.card[key] != new.card[key]:
            yield key.replace("_", " "), old.card[key], new.card[key]
    gone, added = (
        sorted(set(a) - set(b)) for a, b in ((old.reference, new.reference), (new.reference, old.reference))
    )
    if gone or added:
        yield "features only here", ", ".join(gone), ", ".join(added)
    was, now = _flat(old.card["settings"]), _flat(new.card["settings"])
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key):
            yield f"setting {key}", was.get(key), now.get(key)
    for target, row in new.card["horizons"].items():
        former = old.card["horizons"].get(target, {})
        for key in ("kind", "invoices", "late_invoices", "late_rate"):
            if former.get(key) != row[key]:
                yield f"{target}: {key.replace('_', ' ')}", _told(former.get(key)), _told(row[key])


def _told(value: object) -> object:
    """A rate as a share, a count with its thousands."""
    if isinstance(value, float):
        return as_percent(value)
    return f"{value:,}" if isinstance(value, int) else value


def _flat(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat
