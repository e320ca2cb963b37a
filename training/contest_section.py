"""How is the contest of challenger and champion told on the report's page?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from training import charts
from training.comparison import FEWEST_ROWS, Comparison, Group, Paired
from training.evaluation import as_decimal, as_percent, signed
from training.gates import GateResult, group_title, headline, outcome_of
from training.measures import HIGHER_IS_BETTER

TITLES = {
    "log_loss": "Log loss",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
    "late_money_top_10": "Late money in the top 10 %",
    "roc_auc": "ROC AUC",
}
OPENINGS = {
    "promoted": "The {} may take charge.",
    "open": "No decision yet.",
    "not_passed": "The {} did not pass.",
}


@dataclass(frozen=True)
class Contested:
    """The gates of a model, and its comparison with the champion where there was one; `margin` of its groups."""

    gates: Sequence[GateResult]
    comparison: Comparison | None
    margin: float

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values."""
        found = self.comparison
        return {
            "gates": [asdict(gate) for gate in self.gates],
            "comparison": None if found is None else found.as_dict(),
        }


def contest_section(contested: Contested) -> dict[str, Any]:
    """What the template `contest.html` shows."""
    found, outcome = contested.comparison, outcome_of(contested.gates)
    answers = [
        {"answer": "holds" if gate.ok else "open" if gate.is_open else "missed", "sentence": gate.sentence}
        for gate in contested.gates
    ]
    section: dict[str, Any] = {"gates": answers, "measures": [], "groups": [], "is_same": False}
    who = "model" if found is None else "challenger"
    section["title"] = "Does it hold the gates?" if found is None else "Challenger and champion"
    section["sentence"] = f"{OPENINGS[outcome].format(who)} {headline(contested.gates)}"
    if found is None:
        return section
    groups = [*found.months, *found.segments]
    return section | {
        "rows": found.rows,
        "customers": found.customers,
        "is_same": found.is_same,
        "resamples": found.resamples,
        "fewest_rows": FEWEST_ROWS,
        "measures": [
            {
                "title": title,
                **_cells(found.measures[name], name in HIGHER_IS_BETTER, name == "late_money_top_10"),
            }
            for name, title in TITLES.items()
            if name in found.measures
        ],
        "groups": [
            {"title": group_title(group), "rows": group.rows, "late": group.late, **_cells(group.log_loss)}
            for group in groups
        ],
        "chart": _chart(groups, contested.margin) if groups and not found.is_same else None,
    }


def _cells(paired: Paired, is_higher_better: bool = False, in_percent: bool = False) -> dict[str, str]:
    form = as_percent if in_percent else lambda value: as_decimal(value, 4)
    bounds = f"{signed(paired.low)} to {signed(paired.high)}" if paired.low is not None else "–"
    return {
        "challenger": form(paired.challenger),
        "champion": form(paired.champion),
        "difference": signed(paired.difference),
        "bounds": bounds,
        "words": _words(paired, is_higher_better),
    }


def _words(paired: Paired, is_higher_better: bool) -> str:
    if paired.low is None or paired.high is None:
        return "too few customers"
    if paired.low == paired.high == 0:
        return "the same"
    if paired.low <= 0 <= paired.high:
        return "within chance"
    return "better" if (paired.low > 0) == is_higher_better else "worse"


def _chart(groups: Sequence[Group], margin: float) -> Markup:
    """The groups as shares of the champion's log loss, the worst first."""
    rows: list[tuple[str, float, float, float]] = []
    for group in groups:
        paired, whole = group.log_loss, group.log_loss.champion or 1.0
        value, low, high = ((each or 0.0) / whole for each in (paired.difference, paired.low, paired.high))
        rows.append((group_title(group), value, low, high))
    rows.sort(key=lambda row: -row[1])
    figure = charts.new_figure(8.0, 1.5 + 0.27 * len(rows))
    charts.differences(figure.subplots(), rows, margin)
    return Markup(
        charts.figure_to_svg(figure, "Difference in log loss by month and segment, with joint bounds")
    )
