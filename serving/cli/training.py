"""The verb `train`: the recipe of training/train.py, recorded, judged and told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from serving.cli.common import (
    OutputFile,
    Refusal,
    as_json,
    as_of_option,
    check_chart,
    chosen_day,
    config_option,
    home,
    json_option,
    lateness_rule,
    ledger_argument,
    load_ledger,
    notes,
    now,
    out,
    progressing,
    refusing,
    rule_options,
)

if TYPE_CHECKING:
    from training.evaluation import Evaluation


@click.command()
@ledger_argument
@as_of_option
@rule_options
@config_option
@click.option("--show-folds", is_flag=True, help="Draw which days teach and which judge, and stop.")
@click.option("--plot", type=OutputFile(check_chart), help="With --show-folds: an .svg or .png file.")
@json_option
@refusing()
def train(
    ledger: Path,
    as_of: date | None,
    late_after: int,
    calendar_days: bool,
    config: Path | None,
    show_folds: bool,
    plot: Path | None,
    is_json: bool,
) -> None:
    """Train on what was known before a day, record it, and promote it if the gates hold."""
    from training.settings import load_settings

    settings = load_settings(config, home())
    loaded = load_ledger(ledger)
    day = chosen_day(as_of, loaded)
    rule = lateness_rule(late_after, calendar_days)
    if show_folds:
        from features.history import History
        from training.train import folds_of

        return _show_folds(folds_of(History(loaded.known_before(day), rule), day, settings), plot, is_json)
    result = train_and_record(loaded, day, rule, settings)
    if is_json:
        click.echo(as_json(result))
    else:
        print_training(result)
    return None


def train_and_record(loaded: Any, day: date, rule: Any, settings: Any) -> dict[str, Any]:
    """Train, write the report, register, judge the gates and move the alias; what happened, JSON-ready."""
    from training.champion import NoChampion, champion_folder
    from training.gates import judge
    from training.model import ArtefactError, load_model
    from training.train import train as trained

    state = home()
    with progressing("training") as progress:
        result = trained(loaded, day, rule, settings, state, progress)
        progress("recording")
        reports = _reports(result, state, day)
        try:
            champion_rule = load_model(champion_folder(state)).rule
        except (NoChampion, ArtefactError):
            champion_rule = None
        evaluation = result.rehearsal.evaluation if result.rehearsal else None
        gates = judge(evaluation, settings.gates, rule, champion_rule)
        decision = _record(result, evaluation, gates, reports, settings, day, rule, state)
    return {
        "model_version": result.model.version,
        "trained_on_facts_before": day.isoformat(),
        "data_fingerprint": result.data_fingerprint,
        "horizons": result.model.card["horizons"],
        "rehearsal": evaluation.as_dict() if evaluation else None,
        "why_no_rehearsal": result.why_no_rehearsal or None,
        "verdict": _verdict(evaluation, result.why_no_rehearsal),
        "gates": [vars(gate) for gate in gates],
        "promoted": decision.promoted,
        "why": decision.why,
        "report": str(reports[0]) if reports else None,
        "model_folder": str(result.folder),
    }


def _verdict(evaluation: Evaluation | None, why_not: str) -> str:
    from training.evaluation import verdict

    return verdict(evaluation) if evaluation else f"The model could not be judged before use: {why_not}."


def _reports(result: Any, state: Path, day: date) -> list[Path]:
    if result.rehearsal is None:
        return []
    from training.report import write_report

    rehearsal = result.rehearsal
    context = {
        "model": result.model.version,
        "fitted on facts before": rehearsal.cut,
        "judged on invoices issued": f"{rehearsal.cut} to {rehearsal.until}",
        "outcomes known by": day,
    }
    told = [
        "The figures are of a rehearsal: the same recipe, fitted earlier, judged on what it had not seen."
    ]
    stem = state / "reports" / f"training-{result.model.version}"
    return list(
        write_report(rehearsal.evaluation, rehearsal.scored, stem, "Training rehearsal", told, context)
    )


def _record(
    result: Any,
    evaluation: Any,
    gates: Any,
    reports: list[Path],
    settings: Any,
    day: date,
    rule: Any,
    state: Path,
) -> Any:
    from training.registry import Registry, RegistryError

    parameters = settings.training.model_dump() | {
        "as_of": day.isoformat(),
        "late_after_days": rule.late_after_days,
        "calendar_days": rule.calendar_days,
    }
    try:
        registry = Registry(state, settings, now)
        registry.log_training(result.model, evaluation, parameters, reports, result.data_fingerprint)
        return registry.promote_if(result.model.version, gates)
    except RegistryError as error:
        raise Refusal(str(error)) from None


def print_training(result: dict[str, Any]) -> None:
    table = Table(title=f"Model {result['model_version']}", title_justify="left")
    for column in ("horizon", "days", "kind", "invoices", "late", "rounds", "note"):
        table.add_column(
            column, justify="right" if column in ("days", "invoices", "late", "rounds") else "left"
        )
    for target, row in result["horizons"].items():
        cells = (
            row["days"],
            row["kind"],
            f"{row['invoices']:,}",
            f"{row['late_invoices']:,}",
            row["rounds"],
            row["note"],
        )
        table.add_row(target, *(str(cell) for cell in cells))
    out.print(table)
    if result["rehearsal"]:
        out.print(figures_table(result["rehearsal"]))
    for gate in result["gates"]:
        out.print(f"  {'holds ' if gate['ok'] else 'MISSED'}  {gate['sentence']}", markup=False)
    if result["report"]:
        out.print(f"Report: {result['report']}", markup=False)
    out.print(f"{'Champion now.' if result['promoted'] else 'Not promoted.'} {result['why']}", markup=False)
    out.print(result["verdict"], markup=False)


def figures_table(evaluation: dict[str, Any]) -> Table:
    """Model beside baselines, one row each, for the first horizon and the longer ones that could be judged."""
    table = Table(title="Judged on invoices it had not seen", title_justify="left")
    names = {"roc_auc": "AUC", "average_precision": "AP", "brier": "Brier", "log_loss": "log loss"}
    names |= {"calibration_error": "calib.", "mean_prediction": "mean"}
    for column in ("horizon", "model", *names.values(), "rate"):
        table.add_column(column, justify="left" if column in ("horizon", "model") else "right", no_wrap=True)
    for target, found in evaluation["targets"].items():
        group = found["overall"]
        for model, figures in group["models"].items():
            cells = [_cell(figures.get(name, {}).get("value")) for name in names]
            table.add_row(target, model, *cells, _cell(group["rate"]))
    return table


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}".removeprefix("0")


def _show_folds(folds: list[dict[str, Any]], plot: Path | None, is_json: bool) -> None:
    if plot:
        from training.charts import folds_calendar, new_figure, save

        figure = new_figure(8.0, 2.6)
        folds_calendar(figure.subplots(), folds)
        save(figure, plot, "Which days teach the model and which judge it")
        notes.print(f"wrote {plot}", markup=False)
    if is_json:
        click.echo(as_json(folds))
        return
    out.print("█ teaches   ░ gap as long as the horizon   ▒ judges")
    first = min(date.fromisoformat(fold["fit_from"]) for fold in folds)
    last = max(date.fromisoformat(fold["test_to"]) for fold in folds)
    days = max((last - first).days, 1)
    for fold in folds:
        out.print(f"{fold['name']:>14}  {_bar(fold, first, days)}  {fold['fit_from']} to {fold['test_to']}")


def _bar(fold: dict[str, Any], first: date, days: int, width: int = 48) -> str:
    edges = [fold[name] for name in ("fit_from", "fit_to", "gap_to", "test_to")]
    at = [round(width * (date.fromisoformat(edge) - first).days / days) for edge in edges]
    gap = max(at[2] - at[1], 1)
    bar = " " * at[0] + "█" * (at[2] - at[0] - gap) + "░" * gap + "▒" * (at[3] - at[2])
    return bar.ljust(width)


VERBS = (train,)
