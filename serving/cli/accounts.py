"""The verbs of whole accounts: `accounts` and `exits`."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from rich.table import Table

from serving.cli.common import (
    OutputFile,
    Refusal,
    as_json,
    as_of_option,
    chosen_day,
    home,
    json_option,
    ledger_argument,
    load_book,
    out,
    policy_option,
    progressing,
    refusing,
)
from serving.cli.scores import kept_tiers, scorer_and_book
from serving.exports import write_table
from serving.policy.sentences import spaced
from serving.recovery import FEWEST_CUSTOMERS
from serving.scoring import load_policy
from serving.worklist import items_of
from serving.worklist.told import told

if TYPE_CHECKING:
    from serving.accounts import Account
    from serving.hand_over import Queue
    from serving.policy.exits import ExitAdvice

MOST_SHOWN, LONGEST_NAME = 30, 32


@click.command()
@ledger_argument
@click.argument("customer", required=False)
@as_of_option
@click.option(
    "--new",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="Facts of a customer who is not in the book yet: the credit to offer at order time.",
)
@click.option("--output", type=OutputFile(), help="Also write every account to a file: .csv or .parquet.")
@policy_option
@json_option
@refusing()
def accounts(
    ledger: Path,
    customer: str | None,
    as_of: date | None,
    new: Path | None,
    output: Path | None,
    policy: Path | None,
    is_json: bool,
) -> None:
    """Whole accounts: tier and since when, review due, what it might come to, and the credit to offer, with reasons.

    All accounts, those due for a review first, or one CUSTOMER. Reviews, flags and kept tiers come from the desk.
    The names of facts for --new are those of serving/policy.md, such as {"currency": "EUR", "requested_limit": 8000,
    "reported_on": "2026-01-05", "report_limit": 4000}; all but the currency may be left out. What is said of credit
    and reviews is a recommendation: a person decides.
    """
    if new:
        if customer or output:
            raise Refusal("--new is about nobody in the book: leave out CUSTOMER and --output")
        _new(ledger, new, as_of, policy, is_json)
        return
    from serving.accounts import accounts_of, verdict

    scorer, book = scorer_and_book(ledger, as_of, policy)
    with progressing("looking at accounts"):
        tiers = kept_tiers(scorer, items_of(scorer, scorer.as_of))
        reviewed = told(book.records, scorer.as_of).last_reviewed
        try:
            found = accounts_of(scorer, tiers, reviewed, [customer] if customer else None)
        except KeyError:
            raise Refusal(f"no customer {customer!r} is in this ledger; check its number") from None
    if output:
        write_table(pd.DataFrame([each.row() for each in found]), output)
    day, version = scorer.as_of, scorer.policy.version
    if is_json:
        listed = [each.as_dict() for each in found]
        head = {"as_of": day.isoformat(), "policy_version": version}
        click.echo(as_json(head | (listed[0] if customer else {"accounts": listed})))
    elif customer:
        for line in lines_of(found[0], day):
            out.print(line, markup=False)
    else:
        _print(found, day)
        out.print(verdict(found, reversed(scorer.policy.tiers)), markup=False)
    if output and not is_json:
        out.print(f"Wrote {len(found):,} accounts to {output}.", markup=False)


def _new(ledger: Path, file: Path, as_of: date | None, policy: Path | None, is_json: bool) -> None:
    from serving.new_customers import recommended

    day = chosen_day(as_of, load_book(ledger))
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Refusal(f"{file} is not JSON: {error}") from None
    credit = recommended(load_policy(home(), policy), given, day)
    if is_json:
        click.echo(as_json({"as_of": day.isoformat(), **credit}))
        return
    out.print(
        f"Credit for {credit['customer_id'] or 'a new customer'}, as of the start of {day}", style="bold"
    )
    for line in _credit_lines(credit):
        out.print(line, markup=False)


def _print(found: list[Account], day: date) -> None:
    table = Table(title=f"Accounts at the start of {day}, reviews due first", title_justify="left")
    right = {"open", "limit", "to offer"}
    for name in ("customer", "tier", "review", "might come to", "open", "limit", "credit", "to offer"):
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    for each in found[:MOST_SHOWN]:
        told, credit = each.as_dict(), each.credit
        named = shortened(f"{each.customer_id} {each.name}".strip(), LONGEST_NAME)
        table.add_row(
            named,
            each.tier.tier,
            _review(each, day),
            each.outcome.outcome,
            f"{_grouped(told['figures']['exposure'])} {told['currency']}",
            _grouped(told["figures"]["credit_limit"]),
            spaced(credit.decision),
            f"{_grouped(told['credit']['limit'])}, {credit.terms_days} days" if credit.limit else "no credit",
        )
    out.print(table)
    if len(found) > MOST_SHOWN:
        out.print(f"and {len(found) - MOST_SHOWN:,} more; --output FILE writes them all.")


def _grouped(amount: str | None) -> str:
    """An amount as people read it: 12,500.00."""
    return "none" if amount is None else f"{Decimal(amount):,}"


def _review(account: Account, day: date) -> str:
    review = account.review
    last = f", last {review.last_reviewed_on}" if review.last_reviewed_on else ", never yet"
    return f"{'due' if review.is_due else f'on {review.due_on}'}{last}"


def lines_of(account: Account, day: date) -> list[str]:
    """An account as it is read aloud."""
    told = account.as_dict()
    review, figures, currency = told["review"], told["figures"], told["currency"]
    who = f"{account.customer_id} {account.name}".strip()
    since = f" since {account.tier.since}" if account.tier.since < day else ""
    limit = f"limit {_grouped(figures['credit_limit'])}" if figures["credit_limit"] else "no limit set"
    late = "" if figures["late_share"] is None else f", {figures['late_share']:.0%} of a year's invoices late"
    return [
        f"{who}, at the start of {day}",
        f"  Tier: {account.tier.tier}{since}. {_sentence(account.tier.why)}",
        f"  Stands at: {_grouped(figures['exposure'])} {currency} open, "
        f"{_grouped(figures['overdue_open'])} past due, {limit}{late}.",
        f"  Review: {_review(account, day)}; might come to {review['recommended']}: {review['because']}.",
        f"    {_cost(review, currency)}; {review['margin']}.",
        *_credit_lines(told["credit"]),
    ]


def shortened(text: str, longest: int) -> str:
    """A text that fits its column."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _cost(review: dict[str, Any], currency: str) -> str:
    """What collecting costs, as far as contacts are on record."""
    contacts = review["contacts_365"]
    if not contacts:
        return "No contact of the last year is on record, so no cost to collect is known"
    share = "" if review["cost_share"] is None else f" ({review['cost_share']:.2%} of what was bought)"
    talks = "1 contact" if contacts == 1 else f"{contacts} contacts"
    return f"{talks} in a year, about {_grouped(review['cost_to_collect'])} {currency} to collect{share}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _credit_lines(credit: dict[str, Any]) -> list[str]:
    terms = f", {_grouped(credit['limit'])} {credit['currency']} and {credit['terms_days']} days to pay"
    offer = terms if float(credit["limit"] or 0) else ", no credit"
    part = f", {credit['prepayment_share']:.0%} in advance" if credit["prepayment_share"] else ""
    reasons = "; ".join(each["sentence"] for each in credit["reasons"])
    notes = "; ".join(credit["notes"])
    gate = " A natural person stands behind this account: it binds nobody before a person has looked."
    return [
        f"  Credit: {spaced(credit['decision'])}{offer}{part}; {credit['because']}.",
        *([f"    Reasons: {reasons}."] if reasons else []),
        *([f"    Noted: {notes}."] if notes else []),
        f"    For the {spaced(credit['who'])} to decide.{gate if credit['person_decides'] else ''}",
    ]


@click.command()
@ledger_argument
@as_of_option
@policy_option
@json_option
@refusing()
def exits(ledger: Path, as_of: date | None, policy: Path | None, is_json: bool) -> None:
    """What might be handed over or written down, what is missing before, and what money of that age still brings in.

    A queue to decide on and never a default: it takes the facts that the policy names, the checklist has to hold,
    and a person decides on each invoice.
    """
    from serving.hand_over import exit_queue

    scorer, _ = scorer_and_book(ledger, as_of, policy)
    with progressing("looking at old invoices"):
        queue = exit_queue(scorer)
    if is_json:
        click.echo(as_json(queue.as_dict()))
        return
    out.print(f"Hand-over and write-down at the start of {queue.as_of}", style="bold")
    for advice in queue.advice:
        for line in _advice_lines(advice):
            out.print(line, markup=False)
    _print_curve(queue)
    if not queue.advice:
        for outcome, when in queue.conditions.items():
            out.print(f"Considered for {spaced(outcome)}: {when}.", markup=False)
    out.print(queue.sentence, markup=False)


def _advice_lines(advice: ExitAdvice) -> list[str]:
    from serving.accounts import money

    amount = _grouped(money(advice.amount, advice.currency))
    state = "ready" if advice.is_prepared else "not ready"
    age = f"{advice.days_past_due} days past due" if advice.days_past_due > 0 else "not past due"
    expected = (
        f" Expected still: {_grouped(money(advice.expected_amount, advice.currency))} {advice.currency}"
        if advice.expected_amount is not None
        else ""
    )
    cost = (
        f", of which a specialist keeps {_grouped(money(advice.cost, advice.currency))}"
        if advice.cost
        else ""
    )
    down = (
        f" To write down: {_grouped(money(advice.write_down_amount, advice.currency))} {advice.currency}."
        if advice.write_down_amount is not None
        else ""
    )
    return [
        f"  {advice.invoice_id} of {advice.customer_id}: {amount} {advice.currency}, {age}, "
        f"{advice.contacts_ever} contacts; {spaced(advice.consider)}, {state}",
        f"    {_sentence(advice.because)}. {advice.says}{expected}{cost}{'.' if expected else ''}{down}",
        *([f"    Done: {'; '.join(advice.done)}."] if advice.done else []),
    ]


def _print_curve(queue: Queue) -> None:
    days = queue.curve.follow_up_days
    if all(band.share is None for band in queue.curve.bands):
        out.print(
            f"What money of an age still brings in within {days} days, this ledger does not tell yet: it takes "
            f"invoices of at least {FEWEST_CUSTOMERS} customers that were past due so long ago.",
            markup=False,
        )
        return
    table = Table(title=f"Of money that old, so much came in within {days} days", title_justify="left")
    for name in ("days past due", "came in", "range", "a specialist's part", "invoices", "customers"):
        table.add_column(name, justify="right")
    for band in queue.bands():
        is_told = band["share"] is not None
        table.add_row(
            f"from {band['from_day']}",
            f"{band['share']:.0%}" if is_told else "not known",
            f"{band['low']:.0%} to {band['high']:.0%}" if is_told else "",
            f"{band['cost']:.0%}" if is_told else "",
            f"{band['invoices']:,}",
            f"{band['customers']:,}",
        )
    out.print(table)


VERBS = (accounts, exits)
