"""How is a difference shown: against each other model, and in every slice?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from markupsafe import Markup

from training import charts
from training.evaluation import (
    COMPARED_WITH_EACH,
    MINIMUM_ROWS,
    Difference,
    Estimate,
    RowGroup,
    TargetEvaluation,
    as_decimal,
    as_percent,
    model_title,
    signed,
)
from training.forest import Line, forest
from training.measures import HIGHER_IS_BETTER

TITLES = {
    "roc_auc": "ROC AUC",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "precision_top_10": "Late in the top 10 %",
}
GROUPINGS = {
    "cold_start": "Is anything known of the customer?",
    "month": "Month of the score",
    "evidence": "Settled invoices of the customer: none, fewer than 5, fewer than 20, more",
    "customer_size": "Size of the customer",
    "terms": "Terms",
    "division": "Division",
    "country": "Country",
    "industry": "Industry",
    "debtor_type": "Type of debtor",
    "currency": "Currency",
}
COMPARED_IN_SLICES = "log_loss"
as_fine_decimal = partial(as_decimal, places=4)


def span(cell: Estimate | Difference, form: Callable[[float | None], str]) -> str:
    """The interval in words, empty where there is none."""
    return f"{form(cell.low)} to {form(cell.high)}" if cell.low is not None else ""


def compared_in_words(gain: Difference, measure: str) -> str:
    """`better`, `worse`, `within chance` where the interval holds zero, `no range` where there is none."""
    if gain.low is None or gain.high is None or gain.value is None:
        return "no range"
    if gain.low * gain.high <= 0:
        return "within chance"
    return "better" if (gain.value > 0) == (measure in HIGHER_IS_BETTER) else "worse"


def against_each(found: TargetEvaluation, others: Sequence[str]) -> dict[str, Any]:
    """The model minus every other, for a table; empty where nothing could be compared."""
    rows = [
        {
            "title": model_title(other),
            "cells": [
                _cell(found.against_each[other].get(measure), measure) for measure in COMPARED_WITH_EACH
            ],
        }
        for other in others
        if found.against_each.get(other)
    ]
    return {"columns": [TITLES[measure] for measure in COMPARED_WITH_EACH], "rows": rows} if rows else {}


def _cell(gain: Difference | None, measure: str) -> dict[str, str]:
    if gain is None:
        return {"value": "–", "interval": "", "words": "", "mark": ""}
    words = compared_in_words(gain, measure)
    return {"value": signed(gain.value), "interval": span(gain, signed), "words": words, "mark": words}


def slices_shown(found: TargetEvaluation) -> dict[str, Any]:
    """Every grouping with its slices and the small ones by name, and a chart of the differences."""
    best = found.against_best_baseline.get(COMPARED_IN_SLICES)
    groupings = [
        (GROUPINGS.get(name, name.replace("_", " ")), list(parts))
        for name, parts in groupby(found.slices, key=lambda part: part.grouping)
    ]
    return {
        "other": model_title(best.baseline) if best else "a simple rule",
        "groupings": [
            {
                "title": title,
                "slices": [_slice_row(part) for part in parts if part.models],
                "too_small": _too_small([part for part in parts if not part.models]),
            }
            for title, parts in groupings
        ],
        "chart": _slices_chart(groupings, model_title(best.baseline)) if best else None,
    }


def _too_small(parts: Sequence[RowGroup]) -> str:
    named = ", ".join(f"{part.name.replace('_', ' ')} ({part.rows})" for part in parts)
    return f"{named}; {MINIMUM_ROWS} scores are needed" if named else ""


def _slice_row(part: RowGroup) -> dict[str, Any]:
    own = part.models["model"]
    gain = part.against_best_baseline.get(COMPARED_IN_SLICES)
    compared = _cell(gain, COMPARED_IN_SLICES)
    # With hardly anybody late, whoever says less is better: no ground for a verdict.
    if part.reason or compared["words"] == "no range":
        compared |= {"words": "", "mark": ""}
    return {
        "name": part.name.replace("_", " "),
        "rows": part.rows,
        "late": part.late,
        "rate": part.rate,
        "cells": [
            _figure(own["mean_prediction"], as_percent),
            _figure(own["roc_auc"], as_decimal),
            _figure(own["brier"], as_fine_decimal),
            compared,
            _figure(own["precision_top_10"], as_percent),
        ],
    }


def _figure(cell: Estimate, form: Callable[[float | None], str]) -> dict[str, str]:
    return {"value": form(cell.value), "interval": span(cell, form), "words": "", "mark": ""}


def _slices_chart(groupings: Sequence[tuple[str, Sequence[RowGroup]]], other: str) -> Markup | None:
    groups = []
    for title, parts in groupings:
        gains = [(part, part.against_best_baseline.get(COMPARED_IN_SLICES)) for part in parts]
        lines = [
            Line(f"{part.name.replace('_', ' ')} ({part.rows:,})", gain.value, gain.low, gain.high)
            for part, gain in gains
            if gain is not None and gain.value is not None and gain.low is not None and not part.reason
        ]
        if lines:
            groups.append((title, lines))
    if not groups:
        return None
    figure = charts.new_figure(8.4, 1.3 + 0.26 * sum(len(lines) + 1.4 for _, lines in groups))
    title = f"Where is the model better than {other}?"
    forest(figure.subplots(), groups, title, "log loss per score, model minus rule: left is better")
    return Markup(charts.figure_to_svg(figure, "Difference in log loss by slice, with 90 % ranges"))
