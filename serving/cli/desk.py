"""The verbs of the desk's keeping: `desk tiers`, `promises`, `backup`, `restore`, `erase`, `forget`; `verify-audit`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.common import (
    as_json,
    as_of_option,
    chosen_day,
    has_desk,
    home,
    json_option,
    ledger_argument,
    load_book,
    load_ledger,
    now,
    open_desk,
    out,
    policy_option,
    progressing,
    refusing,
    who_option,
)
from serving.in_force import database_url, load_policy

if TYPE_CHECKING:
    from serving.desk import Actor, AuditVerdict, Head
    from serving.promises import Judged

KEPT_DAYS = 3 * 365


def keeper(who: str) -> Actor:
    """Who runs these verbs: whoever may, keeps the desk."""
    from serving.desk import Actor

    return Actor(who, "administrator")


@click.group()
def desk() -> None:
    """Keep what people told us: judge promises, keep tiers, back it up, put it back, forget what told of persons."""


file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@desk.command()
@ledger_argument
@as_of_option
@policy_option
@who_option
@json_option
@refusing()
def tiers(ledger: Path, as_of: date | None, policy: Path | None, who: str, is_json: bool) -> None:
    """Keep the tiers of customers and groups on a day: who changed, by which rule. Done twice, it is kept once."""
    from serving.cli.scores import kept_tiers, scorer_of
    from serving.tiers import keep_tiers
    from serving.worklist import items_of

    scorer = scorer_of(ledger, as_of, policy)
    with progressing("working out the tiers"):
        found = kept_tiers(scorer, items_of(scorer, scorer.as_of))
    if found is None:
        raise ValueError("the policy has no section 'customer_tiers'; take it from the packaged policy.yaml")
    with open_desk() as opened:
        kept = keep_tiers(opened, keeper(who), now(), found, scorer.model.version)
    counts = Counter(found.by_customer.values())
    if is_json:
        told = {"as_of": scorer.as_of.isoformat(), "tiers": counts, "kept": kept.added}
        click.echo(as_json(told | {"withdrawn": kept.withdrawn, "kept_until": kept.later}))
        return
    listed = ", ".join(f"{counts[tier]:,} {tier}" for tier in scorer.policy.tiers)
    said = f"{kept.added} changes kept, {kept.withdrawn} withdrawn"
    if kept.later:
        said = f"nothing is kept of this day, since changes of {kept.later} are kept already"
    out.print(f"Customers by tier on {scorer.as_of}: {listed}; {said}.", markup=False)


@desk.command()
@ledger_argument
@as_of_option
@policy_option
@who_option
@json_option
@refusing()
def promises(ledger: Path, as_of: date | None, policy: Path | None, who: str, is_json: bool) -> None:
    """Judge promises whose day and grace have passed: kept, kept in part or broken, by what came in."""
    from features.history import History
    from serving.promises import judge_promises

    if not has_desk():
        _say_judged([], is_json)
        return
    book = load_book(ledger)
    day, grace_days = chosen_day(as_of, book), load_policy(home(), policy).parts.promise_grace_days
    with progressing("judging promises"), open_desk() as opened:
        found = judge_promises(opened, keeper(who), now(), History(book.ledger), day, grace_days)
    _say_judged(found, is_json)


def _say_judged(found: list[Judged], is_json: bool) -> None:
    if is_json:
        click.echo(as_json({"judged": [asdict(each) for each in found]}))
        return
    for each in found:
        out.print(f"{each.promise_id} for {each.promised_on}: {each.before} to {each.now}", markup=False)
    out.print(f"{len(found)} promises judged.")


@desk.command()
@file_argument
@json_option
@refusing()
def backup(file: Path, is_json: bool) -> None:
    """Copy the desk into FILE while it is in use: checked, whole or not at all.

    FILE is an SQLite database whether the desk lies in SQLite or in PostgreSQL, so it also moves a desk from one
    to the other: back up, set DUECOURSE_DATABASE_URL, restore. (pg_dump stays good for a server's own backups.)
    """
    from serving.desk.backup import back_up

    if file.is_symlink():
        raise ValueError(f"{file} is a link; name the file itself")
    with progressing("backing up"), open_desk() as opened:
        head = back_up(opened, file)
    _say_head(f"Wrote {file}", head, is_json, {"file": str(file)})


@desk.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in place of a desk that holds something.")
@who_option
@json_option
@refusing()
def restore(file: Path, replace: bool, who: str, is_json: bool) -> None:
    """Put the backup FILE in place of the desk, once its integrity and its audit log are shown to hold.

    A running service reads the desk anew when it is started again.
    """
    from serving.desk.backup import restore as put_back

    with progressing("restoring"):
        head = put_back(home(), database_url(), file, keeper(who), now(), replace)
    _say_head(f"Restored {file}; start running services again", head, is_json, {"file": str(file)})


def _say_head(done: str, head: Head, is_json: bool, more: dict[str, Any]) -> None:
    if is_json:
        click.echo(as_json(more | {"entries": head.position, "head": str(head)}))
    else:
        out.print(f"{done}: {head.position:,} entries.", markup=False)
        out.print(f"To keep elsewhere: {head}", markup=False)


@desk.command()
@click.argument("customer")
@click.option("--why", required=True, help="For the audit log: who asked for it, and when.")
@click.option(
    "--ledger",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The ledger: finds also what came in about an invoice of theirs without naming them.",
)
@who_option
@json_option
@refusing()
def erase(customer: str, why: str, ledger: Path | None, who: str, is_json: bool) -> None:
    """Blank every text, name and person in all that is kept of CUSTOMER; amounts, days and decisions stay.

    For natural persons who ask for it. The audit log still holds, and says what was erased. Earlier backups and
    the ERP's export are not touched.
    """
    invoices = _invoices_of(customer, ledger) if ledger else []
    with open_desk() as opened:
        blanked = opened.erase(keeper(who), now(), customer, why, invoices)
    _say_blanked(f"of {customer}", blanked, is_json, {"customer_id": customer})


def _invoices_of(customer: str, ledger: Path) -> list[str]:
    invoices = load_ledger(ledger).tables["invoices"]
    return [str(each) for each in invoices.loc[invoices["customer_id"] == customer, "invoice_id"]]


@desk.command()
@click.option(
    "--older-than",
    type=click.IntRange(1),
    default=KEPT_DAYS,
    show_default=True,
    metavar="DAYS",
    help="How long notes, contacts and messages may tell of persons.",
)
@who_option
@json_option
@refusing()
def forget(older_than: int, who: str, is_json: bool) -> None:
    """Blank what tells of persons in notes, contacts and messages older than the period of retention."""
    with open_desk() as opened:
        blanked = opened.forget(keeper(who), now(), older_than)
    _say_blanked(f"older than {older_than} days", blanked, is_json, {"older_than_days": older_than})


def _say_blanked(of_what: str, blanked: int, is_json: bool, more: dict[str, Any]) -> None:
    if is_json:
        click.echo(as_json(more | {"versions_blanked": blanked}))
    elif blanked:
        out.print(f"Blanked {blanked:,} versions {of_what}.", markup=False)
    else:
        out.print(f"Nothing {of_what} that tells of a person was left.", markup=False)


@click.command("verify-audit")
@click.option("--expect", metavar="POSITION:HASH", multiple=True, help="A head that was kept elsewhere.")
@who_option
@json_option
@refusing()
def verify_audit(expect: tuple[str, ...], who: str, is_json: bool) -> None:
    """Say whether anything at the desk was changed, removed, added or moved unseen.

    Every record, decision and policy is held against the audit log, the log against itself, and its end against
    the head that is kept in DUECOURSE_HOME; what was found is kept there for the page Audit. Exit code 0: all holds;
    1: it does not; 2: could not be read.
    """
    from serving.desk.checked import keep_check

    expected = [_head(each) for each in expect]
    with progressing("checking every entry"), open_desk() as opened:
        found = opened.verify_audit(*expected)
    keep_check(home(), found, who, now())
    if is_json:
        click.echo(as_json(_as_dict(found)))
    else:
        _print_verdict(found)
    if not found.is_valid:
        raise click.exceptions.Exit(1)


def _head(text: str) -> Head:
    from serving.desk import Head

    position, _, digest = text.partition(":")
    if not position.isdecimal() or not digest:
        raise ValueError(f"{text!r} is no head of an audit log; it looks like 1204:9f86d0…")
    return Head("", int(position), digest)


def _as_dict(found: AuditVerdict) -> dict[str, Any]:
    return {
        "is_valid": found.is_valid,
        "sentence": found.sentence,
        "entries": found.head.position,
        "head": str(found.head),
        "anchor": found.anchor and str(found.anchor),
        "problems": list(found.problems),
        "notes": list(found.notes),
        "erased": [asdict(each) for each in found.erased],
    }


def _print_verdict(found: AuditVerdict) -> None:
    for line in (*found.problems, *found.notes):
        out.print(f"  {line}", markup=False)
    for each in found.erased:
        told = f"{each.at[:10]} by {each.who}: {each.versions:,} versions of {len(each.records):,} records"
        out.print(f"  erased {told} ({each.why})", markup=False)
    out.print(found.sentence, markup=False)
    if found.is_valid:
        out.print(f"To keep elsewhere: {found.head}", markup=False)


VERBS = (desk, verify_audit)
