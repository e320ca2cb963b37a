"""The verb `forecast`: when each open invoice is paid, and how much cash comes in each week."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from rich.table import Table

from features.ledger import written_amount
from serving.cli.common import (
    Day,
    OutputFile,
    as_json,
    as_of_option,
    check_chart,
    config_option,
    home,
    json_option,
    ledger_argument,
    load_ledger,
    notes,
    out,
    progressing,
    refusing,
)
from serving.cli.scores import scorer_of
from serving.exports import write_table
from serving.forecast import GROUPINGS, Forecast
from serving.forecast import forecast as forecast_of

if TYPE_CHECKING:
    from serving.cash_study import CashStudy

NOT_IN_IT = "Only invoices open today: those not yet issued and cash on account are not in it."
MOST_GROUPS = 12
"""A printed breakdown names so many groups, those with the most money first."""


@click.command()
@ledger_argument
@as_of_option
@click.option("--weeks", type=click.IntRange(1, 52), default=13, show_default=True, help="Weeks ahead.")
@click.option(
    "--by", type=click.Choice(GROUPINGS[1:]), help="Also print one line per customer, division or currency."
)
@click.option("--output", type=OutputFile(), help="Cash per week, every grouping: .csv or .parquet.")
@click.option("--invoices", "invoices_to", type=OutputFile(), help="Payment dates, one row per open invoice.")
@click.option("--plot", type=OutputFile(check_chart), help="Draw the weeks: an .svg or .png file.")
@click.option(
    "--scenarios",
    type=click.IntRange(100),
    default=1000,
    show_default=True,
    help="Futures to draw for the ranges of cash.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the scenarios.")
@click.option(
    "--backtest",
    type=(Day(), Day()),
    metavar="FROM TO",
    help="Judge it instead: forecast on past days of [FROM, TO), each by a model of its time.",
)
@config_option
@json_option
@refusing()
def forecast(
    ledger: Path,
    as_of: date | None,
    weeks: int,
    by: str | None,
    output: Path | None,
    invoices_to: Path | None,
    plot: Path | None,
    scenarios: int,
    seed: int,
    backtest: tuple[date, date] | None,
    config: Path | None,
    is_json: bool,
) -> None:
    """Say when every open invoice will be paid, and how much cash comes in each week, with a range.

    The range of a week holds eight scenarios in ten. Disputed amounts stand apart; promises and payment plans
    count as often as the customer keeps promises. Invoices not issued yet are not in it.
    """
    if backtest:
        return _judge(ledger, backtest, weeks, scenarios, seed, config, output, is_json)
    scorer = scorer_of(ledger, as_of, None)
    with progressing("forecasting"):
        found = forecast_of(scorer, weeks=weeks, scenarios=scenarios, seed=seed)
    written = [
        _written(table, path)
        for table, path in ((_cash_file(found), output), (_invoices_file(found), invoices_to))
        if path
    ]
    if plot:
        _draw(found, plot)
    if is_json:
        click.echo(as_json(_told(found)))
        return None
    _print(found, by)
    for path in written:
        out.print(f"Wrote {path}.", markup=False)
    return None


def _written(table: pd.DataFrame, path: Path) -> Path:
    write_table(table, path)
    return path


def _cash_file(found: Forecast) -> pd.DataFrame:
    """The cash table with decimal amounts and ISO days."""
    table = found.cash.copy()
    for column in ("expected", "p10", "p50", "p90"):
        table[column] = _decimals(table[column], table["currency"])
    table["begins_on"] = table["begins_on"].astype("str")
    table["week"] = table["week"].where(table["kind"] == "week").astype("Int64")
    return table


def _decimals(amounts: pd.Series, currencies: pd.Series) -> pd.Series:
    texts = [
        None if pd.isna(amount) else written_amount(int(amount), currency)
        for amount, currency in zip(amounts, currencies, strict=True)
    ]
    return pd.Series(texts, amounts.index, "str")


def _invoices_file(found: Forecast) -> pd.DataFrame:
    table = found.invoices.copy()
    for column in ("amount_open", "amount_disputed"):
        table[column] = _decimals(table[column], table["currency"])
    for column in ("expected_paid_on", "paid_on_p10", "paid_on_p90", "promised_on"):
        table[column] = pd.to_datetime(table[column]).dt.strftime("%Y-%m-%d").astype("str")
    table["agreement"] = table["agreement"].astype("str")
    return table


def _told(found: Forecast) -> dict[str, Any]:
    cash = _cash_file(found).astype(object)
    return {
        "as_of": found.as_of.isoformat(),
        "weeks": found.weeks,
        "open_invoices": len(found.invoices),
        "not_in_it": NOT_IN_IT,
        "verdict": verdict(found),
        "cash": cash.where(cash.notna(), None).to_dict("records"),
    }


def _of(found: Forecast, by: str, kind: str) -> pd.DataFrame:
    return found.cash[(found.cash["by"] == by) & (found.cash["kind"] == kind)]


def verdict(found: Forecast) -> str:
    """What a credit manager would say of it aloud, for the unit with the most open money."""
    whole = _of(found, "total", "all_weeks")
    if whole.empty:
        return f"No invoice is open on {found.as_of}."
    top = whole.sort_values("expected", kind="stable").iloc[-1]
    unit = top["currency"]
    low, high, mean = (_money(int(top[name]), unit) for name in ("p10", "p90", "expected"))
    first = _of(found, "total", "week")
    first = first[(first["week"] == 1) & (first["currency"] == unit)].iloc[0]
    return (
        f"Of what is open on {found.as_of}, expect {mean} {unit} within {found.weeks} weeks, with eight chances in "
        f"ten between {low} and {high}; {_money(int(first['expected']), unit)} of it in the first week."
    )


def _money(amount: int, currency: str) -> str:
    whole, _, _ = written_amount(amount, currency).partition(".")
    return f"{int(whole):,}"


def _print(found: Forecast, by: str | None) -> None:
    for unit in _of(found, "total", "all_weeks")["currency"]:
        out.print(_weeks_table(found, unit))
    if by:
        out.print(_groups_table(found, by))
    out.print(NOT_IN_IT, style="dim")
    out.print(verdict(found), markup=False)


def _weeks_table(found: Forecast, unit: str) -> Table:
    table = Table(title=f"Expected cash in {unit}, as of {found.as_of}", title_justify="left")
    for column in ("week from", "expected", "8 chances in 10 from", "to"):
        table.add_column(column, justify="left" if column == "week from" else "right")
    rows = found.cash[(found.cash["by"] == "total") & (found.cash["currency"] == unit)]
    titles = {
        "all_weeks": f"all {found.weeks} weeks",
        "later": "later",
        "disputed": "disputed, not in it",
        "open": "open today",
        "overdue": "of it overdue",
    }
    for _, row in rows.iterrows():
        title = str(row["begins_on"]) if row["kind"] == "week" else titles[row["kind"]]
        cells = [
            _money(int(row[name]), unit) if pd.notna(row[name]) else "" for name in ("expected", "p10", "p90")
        ]
        table.add_row(title, *cells, end_section=row["kind"] == "week" and row["week"] == found.weeks)
    return table


def _groups_table(found: Forecast, by: str) -> Table:
    keys = ["name", "currency"]
    kinds = {
        kind: _of(found, by, kind).set_index(keys) for kind in ("all_weeks", "later", "overdue", "disputed")
    }
    whole = kinds["all_weeks"].sort_values("expected", ascending=False, kind="stable")
    shown = f", the {MOST_GROUPS} largest of {len(whole)}" if len(whole) > MOST_GROUPS else ""
    table = Table(title=f"By {by}{shown}: {found.weeks} weeks", title_justify="left")
    for column in (by, "unit", "expected", "from", "to", "later", "overdue today", "disputed"):
        table.add_column(column, justify="left" if column in (by, "unit") else "right")
    money = {name: whole[name].tolist() for name in ("expected", "p10", "p90")}
    money |= {
        kind: kinds[kind]["expected"].reindex(whole.index).tolist() for kind in kinds if kind != "all_weeks"
    }
    shown_keys = list(whole.index)[:MOST_GROUPS]
    for place, (name, unit) in enumerate(shown_keys):
        cells = [
            money[column][place] for column in ("expected", "p10", "p90", "later", "overdue", "disputed")
        ]
        table.add_row(str(name), str(unit), *(_money(int(cell), str(unit)) for cell in cells))
    return table


def _draw(found: Forecast, path: Path) -> None:
    from training.cash_chart import cash_by_week
    from training.charts import new_figure, save

    whole = _of(found, "total", "all_weeks")
    if whole.empty:
        raise ValueError(f"no invoice is open on {found.as_of}: there is nothing to draw")
    unit = whole.sort_values("expected", kind="stable").iloc[-1]["currency"]
    weeks = _of(found, "total", "week")
    later = _of(found, "total", "later").set_index("currency").loc[unit]
    figure = new_figure(9.0, 4.4)
    cash_by_week(figure.subplots(), weeks[weeks["currency"] == unit], later, unit)
    save(figure, path, "Expected cash per week with a range")
    notes.print(f"wrote {path}", markup=False)


def _judge(
    ledger: Path,
    window: tuple[date, date],
    weeks: int,
    scenarios: int,
    seed: int,
    config: Path | None,
    output: Path | None,
    is_json: bool,
) -> None:
    from features.history import History
    from serving.cash_study import study_cash
    from training.model.fitting import fit_model
    from training.settings import load_settings

    settings = load_settings(config, home())
    loaded = load_ledger(ledger)
    begin, end = window
    if end <= begin:
        raise ValueError(f"--backtest {begin} {end}: the second day must come after the first")
    with progressing("preparing") as progress:
        known = History(loaded.known_before(begin))
        model = fit_model(known, begin, settings.training, progress=progress)
        found = study_cash(loaded, model, begin, end, weeks, scenarios, seed, progress)
    if output:
        write_table(found.weeks.assign(as_of=found.weeks["as_of"].dt.strftime("%Y-%m-%d")), output)
    if is_json:
        click.echo(as_json(found.as_dict()))
        return
    out.print(_study_table(found))
    out.print(found.verdict(), markup=False)


def _study_table(found: CashStudy) -> Table:
    table = Table(title=f"Cash forecasts of {found.days} days against what came", title_justify="left")
    for column in ("week", "actual", "error", "of ageing", "bias", "held by the range", "forecasts"):
        table.add_column(column, justify="right")
    for row in found.figures():
        cells = [f"{row[name]:.1%}" for name in ("error", "naive_error", "bias", "coverage")]
        table.add_row(
            str(row["week"]), _money(round(row["actual"]), found.unit), *cells, str(row["forecasts"])
        )
    return table


VERBS = (forecast,)
