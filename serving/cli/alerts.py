"""The verbs `alerts` and `alerts send`: what changed that somebody should look at, and who else is told."""

from __future__ import annotations

import os
import random
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from serving.cli.common import (
    Day,
    as_json,
    as_of_option,
    chosen_day,
    has_desk,
    home,
    json_option,
    ledger_argument,
    load_book,
    notes,
    now,
    open_desk,
    out,
    policy_option,
    progressing,
    refusing,
    who_option,
)
from serving.cli.desk import keeper
from serving.cli.kpis import champion_on
from serving.scoring import Scorer, load_policy

if TYPE_CHECKING:
    from features.history import History
    from serving.alerts import Alert
    from serving.alerts.rules import AlertSettings
    from serving.desk import Desk


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

    A tier jump is told against the tier of a week before, as far as the night keeps tiers (`desk tiers`).

    With --keep they are kept at the desk, for the nightly job: the same alert is raised once, closes when its cause
    is gone, and is put into the outbox of the webhook where DUECOURSE_WEBHOOK_URL is set.
    """
    from features.history import History

    book = load_book(ledger)
    day = chosen_day(as_of, book)
    scorer = champion_on(book, day, policy)
    history = scorer.history if scorer else History(book.ledger)
    if not (keep or has_desk()):
        return _say(found_on(history, day, policy, scorer, None), is_json)
    with open_desk() as desk:
        found = found_on(history, day, policy, scorer, desk)
        if keep:
            from serving.alerts.keeping import keep_alerts

            kept = keep_alerts(
                desk, keeper(who), now(), day, found, bool(os.environ.get("DUECOURSE_WEBHOOK_URL"))
            )
            words = f"{len(kept.raised)} raised, {len(kept.standing)} standing, {len(kept.closed)} closed"
            notes.print(f"kept at the desk: {words}", markup=False)
    return _say(found, is_json)


def found_on(
    history: History, day: date, policy: Path | None, scorer: Scorer | None, desk: Desk | None
) -> list[Alert]:
    """The alerts whose cause stands at the start of a day, by what the desk kept so far."""
    from serving.alerts import alerts_of
    from serving.tiers import kept_changes, tiers_at
    from serving.worklist import items_of

    given: dict[str, Any] = {}
    if desk:
        from serving.alerts.keeping import previous_alerts

        given["previous"] = previous_alerts(desk)
        given["flags"] = [record.content for record in desk.find("flags", status="set")]
        cancelled = desk.find("promises", status="cancelled")
        given["cancelled_promises"] = frozenset(record.record_id for record in cancelled)
    if scorer:
        tiers = tiers_at(scorer, items_of(scorer, day), kept_changes(desk) if desk else [])
        given |= {"tiers": tiers.jumps() if tiers else None, "tier_order": scorer.policy.tiers}
    with progressing("looking for changes"):
        return alerts_of(history, day, _settings(policy), **given)


def _settings(policy: Path | None) -> AlertSettings:
    return load_policy(home(), policy).parts.alerts


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
@ledger_argument
@click.argument("begin", type=Day(), metavar="FROM")
@click.argument("end", type=Day(), metavar="TO")
@policy_option
@json_option
@refusing()
def rehearse(ledger: Path, begin: date, end: date, policy: Path | None, is_json: bool) -> None:
    """Count the alerts that the rules would have raised on each day of [FROM, TO), before they do.

    Tier jumps and flags are not in it: they need scores and the desk of their time.
    """
    from features.history import History
    from serving.alerts.rehearsal import rehearse as rehearsed

    if end <= begin:
        raise ValueError(f"{begin} to {end} holds no day: the second must come after the first")
    loaded = load_book(ledger).ledger
    with progressing("day by day") as progress:
        found = rehearsed(History(loaded), begin, end, _settings(policy), progress)
    total = sum(found.raised.values())
    if is_json:
        rates = {code: round(found.rate(many), 2) for code, many in found.raised.items()}
        told = {
            "days": found.days,
            "customers": found.customers,
            "raised": found.raised,
            "per_1000_and_week": rates,
        }
        click.echo(as_json(told | {"most_on_a_day": found.most_on_a_day}))
        return
    table = Table(title=f"{found.days} days, {found.customers:,} customers", title_justify="left")
    for column in ("rule", "raised", "per 1,000 customers and week"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    for code, many in found.raised.items():
        table.add_row(code, f"{many:,}", f"{found.rate(many):.1f}")
    out.print(table)
    most = f"at most {found.most_on_a_day} on a day"
    out.print(
        f"{total:,} in all: {found.rate(total):.1f} per 1,000 customers and week, {most}.", markup=False
    )


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

    url = os.environ.get("DUECOURSE_WEBHOOK_URL", "")
    secret = os.environ.get("DUECOURSE_WEBHOOK_SECRET", "")
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


VERBS = (alerts,)
