"""The verbs of texts: `messages show`, `messages lint`, `messages send` and `messages settle`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.alerts import keeper
from serving.cli.common import (
    Refusal,
    as_json,
    as_of_option,
    home,
    json_option,
    ledger_argument,
    notes,
    now,
    open_desk,
    out,
    policy_option,
    progressing,
    refusing,
    who_option,
)
from serving.messages import CHANNELS, STEP_KINDS, Finding, Message, NextStep, Sender, actions, lint, render
from serving.messages.linting import static_text
from serving.messages.rendering import NEEDS_APPROVAL, spoken
from serving.messages.samples import FULL, SIMPLE, STEP, said_in
from serving.policy.spoken import opening_in
from serving.scoring import load_policy

if TYPE_CHECKING:
    from serving.desk import Desk
    from serving.live import LiveScorer
    from serving.mail import Draft
    from serving.mail.outbox import Sent
    from serving.office import Office

MOST_DAYS_OLD = 4
"""Over a long weekend a book may be so old that texts leave by it; older ones would remind of what is paid."""
language_option = click.option("--language", default="en", show_default=True, help="Such as en or de-AT.")
step_option = click.option(
    "--next-step",
    type=click.Choice(STEP_KINDS),
    help="The text announces this step, which is decided and approved.",
)


@click.group()
def messages() -> None:
    """Read the texts for customers, and check a text before it is sent."""


@messages.command()
@click.argument("action")
@click.option(
    "--channel", type=click.Choice(CHANNELS), default="email", show_default=True, help="How it is said."
)
@language_option
@step_option
@click.option("--full", is_flag=True, help="With all that can be known of a customer, not one plain invoice.")
@policy_option
@json_option
@refusing()
def show(
    action: str,
    channel: str,
    language: str,
    next_step: str | None,
    full: bool,
    policy: Path | None,
    is_json: bool,
) -> None:
    """The text of an action, as a fictional customer would read or hear it."""
    loaded = load_policy(home(), policy).parts
    if action not in actions() and action not in loaded.actions:
        raise ValueError(f"no text and no step is called '{action}'; there are {', '.join(actions())}")
    case = said_in(FULL if full else SIMPLE, spoken(language, action)[0])
    if action in loaded.actions:
        own = loaded.actions[action]
        code, _ = spoken(language, own.template)
        case = replace(case, opening=opening_in(loaded, action, own.opening, code)[0])
    step = _step(next_step or ("pause_deliveries" if action == NEEDS_APPROVAL else None))
    message = render(action, channel, case, language, step, loaded.never_say)
    _print(message, is_json)


@messages.command("lint")
@click.argument("file", type=click.File(encoding="utf-8"))
@language_option
@step_option
@policy_option
@json_option
@refusing()
def lint_(file: Any, language: str, next_step: str | None, policy: Path | None, is_json: bool) -> None:
    """Check a text (- for what is typed in) or a template (.jinja): every phrase that no customer should read.

    Each is shown with its line and what to say instead. Exit code 2 where something may not be sent.
    """
    text = file.read()
    words = static_text(text) if str(file.name).endswith(".jinja") else text
    found = lint(words, language, _step(next_step), load_policy(home(), policy).parts.never_say)
    if is_json:
        click.echo(as_json({"findings": [asdict(each) for each in found]}))
    else:
        for each in found:
            click.echo(f"{_place(text, each.start)}: {each}")
        click.echo(_verdict(found))
    if any(each.severity == "reject" for each in found):
        raise SystemExit(2)


@messages.command()
@ledger_argument
@as_of_option
@policy_option
@click.option("--really", is_flag=True, help="Queue and send; without it nothing is kept and nothing leaves.")
@language_option
@who_option
@json_option
@refusing()
def send(
    ledger: Path,
    as_of: date | None,
    policy: Path | None,
    really: bool,
    language: str,
    who: str,
    is_json: bool,
) -> None:
    """Send today's texts of the steps that the policy marks as automatic; by default only say what would leave.

    At most one a day for a case, to the address kept at the desk (flag `email`), never to a natural person. Guards
    and caps are asked again right before. What the server did not take is tried again by the next run, later each
    time; where nobody knows whether it took it, `messages settle` waits for a person. Run it every few minutes. Off
    until DUECOURSE_SMTP_HOST is set.
    """
    from serving.mail import Mailbox, drafts, queue, send_due
    from serving.mail.outbox import sender_of

    mailbox = Mailbox.from_environment(os.environ) if really else None
    with open_desk() as desk:
        office, live = _office(desk, ledger, as_of, policy)
        if really and abs((now().date() - live.as_of).days) > MOST_DAYS_OLD:
            raise Refusal(
                f"the book is at {live.as_of} and today is {now().date()}: what was paid since is not known. "
                "Import a fresh export first."
            )
        with progressing("writing today's texts"):
            found = drafts(office, live, sender_of(mailbox) if mailbox else Sender(), language)
        sent = []
        if mailbox:
            for each in found:
                if each.refusal is None:
                    queue(office, live, keeper(who), each, now())
            sent = send_due(office, office.live(live.whole), mailbox, keeper(who), now)
        unsure = [each.record_id for each in desk.find("sendings", status="unsure")]
    _say_sent(found, sent, unsure, really, is_json)


def _office(desk: Desk, ledger: Path, as_of: date | None, policy: Path | None) -> tuple[Office, LiveScorer]:
    """The book and the desk as the service sees them, and this moment's scorer."""
    from features.ledger import Ledger
    from serving.desk_facts import facts_at_desk
    from serving.office import Office
    from serving.scoring import Scorer
    from training.champion import champion_folder
    from training.model import load_model

    with progressing("reading the ledger"):
        office = Office(desk, Ledger.load(ledger), now, policy is None, str(ledger))
    day = as_of or office.book_day
    notes.print(f"[dim]as of the start of {day}[/dim]")
    model = load_model(champion_folder(home()))
    scorer = Scorer(office.ledger, model, load_policy(home(), policy), day, facts_at_desk(desk, day))
    return office, office.live(scorer)


def _say_sent(
    found: Sequence[Draft], sent: Sequence[Sent], unsure: Sequence[str], really: bool, is_json: bool
) -> None:
    if is_json:
        told = {"drafts": [each.as_dict() for each in found], "sent": [asdict(each) for each in sent]}
        click.echo(as_json(told | {"unsure": list(unsure), "is_dry_run": not really}))
        return
    for each in found:
        to = each.refusal or f"to {each.recipient}"
        out.print(f"{each.case_id}: {each.action.replace('_', ' ')}, {to}", markup=False)
    for one in sent:
        out.print(
            f"{one.sending_id} to {one.customer_id}: {one.status}{f', {one.why}' if one.why else ''}",
            markup=False,
        )
    for waiting in unsure:
        out.print(
            f"{waiting}: nobody knows whether it arrived. Ask the customer or the mail server's log, then "
            f"`duecourse messages settle {waiting} --arrived` or `--did-not-arrive`.",
            markup=False,
        )
    may, left = sum(each.refusal is None for each in found), sum(one.status == "sent" for one in sent)
    if really:
        out.print(
            f"{left:,} sent; {len(found) - may:,} of {len(found):,} texts of today may not leave.",
            markup=False,
        )
    else:
        out.print(
            f"{may:,} of {len(found):,} texts would leave. Nothing was sent: --really does.", markup=False
        )


@messages.command()
@click.argument("sending")
@click.option("--arrived/--did-not-arrive", "arrived", required=True, help="What became of it.")
@who_option
@refusing()
def settle(sending: str, arrived: bool, who: str) -> None:
    """Say what became of a sending of which nobody knew: it arrived, or it did not and is given up."""
    from serving.desk import DeskError
    from serving.mail import settle as settled

    with open_desk() as desk:
        try:
            done = settled(desk, keeper(who), now(), sending, arrived)
        except DeskError as error:
            raise Refusal(str(error)) from None
    out.print(f"{done.sending_id} is {done.status} now.", markup=False)


def _step(kind: str | None) -> NextStep | None:
    return replace(STEP, kind=kind) if kind else None


def _place(text: str, position: int) -> str:
    before = text[:position].split("\n")
    return f"line {len(before)}, character {len(before[-1]) + 1}"


def _verdict(found: list[Finding]) -> str:
    rejected = sum(each.severity == "reject" for each in found)
    if rejected:
        return f"{rejected} {'phrase' if rejected == 1 else 'phrases'} no customer should read."
    return "This may be sent." if not found else "This may be sent, and could be said better."


def _print(message: Message, is_json: bool) -> None:
    if is_json:
        click.echo(as_json(asdict(message)))
        return
    out.print(f"Subject: {message.subject}\n", markup=False)
    out.print(message.text, markup=False)
    for warning in message.warnings:
        out.print(f"Note: {warning}", markup=False)
    out.print(f"Template {message.template}.", markup=False)


VERBS = (messages,)
