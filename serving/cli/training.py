"""The verb `train`: the recipe of training/train.py, recorded, judged and told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

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
    ledger_warnings,
    load_book,
    notes,
    now,
    out,
    progressing,
    refusing,
    rule_options,
    say_warnings,
    who_option,
)


@click.command()
@ledger_argument
@as_of_option
@rule_options
@config_option
@click.option("--show-folds", is_flag=True, help="Draw which days teach and which judge, and stop.")
@click.option("--plot", type=OutputFile(check_chart), help="With --show-folds: an .svg or .png file.")
@who_option
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
    who: str,
    is_json: bool,
) -> None:
    """Train on what was known before a day, record it, and promote it if the gates hold."""
    from training.settings import load_settings

    settings = load_settings(config, home())
    book = load_book(ledger)
    loaded, day = book.ledger, chosen_day(as_of, book)
    rule = lateness_rule(late_after, calendar_days)
    if show_folds:
        from features.history import History
        from training.train import folds_of

        return _show_folds(folds_of(History(loaded.known_before(day), rule), day, settings), plot, is_json)
    result = train_and_record(loaded, day, rule, settings, who)
    if is_json:
        click.echo(as_json(result))
    else:
        print_training(result)
    return None


def train_and_record(loaded: Any, day: date, rule: Any, settings: Any, who: str) -> dict[str, Any]:
    """Train, judge, record and decide (training/promotion.py); what happened, JSON-ready."""
    from training.promotion import train_and_decide
    from training.registry import RegistryError

    try:
        against = in_charge(settings)
        with progressing("training") as progress:
            done = train_and_decide(loaded, day, rule, settings, home(), against, who, now, progress)
    except RegistryError as error:
        raise Refusal(str(error)) from None
    say_warnings(done.training.oddities)
    return done.as_dict() | {"warnings": ledger_warnings(loaded) + done.training.oddities}


def in_charge(settings: Any) -> Any:
    """The champion to hold a new model against; opening the registry mends a lost pointer or folder first."""
    from training.contest import incumbent

    found = incumbent(home())
    if found is None or found.model is not None:
        return found
    from training.registry import Registry

    Registry(home(), settings, now)
    return incumbent(home())


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
        answer = "holds " if gate["ok"] else "open  " if gate["is_open"] else "MISSED"
        out.print(f"  {answer}  {gate['sentence']}", markup=False)
    if result["report"]:
        out.print(f"Report: {result['report']}", markup=False)
    out.print(f"The model is {result['signature']}.", markup=False)
    out.print(f"Model card: {result['model_card']}; data sheet: {result['data_sheet']}", markup=False)
    out.print(f"{'Champion now.' if result['promoted'] else 'Not promoted.'} {result['why']}", markup=False)
    out.print(result["verdict"], markup=False)


def figures_table(evaluation: dict[str, Any]) -> Table:
    """Model beside baselines, one row each, for the first horizon and the longer ones that could be judged."""
    from training.contenders import WITHOUT

    table = Table(title="Judged on invoices it had not seen", title_justify="left")
    names = {"roc_auc": "AUC", "average_precision": "AP", "brier": "Brier", "log_loss": "log loss"}
    names |= {"calibration_error": "calib.", "mean_prediction": "mean"}
    for column in ("horizon", "model", *names.values(), "rate"):
        table.add_column(column, justify="left" if column in ("horizon", "model") else "right", no_wrap=True)
    for target, found in evaluation["targets"].items():
        group = found["overall"]
        for model, figures in group["models"].items():
            if model.startswith(WITHOUT):
                continue  # what a family carries is said in a sentence
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
