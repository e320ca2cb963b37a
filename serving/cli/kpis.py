"""The verbs `kpis` and `alerts`: the figures of the department, and what changed that somebody should look at."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from features.days import day_number
from features.ledger.cells import minor_digits
from serving.cli.common import (
    OutputFile,
    as_json,
    as_of_option,
    check_chart,
    chosen_day,
    home,
    json_option,
    ledger_argument,
    load_ledger,
    notes,
    now,
    out,
    policy_option,
    progressing,
    refusing,
    who_option,
)
from serving.cli.desk import database_url, keeper, open_desk
from serving.kpis import GROUPINGS, Settings
from serving.kpis import kpis as figures_of
from serving.scoring import Scorer, load_policy
from training.champion import NoChampion, champion_folder

if TYPE_CHECKING:
    from features.history import History
    from features.ledger import Ledger
    from serving.alerts import Alert
    from serving.alerts.rules import AlertSettings
    from serving.desk import Desk

SECTIONS = {
    "How quickly money comes": ("dso", "bpdso", "add", "countback_dso", "cei", "dbt", "payment_index"),
    "How old and how concentrated it is": (
        "ageing", "ageing_share", "overdue_share", "roll_rate", "largest_customer_share", "top_customers_share",
        "customers_owing_80_percent", "cash_at_risk",
    ),
    "Promises and disputes": (
        "promise_kept_rate", "promise_kept_rate_amount", "promises", "disputed", "disputed_by_age", "days_to_resolve",
        "overdue_in_dispute", "disputes_before_due",
    ),
    "How seldom and how early we ask": (
        "days_of_notice", "noticed_share", "money_without_chase", "customers_without_chase", "contacts_avoided",
        "contacts_per_collected", "contacts_without_need", "review_coverage", "speed_after_contact",
    ),
    "Where lateness begins": ("invoicing_lag", "sent_late_share", "late_money_by_cause", "late_rate_by_cause"),
}  # fmt: skip
"""Every figure, in the order of the page."""
COMPARED = ("dso", "add", "cei", "dbt", "overdue_share", "promise_kept_rate")
MOST_GROUPS = 12
WEEK_BEFORE = timedelta(days=7)


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

    loaded = load_ledger(ledger)
    day = chosen_day(as_of, loaded)
    scorer = _scorer(loaded, day, None)
    history = scorer.history if scorer else History(loaded)
    with progressing("adding up"):
        scored = scorer.score_open() if scorer else None
        told = figures_of(
            history, day, by=by, settings=Settings(period_days=days), scored=scored, **_from_desk()
        )
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


def _scorer(ledger: Ledger, day: date, policy: Path | None) -> Scorer | None:
    """The champion on the ledger, None where there is none yet."""
    from training.model import load_model

    try:
        return Scorer(ledger, load_model(champion_folder(home())), load_policy(home(), policy), day)
    except NoChampion:
        return None


def _has_desk() -> bool:
    return database_url() is not None or (home() / "desk.db").exists()


def _from_desk() -> dict[str, Any]:
    """Reviews of accounts and promises taken back, where a desk is kept."""
    if not _has_desk():
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


class _WithDefault(click.Group):
    """A group whose first verb need not be written: `alerts LEDGER` is `alerts list LEDGER`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["list", *args]
        return super().parse_args(context, args)


@click.group(cls=_WithDefault)
def alerts() -> None:
    """Say what changed that somebody should look at: `alerts LEDGER` lists it, `alerts send` tells other systems."""


@alerts.command("list")
@ledger_argument
@as_of_option
@policy_option
@click.option("--keep", is_flag=True, help="Keep them at the desk: new ones are raised, others closed.")
@who_option
@json_option
@refusing()
def list_(ledger: Path, as_of: date | None, policy: Path | None, keep: bool, who: str, is_json: bool) -> None:
    """List the alerts whose cause stands at the start of a day, gravest first, each with what shows it.

    With --keep they are kept at the desk, for the nightly job: the same alert is raised once, closes when its cause
    is gone, and is put into the outbox of the webhook where DUECOURSE_WEBHOOK_URL is set.
    """
    from features.history import History

    loaded = load_ledger(ledger)
    day = chosen_day(as_of, loaded)
    scorer = _scorer(loaded, day, policy)
    history = scorer.history if scorer else History(loaded)
    if not (keep or _has_desk()):
        return _say(_found(history, day, policy, scorer, None), is_json)
    with open_desk() as desk:
        found = _found(history, day, policy, scorer, desk)
        if keep:
            from serving.alerts.keeping import keep_alerts

            kept = keep_alerts(
                desk, keeper(who), now(), day, found, bool(os.environ.get("DUECOURSE_WEBHOOK_URL"))
            )
            words = f"{len(kept.raised)} raised, {len(kept.standing)} standing, {len(kept.closed)} closed"
            notes.print(f"kept at the desk: {words}", markup=False)
    return _say(found, is_json)


def _found(
    history: History, day: date, policy: Path | None, scorer: Scorer | None, desk: Desk | None
) -> list[Alert]:
    from serving.alerts import alerts_of

    given: dict[str, Any] = {}
    if desk:
        from serving.alerts.keeping import previous_alerts

        given["previous"] = previous_alerts(desk)
        given["flags"] = [record.content for record in desk.find("flags", status="set")]
        cancelled = desk.find("promises", status="cancelled")
        given["cancelled_promises"] = frozenset(record.record_id for record in cancelled)
    if scorer:
        given |= {"tiers": _tiers(scorer, day), "tier_order": scorer.policy.tiers}
    with progressing("looking for changes"):
        return alerts_of(history, day, _settings(policy), **given)


def _settings(policy: Path | None) -> AlertSettings:
    return load_policy(home(), policy).parts.alerts


def _tiers(scorer: Scorer, day: date) -> dict[str, tuple[str | None, str]]:
    """Of each customer with open invoices, its worst tier a week before and now."""
    order = {tier: place for place, tier in enumerate(scorer.policy.tiers)}
    before, today = (_worst(scorer, each, order) for each in (day - WEEK_BEFORE, day))
    return {customer: (before.get(customer), tier) for customer, tier in today.items()}


def _worst(scorer: Scorer, day: date, order: dict[str, int]) -> dict[str, str]:
    if not len(scorer.history.open_on(day_number(day))):
        return {}
    scored = scorer.score_open(day)
    ranked = scored.assign(_rank=scored["tier"].map(order)).sort_values("_rank", kind="stable")
    last = ranked.drop_duplicates("customer_id", keep="last")
    return dict(zip(last["customer_id"], last["tier"], strict=True))


def _say(found: list[Alert], is_json: bool) -> None:
    if is_json:
        click.echo(as_json({"alerts": [alert.as_dict() for alert in found]}))
        return
    if not found:
        out.print("Nothing changed that somebody should look at.")
        return
    table = Table(title=f"{len(found)} alerts, gravest first", title_justify="left")
    for column in ("severity", "rule", "customer", "what changed", "first action"):
        table.add_column(column)
    for alert in found:
        who = alert.customer_id or "our own work"
        table.add_row(alert.severity, alert.rule, who, alert.sentence, alert.first_action)
    out.print(table)


@alerts.command()
@click.option("--allow-http", is_flag=True, help="Let alerts leave this machine unencrypted.")
@who_option
@json_option
@refusing()
def send(allow_http: bool, who: str, is_json: bool) -> None:
    """Deliver the messages of the outbox that are due, signed, to DUECOURSE_WEBHOOK_URL.

    Each is tried once; what fails waits twice as long each time, and is given up after eight attempts. Run it every
    few minutes. The secret is read from DUECOURSE_WEBHOOK_SECRET; how a receiver checks a message stands in
    serving/alerts/README.md.
    """
    from serving.alerts.webhook import Webhook, deliver

    url, secret = (os.environ.get(f"DUECOURSE_WEBHOOK_{name}", "") for name in ("URL", "SECRET"))
    if not url:
        raise ValueError("no address to send to: set DUECOURSE_WEBHOOK_URL and DUECOURSE_WEBHOOK_SECRET")
    webhook = Webhook(url, secret, allow_http)
    with open_desk() as desk:
        sent = deliver(desk, webhook, keeper(who), now, random.SystemRandom().random)
        waiting = len(desk.find("deliveries", status="pending"))
    counts = {
        status: sum(each.status == status for each in sent) for status in ("delivered", "pending", "dead")
    }
    if is_json:
        click.echo(as_json({"tried": len(sent), **counts, "waiting": waiting}))
        return
    for each in sent:
        if each.error:
            out.print(f"{each.delivery_id}: {each.error}, attempt {each.attempts}", markup=False)
    out.print(
        f"{counts['delivered']} delivered, {counts['pending']} to be tried again, {counts['dead']} given up; "
        f"{waiting} waiting.",
        markup=False,
    )


VERBS = (kpis, alerts)
