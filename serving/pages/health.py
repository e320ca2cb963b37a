"""What do the files that training and watching leave behind say of a model? Read as they are; nothing is judged here.

`reports/training-VERSION.json` (how the recipe did on invoices it had not seen), `monitoring/monitoring.json` (the last
watch), `models/moves.json` (who was in charge when). A file that is missing or cannot be read says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from serving.languages import gettext
from serving.languages.formats import chance, decimal, number
from serving.pages.rendering import words
from training.champion import NoChampion, read_moves, read_pointer

MEASURES = (
    ("roc_auc", "Tells late from prompt (AUC)", 3, True),
    ("brier", "Brier score", 4, False),
    ("log_loss", "Log loss", 4, False),
    ("calibration_error", "Calibration error", 3, False),
    ("precision_top_10", "Late in the top tenth", None, True),
    ("late_money_top_10", "Late money in the top tenth", None, True),
)
"""Measure, title, digits (None: percent), whether more is better."""
TITLES = {
    "model": "this model",
    "champion": "the champion before",
    "customer_rate": "each customer’s own late rate",
    "ageing": "the ageing rule",
    "logistic": "logistic regression",
}
FEWEST_OF_EACH = 10
"""Of a month or segment with fewer late or prompt invoices nobody says that it is the worst."""
GROUPINGS = (
    ("evidence", "Evidence"),
    ("customer_size", "Size"),
    ("terms", "Terms"),
    ("division", "Division"),
    ("country", "Country"),
    ("industry", "Industry"),
    ("debtor_type", "Kind of customer"),
    ("currency", "Currency"),
)
MOST_MOVES = 20
MOST_FEATURES = 8
LARGE_SHIFT, SOME_SHIFT = 0.25, 0.1
"""Population stability indices above which a distribution is said to have moved."""


def read(home: Path, *parts: str) -> dict[str, Any] | None:
    """A JSON file of a home."""
    try:
        told = json.loads(home.joinpath(*parts).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def report_of(home: Path, version: str) -> dict[str, Any] | None:
    """The report of a training."""
    found = read(home, "reports", f"training-{version}.json")
    return found if found and found.get("targets") else None


def last_watch(home: Path) -> dict[str, Any] | None:
    """What the last watch found."""
    return read(home, "monitoring", "monitoring.json")


def titled(model: str) -> str:
    """A model's name as people say it."""
    return gettext(TITLES[model]) if model in TITLES else words(model)


def rehearsed(report: Mapping[str, Any], target: str, by: str, month: str) -> dict[str, Any]:
    """How one horizon did: beside the simple rules, by month and by segment, and its curves."""
    judged = report["targets"][target]
    best = judged["against_best_baseline"].get("roc_auc", {}).get("baseline")
    groups = [
        (name, gettext(title))
        for name, title in GROUPINGS
        if any(s["grouping"] == name for s in judged["slices"])
    ]
    by = by if by in dict(groups) else next((name for name, _ in groups), "")
    months = _slices(judged["slices"], "month")
    return {
        "target": target,
        "context": report["context"],
        "verdict": report["verdict"],
        "rows": judged["overall"]["rows"],
        "late": judged["overall"]["late"],
        "customers": judged["customers"],
        "why_not": judged["overall"]["reason"],
        "models": [{"name": name, "title": titled(name)} for name in judged["overall"]["models"]],
        "measures": list(_measures(judged)),
        "best_rule": titled(best) if best else None,
        "months": months,
        "worst_month": next((row["name"] for row in months if row["is_worst"]), None),
        "by": by,
        "groupings": groups,
        "segments": _slices(judged["slices"], by),
        "curves": _curves(report.get("curves", {}).get(target), best, month),
    }


def _measures(judged: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    models = judged["overall"]["models"]
    for name, title, digits, more_is_better in MEASURES:
        values = {model: found[name]["value"] for model, found in models.items() if name in found}
        known = {model: value for model, value in values.items() if value is not None}
        if not known:
            continue
        gain = judged["against_best_baseline"].get(name)
        yield {
            "name": name,
            "title": gettext(title),
            "best": (max if more_is_better else min)(known, key=lambda model: known[model]),
            "cells": [_estimate(found.get(name, {}), digits) for found in models.values()],
            "words": _in_words(gain, more_is_better) if gain else "",
        }


def _estimate(found: Mapping[str, Any], digits: int | None) -> dict[str, Any]:
    def said(value: Any) -> str:
        return chance(value) if digits is None else decimal(value, digits)

    span = ""
    if found.get("low") is not None:
        span = gettext("%(low)s to %(high)s") % {"low": said(found["low"]), "high": said(found["high"])}
    return {**found, "text": said(found.get("value")), "span": span}


def _in_words(gain: Mapping[str, Any], more_is_better: bool) -> str:
    if gain["low"] is None or gain["high"] is None:
        return gettext("too few customers to be sure")
    if gain["low"] <= 0 <= gain["high"]:
        return gettext("no better than the best simple rule, within chance")
    is_better = (gain["low"] > 0) == more_is_better
    return (
        gettext("better than the best simple rule")
        if is_better
        else gettext("worse than the best simple rule")
    )


def _slices(slices: Sequence[Mapping[str, Any]], grouping: str) -> list[dict[str, Any]]:
    """The parts of a grouping: what was predicted and what came, and which of them is furthest off."""
    rows = [_slice(each) for each in slices if each["grouping"] == grouping]
    sure = [row for row in rows if row["value"] is not None and row["fewest"] >= FEWEST_OF_EACH]
    if len(sure) > 1:
        max(sure, key=lambda row: abs(row["value"]))["is_worst"] = True
    return rows


def _slice(found: Mapping[str, Any]) -> dict[str, Any]:
    own = found["models"].get("model", {})
    bias, mean, auc = (own.get(name, {}) for name in ("bias", "mean_prediction", "roc_auc"))
    text = gettext("%(predicted)s predicted, %(late)s late, of %(rows)s")
    told = {
        "predicted": chance(mean.get("value")),
        "late": chance(found["rate"]),
        "rows": number(found["rows"]),
    }
    gain = found["against_best_baseline"].get("roc_auc")
    return {
        "name": found["name"],
        "label": words(found["name"]),
        "rows": found["rows"],
        "late": found["late"],
        "rate": found["rate"],
        "predicted": mean.get("value"),
        "fewest": min(found["late"], found["rows"] - found["late"]),
        **{end: bias.get(end) for end in ("value", "low", "high")},
        "is_chance": None if bias.get("low") is None else bias["low"] <= 0 <= bias["high"],
        "auc": _estimate(auc, 3),
        "against_rule": _in_words(gain, True) if gain else "",
        "text": text % told,
        "is_worst": False,
    }


def _curves(told: Mapping[str, Any] | None, best: str | None, month: str) -> dict[str, Any] | None:
    """What the charts draw; None of a report that was written before curves were kept."""
    if not told or not told["calibration"]:
        return None
    months = sorted(told["calibration_by_month"])
    month = month if month in months else ""
    bins = {"model": told["calibration_by_month"][month]} if month else told["calibration"]
    kinds = {"model": "model", best: "second"}
    shown = [name for name in ("model", best) if name in bins]
    right = {"label": gettext("exactly right"), "kind": "right", "points": [(0.0, 0.0), (1.0, 1.0)]}
    calibration = [_calibration(name, bins[name], str(kinds[name])) for name in shown]
    return {
        "months": months,
        "month": month,
        "calibration": [right, *calibration],
        "money": _capacity(told["capacity"], "money_caught", best, with_perfect=True),
        "found": _capacity(told["capacity"], "late_among_listed", best, with_perfect=False),
        "list": [row for row in told["capacity"]["model"] if row["listed"] in (0.05, 0.1, 0.2, 0.3, 0.5)],
    }


def _calibration(name: str | None, bins: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    text = gettext("%(predicted)s predicted, %(late)s late, of %(rows)s")
    dots = [
        text
        % {
            "predicted": chance(one["predicted"]),
            "late": chance(one["observed"]),
            "rows": number(one["rows"]),
        }
        for one in bins
    ]
    points = [(one["predicted"], one["observed"]) for one in bins]
    return {"label": titled(name or ""), "kind": kind, "points": points, "dots": dots}


def _capacity(
    told: Mapping[str, Any], what: str, best: str | None, with_perfect: bool
) -> list[dict[str, Any]]:
    shown = [("model", "model", titled("model"))] + ([(best, "second", titled(best))] if best else [])
    if with_perfect:
        shown += [("perfect", "perfect", gettext("knowing the future"))]
    lines = [
        {
            "label": label,
            "kind": kind,
            "points": [(row["listed"], row[what]) for row in told[name] if row[what] is not None],
        }
        for name, kind, label in shown
        if name in told
    ]
    return [line for line in lines if line["points"]]


def watched(found: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The last watch, as it was written: of which model and day, its findings, and week by week what came true."""
    weeks = [_week(each) for each in found["cohorts"] if each["matured"]]
    sure = [row for row in weeks if row["fewest"] >= FEWEST_OF_EACH and row["value"] is not None]
    if len(sure) > 1:
        max(sure, key=lambda row: abs(row["value"]))["is_worst"] = True
    drift = found["drift"]
    return {
        "as_of": found["as_of"],
        "model_version": found["model_version"],
        "is_of_this": found["model_version"] == version,
        "verdict": found["verdict"],
        "must_act": found["must_act"],
        "alarms": found["alarms"],
        "weeks": weeks,
        "waiting": sum(each["asked"] - each["matured"] for each in found["cohorts"]),
        "drift": {
            "score": drift["score"],
            "moved": _moved(drift["score"]),
            "rows": drift["rows"],
            "begins": drift["begins"],
            "reason": drift["reason"],
            "features": [
                {**each, "moved": _moved(each["distance"])} for each in drift["features"][:MOST_FEATURES]
            ],
        },
        "challenger": found["challenger"],
        "parity": found["parity"],
    }


def _week(found: Mapping[str, Any]) -> dict[str, Any]:
    """Of the questions of a week that have matured: predicted less what came, with its range."""
    expected, came = found["expected"]["late_rate"], found["realised"]["late_rate"]
    text = gettext("%(predicted)s predicted, %(late)s late, of %(rows)s")
    told = {"predicted": chance(expected), "late": chance(came["value"]), "rows": number(found["matured"])}
    is_known = expected is not None and came["value"] is not None
    has_range = is_known and came["low"] is not None
    return {
        "name": found["begins"],
        "label": found["begins"],
        "rows": found["matured"],
        "late": found["late"],
        "fewest": min(found["late"], found["matured"] - found["late"]),
        "value": expected - came["value"] if is_known else None,
        "low": expected - came["high"] if has_range else None,
        "high": expected - came["low"] if has_range else None,
        "text": text % told,
        "is_worst": False,
    }


def _moved(distance: float | None) -> str:
    if distance is None:
        return gettext("cannot be told")
    if distance >= LARGE_SHIFT:
        return gettext("much")
    return gettext("somewhat") if distance >= SOME_SHIFT else gettext("hardly")


def succession(home: Path, in_charge: str) -> dict[str, Any]:
    """Who is in charge since when and why, who waits, who was before, and the gates of the last training."""
    pointers: dict[str, Any] = {}
    for role in ("champion", "challenger"):
        try:
            found = read_pointer(home, role)
        except NoChampion:
            found = None
        pointers[role] = vars(found) if found else None
    moves = read_moves(home)
    named = {
        in_charge,
        *(move["to"] for move in moves or ()),
        *(of["version"] for of in pointers.values() if of),
    }
    judged, report = _latest_training(home, sorted(named - {None}), in_charge)
    return {
        **pointers,
        "moves": None if moves is None else moves[::-1][:MOST_MOVES],
        "judged": judged,
        "gates": None if report is None else report.get("gates"),
        "comparison": None if report is None else report.get("comparison"),
    }


def _latest_training(
    home: Path, versions: Sequence[str], otherwise: str
) -> tuple[str, dict[str, Any] | None]:
    """Of some versions the one that was trained as of the latest day, and its report."""
    reports = {version: found for version in versions if (found := report_of(home, version))}
    if not reports:
        return otherwise, None
    latest = max(reports, key=lambda version: str(reports[version]["context"].get("outcomes known by")))
    return latest, reports[latest]
