"""The verb `kpis`: the figures of the receivables department."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from features.ledger.cells import minor_digits
from serving.cli.common import (
    Book,
    OutputFile,
    as_json,
    as_of_option,
    check_chart,
    chosen_day,
    has_desk,
    home,
    json_option,
    ledger_argument,
    load_book,
    notes,
    open_desk,
    out,
    progressing,
    refusing,
)
from serving.cli.scores import kept_tiers
from serving.desk_facts import desk_facts
from serving.kpis import GROUPINGS, SECTIONS, Settings
from serving.kpis import kpis as figures_of
from serving.scoring import Scorer, load_policy
from serving.worklist import items_of
from training.champion import NoChampion, champion_folder

COMPARED = ("dso", "add", "cei", "dbt", "overdue_share", "promise_kept_rate")
MOST_GROUPS = 12


@click.command()
@ledger_argument
@as_of_option
@click.option(
    "--days",
    type=click.IntRange(7, 366),
    default=90,
    show_default=True,
    help="Length of the period, in days.",
)
@click.option(
    "--by", type=click.Choice(GROUPINGS), multiple=True, default=("division",), show_default=True,
    help="Also for each of these; may be given several times.",
)  # fmt: skip
@click.option(
    "--formulas", is_flag=True, help="Print the formula of every figure in words, and nothing else."
)
@click.option(
    "--plot", type=OutputFile(check_chart), help="Draw the last twelve months: an .svg or .png file."
)
@json_option
@refusing()
def kpis(
    ledger: Path,
    as_of: date | None,
    days: int,
    by: tuple[str, ...],
    formulas: bool,
    plot: Path | None,
    is_json: bool,
) -> None:
    """Print the figures of the receivables department as of the start of a day.

    DSO and its best possible, CEI, ageing, roll rates, promises kept, disputes, contacts, causes of lateness, each
    from what was known before the day, with the number of rows behind it. What cannot be computed says why. Cash at
    risk needs a champion, review coverage the desk.
    """
    from features.history import History

    book = load_book(ledger)
    day = chosen_day(as_of, book)
    scorer = champion_on(book, day, None)
    history = scorer.history if scorer else History(book.ledger)
    settings = Settings.of(load_policy(home()).parts, days)
    with progressing("adding up"):
        given = _from_desk()
        if scorer:
            tiers = kept_tiers(scorer, items_of(scorer, day))
            given |= {"scored": scorer.score_open(), "tiers": tiers.by_customer if tiers else None}
        told = figures_of(history, day, by=by, settings=settings, **given)
    if plot:
        _draw(told, plot)
    if is_json:
        click.echo(as_json(told))
    elif formulas:
        for figure in told["kpis"]:
            out.print(
                f"{figure['title']} ({figure['code']}, {figure['unit']}): {figure['formula']}", markup=False
            )
    else:
        _print(told)


def champion_on(book: Book, day: date, policy: Path | None) -> Scorer | None:
    """The champion on a book, None where there is none yet."""
    from training.model import load_model

    facts = desk_facts(book.records, day)
    try:
        return Scorer(
            book.ledger, load_model(champion_folder(home())), load_policy(home(), policy), day, facts
        )
    except NoChampion:
        return None


def _from_desk() -> dict[str, Any]:
    """Reviews of accounts and promises taken back, where a desk is kept."""
    if not has_desk():
        return {}
    with open_desk() as desk:
        reviews = [record.content for record in desk.find("reviews", status="recorded")]
        cancelled = desk.find("promises", status="cancelled")
    return {"reviews": reviews, "cancelled_promises": frozenset(record.record_id for record in cancelled)}


def _print(told: dict[str, Any]) -> None:
    by_code = {figure["code"]: figure for figure in told["kpis"]}
    units = told["money_units"] or [None]
    for title, codes in SECTIONS.items():
        out.print(_section(title, [by_code[code] for code in codes], units))
    for grouping in told["groupings"][1:]:
        out.print(_compared(by_code, grouping))
    for line in _missing(told["kpis"]):
        out.print(line, style="dim", markup=False)
    period = told["period"]
    out.print(
        f"Period: {period['from']} to the start of {period['before']}. Formulas: --formulas.", style="dim"
    )
    out.print(told["verdict"], markup=False)


def _section(title: str, figures: list[dict[str, Any]], units: list[str | None]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("figure", *(unit or "all" for unit in units), "from rows"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for figure in figures:
        rows: dict[str | None, dict[str | None, dict[str, Any]]] = {}
        for value in figure["values"]:
            if value["by"] == "all":
                rows.setdefault(value["part"], {})[value["money_unit"]] = value
        for part, cells in rows.items():
            found = [cells.get(unit) or (cells.get(None) if unit == units[0] else None) for unit in units]
            if any(cell and cell["value"] is not None for cell in found):
                n = sum(cell["n"] for cell in found if cell)
                name = figure["title"] + (f": {part}" if part else "")
                table.add_row(name, *(_cell(cell, figure["unit"]) for cell in found), f"{n:,}")
    return table


def _cell(value: dict[str, Any] | None, unit: str) -> str:
    if value is None or value["value"] is None:
        return ""
    if unit == "money":
        return f"{int(str(value['value']).partition('.')[0]):,}"
    number = value["value"]
    said = f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"
    return {"percent": f"{said} %", "days": f"{said} d"}.get(unit, said)


def _compared(by_code: dict[str, Any], grouping: str) -> Table:
    """The chief figures of each group, the largest receivables first."""
    figures = [by_code[code] for code in COMPARED]
    cells: dict[tuple[str, str | None], dict[str, str]] = {}
    for figure in figures:
        for value in figure["values"]:
            if value["by"] == grouping:
                row = cells.setdefault((value["group"], value["money_unit"]), {})
                row[figure["code"]] = _cell(value, figure["unit"])
    owed: dict[tuple[str, str | None], float] = {}
    for value in by_code["ageing"]["values"]:
        key = (value["group"], value["money_unit"])
        if value["by"] == grouping:
            owed[key] = owed.get(key, 0.0) + float(value["value"])
    listed = sorted(cells, key=lambda key: (-owed.get(key, 0.0), key[0]))
    more = f", the {MOST_GROUPS} with most open of {len(listed)}" if len(listed) > MOST_GROUPS else ""
    table = Table(title=f"By {grouping}{more}", title_justify="left")
    for column in (grouping, "unit", "open", *(figure["title"] for figure in figures)):
        table.add_column(column, justify="left" if column in (grouping, "unit") else "right")
    for key in listed[:MOST_GROUPS]:
        values = (cells[key].get(code, "") for code in COMPARED)
        table.add_row(key[0], key[1] or "", f"{owed.get(key, 0.0):,.0f}", *values)
    return table


def _missing(figures: list[dict[str, Any]]) -> Iterator[str]:
    """What could not be told of the whole book, and what it would take; one line per reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for figure in figures:
        for value in figure["values"]:
            if value["by"] == "all" and value["value"] is None:
                titles = reasons.setdefault((value["why_not"], value["needs"]), [])
                if figure["title"] not in titles:
                    titles.append(figure["title"])
    for (why, needs), titles in reasons.items():
        yield f"Not told: {', '.join(titles)}: {why}. It takes {needs}."


def _draw(told: dict[str, Any], path: Path) -> None:
    from training.charts import new_figure, save
    from training.figures_chart import ages, days_open, share

    unit, amounts = _most_open(told)
    days = [date.fromisoformat(day) for day in told["trend"]["days"]]
    course = {each["code"]: each["values"] for each in told["trend"]["series"] if each["money_unit"] == unit}
    if not course or len(days) < 2:
        raise ValueError(f"before {told['as_of']} the ledger holds too little to draw: it takes two months")
    figure = new_figure(10.0, 6.6)
    figure.set_layout_engine("constrained", h_pad=0.16, w_pad=0.12)
    axes = figure.subplots(2, 2)
    days_open(axes[0][0], days, course["dso"], course["bpdso"])
    share(axes[0][1], days, course["cei"], "How much of what could be collected was?", is_good=True)
    ages(axes[1][0], list(amounts), list(amounts.values()), unit)
    share(axes[1][1], days, course["overdue_share"], "How much of what is open is past due?", is_good=False)
    save(figure, path, told["verdict"])
    notes.print(f"wrote {path}", markup=False)


def _most_open(told: dict[str, Any]) -> tuple[str, dict[str, float]]:
    """The unit of money with the most open, and what is open in it by age."""
    by_unit: dict[str, dict[str, float]] = {}
    ageing = next(figure for figure in told["kpis"] if figure["code"] == "ageing")
    for value in ageing["values"]:
        if value["by"] == "all":
            by_unit.setdefault(value["money_unit"], {})[value["part"]] = float(value["value"])
    if not by_unit:
        raise ValueError(f"no invoice was known before {told['as_of']}: there is nothing to draw")
    unit = max(by_unit, key=lambda each: sum(by_unit[each].values()) / 10 ** minor_digits(each))
    return unit, by_unit[unit]


VERBS = (kpis,)
