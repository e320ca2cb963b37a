"""How is an evaluation handed to people: one page that opens anywhere, and its JSON twin?"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from training import charts
from training.chapters import Chapter
from training.comparisons import against_each, as_fine_decimal, compared_in_words, slices_shown, span
from training.contenders import WITHOUT
from training.contest_section import Contested, contest_section
from training.curves import curves
from training.evaluation import (
    Estimate,
    Evaluation,
    RowGroup,
    TargetEvaluation,
    as_decimal,
    as_percent,
    calibration_bins,
    capacity_curve,
    known_rows,
    model_title,
    models_of,
    signed,
    verdict,
)
from training.measures import HIGHER_IS_BETTER

MEASURE_ROWS = (
    ("roc_auc", "ROC AUC", as_decimal),
    ("average_precision", "Average precision", as_decimal),
    ("brier", "Brier score", as_fine_decimal),
    ("log_loss", "Log loss", as_fine_decimal),
    ("calibration_error", "Calibration error", as_decimal),
    ("mean_prediction", "Mean prediction", as_percent),
    ("precision_top_10", "Late in the top 10 %", as_percent),
    ("late_money_top_10", "Late money in the top 10 %", as_percent),
)


def write_report(
    evaluation: Evaluation,
    scored: pd.DataFrame,
    stem: Path | str,
    title: str,
    notes: Sequence[str] = (),
    context: Mapping[str, Any] | None = None,
    contested: Contested | None = None,
    chapters: Sequence[Chapter] = (),
) -> tuple[Path, Path]:
    """Write `<stem>.html` and `<stem>.json` and return their paths; a folder gets `evaluation.*` in it.

    `scored` is the frame that was evaluated. `context` is shown as given: what was judged, on which ledger,
    as of when; `contested` as the section on challenger and champion. `chapters` follow the horizons; the twin
    has each under its key. Same input, same bytes.
    """
    stem = Path(stem)
    stem = stem / "evaluation" if stem.is_dir() else stem
    stem.parent.mkdir(parents=True, exist_ok=True)
    html, twin = stem.with_name(stem.name + ".html"), stem.with_name(stem.name + ".json")
    sentence, facts = verdict(evaluation), {key: str(value) for key, value in (context or {}).items()}
    content = {"title": title, "verdict": sentence, "context": facts, "notes": list(notes)}
    whole = {**content, **evaluation.as_dict(), **(contested.as_dict() if contested else {})}
    whole["curves"] = {
        target: curves(scored, target, _models_shown(found), found.money_unit)
        for target, found in evaluation.targets.items()
    }
    whole |= {chapter.key: chapter.content for chapter in chapters}
    twin.write_text(json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
    sections = [
        _section(found, scored, target, evaluation.contenders) for target, found in evaluation.targets.items()
    ]
    contest = contest_section(contested) if contested else None
    page = _page().render(
        **content, evaluation=evaluation, sections=sections, contest=contest, chapters=chapters
    )
    html.write_text(page.replace(" %", "\N{NO-BREAK SPACE}%"), encoding="utf-8")
    return html, twin


def _page() -> Any:
    environment = Environment(
        loader=PackageLoader("training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"dict": dict}
    environment.filters |= {"decimal": as_decimal, "percent": as_percent, "model_title": model_title}
    return environment.get_template("evaluation.html")


def _section(
    found: TargetEvaluation, scored: pd.DataFrame, target: str, contenders: Collection[str]
) -> dict[str, Any]:
    rival = next(iter(found.against_best_baseline.values()), None)
    shown = ["model"] + ([rival.baseline] if rival else [])
    models = _models_shown(found)
    return {
        "target": target,
        "found": found,
        "models": models,
        "measures": [_measure_row(found.overall, models, *row) for row in MEASURE_ROWS],
        "differences": [
            _difference_row(found, *row[:2]) for row in MEASURE_ROWS if row[0] in found.against_best_baseline
        ],
        "against_each": against_each(found, [name for name in models if name != "model"]),
        "slices": slices_shown(found),
        "charts": _charts(known_rows(scored, target), found, target, shown, contenders)
        if found.overall.models
        else [],
    }


def _models_shown(found: TargetEvaluation) -> list[str]:
    return [name for name in found.overall.models if not name.startswith(WITHOUT)]


def _measure_row(
    group: RowGroup, models: Sequence[str], measure: str, title: str, form: Any
) -> dict[str, Any]:
    estimates = {model: group.models[model][measure] for model in models}
    return {
        "title": title,
        "cells": [
            {
                "value": form(cell.value),
                "interval": span(cell, form),
                "is_best": model == _best(estimates, measure),
            }
            for model, cell in estimates.items()
        ],
    }


def _best(estimates: Mapping[str, Estimate], measure: str) -> str | None:
    """The model with the best figure; nobody for a mean, which is not a competition."""
    sign = 1 if measure in HIGHER_IS_BETTER else -1
    values = {model: sign * cell.value for model, cell in estimates.items() if cell.value is not None}
    return max(values, key=lambda model: values[model]) if values and measure != "mean_prediction" else None


def _difference_row(found: TargetEvaluation, measure: str, title: str) -> dict[str, str | bool]:
    gain = found.against_best_baseline[measure]
    return {
        "title": title,
        "baseline": model_title(gain.baseline),
        "value": signed(gain.value),
        "interval": span(gain, signed),
        "words": compared_in_words(gain, measure),
    }


def _charts(
    rows: pd.DataFrame, found: TargetEvaluation, target: str, shown: list[str], contenders: Collection[str]
) -> list[Markup]:
    late = rows[f"outcome_{target}"]
    reliability = charts.new_figure(6.0, 4.3)
    bins = {model_title(model): calibration_bins(rows[f"{target}__{model}"], late) for model in shown}
    charts.reliability_diagram(reliability.subplots(), bins)
    drawn = [
        Markup(charts.figure_to_svg(reliability, "Share late against predicted share late, in ten groups"))
    ]
    one_unit = rows[rows["money_unit"] == found.money_unit]
    if (one_unit[f"outcome_{target}"] * one_unit["money_amount"].clip(lower=0)).sum() > 0:
        capacity = charts.new_figure(6.0, 4.3)
        charts.capacity_curve(capacity.subplots(), _capacity_curves(one_unit, target, shown, contenders))
        drawn.append(
            Markup(
                charts.figure_to_svg(capacity, "Share of late money caught by share of invoices contacted")
            )
        )
    return drawn


def _capacity_curves(
    rows: pd.DataFrame, target: str, first: list[str], contenders: Collection[str]
) -> dict[str, pd.DataFrame]:
    late, money = rows[f"outcome_{target}"], rows["money_amount"]
    others = [name for name in models_of(rows, target) if name not in first and name not in contenders]
    curves = {
        model_title(model): capacity_curve(rows[f"{target}__{model}"], late, money)
        for model in [*first, *others]
    }
    even = [0.0, 0.4, 1.0]
    return {
        **curves,
        "perfect": capacity_curve(late, late, money),
        "random": pd.DataFrame({"contacted": even, "caught": even}),
    }
