"""The verbs of the credit manager: `policy show`, `check`, `dry-run`, `history`, `activate` and `rollback`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.table import Table

from serving.cli.common import (
    Refusal,
    as_json,
    as_of_option,
    home,
    json_option,
    ledger_argument,
    load_book,
    now,
    out,
    policy_option,
    refusing,
    say_warnings,
    who_option,
)
from serving.in_force import InForce, database_url, policy_in_force
from serving.policy import Policy, PolicyError
from serving.policy.sentences import spaced
from serving.policy.spoken import outdated, unsaid

if TYPE_CHECKING:
    from serving.cli.common import Book
    from serving.comparing import Comparison
    from serving.desk import Activation, Actor, Desk
    from serving.scoring import Scorer

ROLE = "credit_manager"
_ON_THE_LIST = {
    "comes_on": "Comes on today's list",
    "drops_off": "Drops off today's list",
    "other_steps": "Another step on today's list",
    "other_places": "Another place on today's list",
}
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
why_option = click.option("--why", required=True, help="For the record.")


@click.group()
def policy() -> None:
    """Read, check, try out and change the policy that turns scores into tiers and next actions.

    In force is the file of --policy, else the one activated at the desk, else policy.yaml in DUECOURSE_HOME, else
    the packaged one.
    """


@policy.command()
@policy_option
@click.option(
    "--strategy", metavar="NAME", help="Only this strategy, as its customers may read it in advance."
)
@click.option(
    "--language",
    default="en",
    show_default=True,
    help="With --strategy: in which language, such as de or nl.",
)
@json_option
@refusing()
def show(policy: Path | None, strategy: str | None, language: str, is_json: bool) -> None:
    """The policy as plain sentences, or one strategy's steps and days to tell customers in advance."""
    loaded = _in_force(policy).policy
    if strategy:
        _show_strategy(loaded, strategy, language, is_json)
        return
    if is_json:
        click.echo(as_json({"policy_version": loaded.version, **loaded.as_dict()}))
        return
    for sentence in loaded.sentences():
        out.print(sentence, markup=False)
    out.print(f"Version {loaded.version}.")


def _show_strategy(loaded: Policy, strategy: str, language: str, is_json: bool) -> None:
    sentences = loaded.published(strategy, language)
    if is_json:
        told = {"policy_version": loaded.version, "strategy": strategy, "sentences": sentences}
        click.echo(as_json(told))
        return
    for sentence in sentences:
        out.print(sentence, markup=False)


@policy.command("check")
@file_argument
@click.option(
    "--ledger",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Also say for which countries of its natural persons no place of help is named.",
)
@refusing()
def check_(file: Path, ledger: Path | None) -> None:
    """Check a policy file: every problem with its line and what to write instead. Exit code 2 for any."""
    try:
        loaded = Policy.load(file)
    except PolicyError as error:
        for problem in error.problems:
            click.echo(str(problem))
        count = "1 problem" if len(error.problems) == 1 else f"{len(error.problems)} problems"
        click.echo(f"{count}: this policy cannot be used.")
        raise SystemExit(2) from None
    out.print(f"This policy can be used. Version {loaded.version}.")
    say_warnings((*_without_help(loaded, ledger), *unsaid(loaded.parts), *_outdated(loaded)))


def _outdated(loaded: Policy) -> Iterator[str]:
    """What other languages still say as the policy in force does; nothing where that one cannot be read."""
    from serving.desk import DeskError

    try:
        before = policy_in_force(home()).policy
    except (PolicyError, DeskError):
        return
    yield from outdated(before.parts, loaded.parts)


def _without_help(loaded: Policy, ledger: Path | None) -> Iterator[str]:
    """Where the texts speak of help and the policy names no place of it."""
    from serving.messages.rendering import names_help

    parts = loaded.parts
    texts = sorted({each.template for each in parts.actions.values() if names_help(each.template)})
    if not texts or parts.natural_persons is None:
        return
    named = {place.country for place in parts.places_of_help}
    if not named:
        yield f"no place of help is named in places_of_help, and {', '.join(texts)} speak of help in general"
    for country, many in _persons_by_country(loaded, ledger) if ledger else ():
        if country not in named:
            where = country or "an unknown country"
            yield f"natural persons of {where}: {many:,}, and places_of_help names no place there"


def _persons_by_country(loaded: Policy, ledger: Path) -> list[tuple[str, int]]:
    """How many natural persons, by the policy's own words, a ledger has in each country."""
    from features.days import day_number
    from features.history import History
    from serving.facts import Facts
    from serving.policy.accounts import ACCOUNT_TERMS
    from serving.policy.cases import account_columns
    from serving.policy.columns import Columns

    book, gate = load_book(ledger), loaded.parts.natural_persons
    facts = Facts(History(book.ledger))
    master = facts.master(np.arange(len(facts.history.customers)), day_number(book.day))
    columns = account_columns({name: master[name].tolist() for name in ("debtor_type", "country")})
    if gate is None or not len(master):
        return []
    is_person = gate.when.holds(Columns(columns, ACCOUNT_TERMS, loaded.parts.numbers, {}))
    return sorted(Counter(columns["country"][is_person].tolist()).items())


@policy.command("dry-run")
@ledger_argument
@as_of_option
@click.option(
    "--policy",
    "candidate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The candidate. Default: policy.yaml in DUECOURSE_HOME.",
)
@json_option
@refusing()
def dry_run(ledger: Path, as_of: date | None, candidate: Path | None, is_json: bool) -> None:
    """What would change if another policy were in force: cases that move, steps, calls a day, and today's list.

    Of the list it says who comes on, who drops off, and whose step or place changes. Changes nothing.
    """
    from serving.cli.scores import scorer_and_book
    from serving.comparing import compared

    other = Policy.load(_candidate(candidate))
    scorer, book = scorer_and_book(ledger, as_of, None)
    found = compared(scorer.policy, other, scorer.decide_open().cases, scorer.as_of)
    listed = _list_changed(scorer, other, book, str(ledger.resolve()))
    if is_json:
        click.echo(as_json(found.as_dict() | {"listed": listed}))
        return
    _say(found)
    _say_list(listed)


def _list_changed(scorer: Scorer, candidate: Policy, book: Book, place: str) -> dict[str, Any]:
    """What becomes of the list of the day, under both policies made in the same way."""
    from serving.cli.scores import changes_of_tiers
    from serving.list_changes import list_change, list_under, sentence_of
    from serving.worklist.memory import waited_before
    from serving.worklist.told import told

    found, changes = told(book.records, scorer.as_of), changes_of_tiers()
    waited = waited_before(home(), place, scorer.as_of)
    before, after = (list_under(scorer, each, found, waited, changes) for each in (scorer.policy, candidate))
    listed = list_change(before, after).as_dict()
    return listed | {"sentence": sentence_of(listed)}


def _candidate(explicit: Path | None) -> Path:
    beside = home() / "policy.yaml"
    if explicit or beside.exists():
        return explicit or beside
    raise Refusal(f"there is no candidate: name one with --policy, or put one at {beside}")


def _say(found: Comparison) -> None:
    """The comparison on paper: tiers, steps, calls, the customers that move, and the sentence."""
    out.print(f"In force: version {found.policy_version}. Candidate: version {found.candidate_version}.")
    _say_pairs("customers per tier", found.tiers)
    _say_pairs("invoices per step, where they differ", found.actions)
    _say_pairs("calls a day", found.calls)
    for move in found.moves:
        change = f"{move.old_tier} to {move.new_tier}, " if move.old_tier != move.new_tier else ""
        money = f"{move.amount_open:,.2f} {move.currency}"
        out.print(
            f"{move.customer_id} ({money}): {change}{move.old_action} to {move.new_action}", markup=False
        )
        out.print(f"    now: {move.old_why}", markup=False)
        out.print(f"    then: {move.new_why}", markup=False)
    sentence = found.sentence
    out.print(f"On {found.as_of} it {sentence}.", markup=False)


def _say_list(listed: dict[str, Any]) -> None:
    """What becomes of the list: the first of each kind, the largest leaps first, and the sentence."""
    from serving.list_changes import MOST_SHOWN
    from serving.worklist import LEFT_OUT

    for kind, title in _ON_THE_LIST.items():
        cases, count = listed[kind][:MOST_SHOWN], listed["counts"][kind]
        if cases:
            more = f", {len(cases)} of {count:,} shown" if len(cases) < count else ""
            out.print(f"\n{title} ({count:,} case{'s' * (count != 1)}{more})", style="bold", markup=False)
        for each in cases:
            called = each["name"] if each["name"] not in ("", each["case_id"]) else ""
            who = f"{called} ({each['case_id']})" if called else each["case_id"]
            out.print(f"  {who}: {_told_of(kind, each, LEFT_OUT)}", markup=False)
    out.print(listed["sentence"], markup=False)


def _told_of(kind: str, case: dict[str, Any], left_out: Mapping[str, str]) -> str:
    """What a case would be on the list with the candidate."""
    if kind == "other_places":
        return f"place {case['before']}, then {case['after']}"
    if kind == "other_steps":
        before, after = (
            f"{spaced(case[f'{when}action'])} by the {spaced(case[f'{when}who'])}" for when in ("before_", "")
        )
        return f"{before}, then {after}; {case['why']}"
    reason = left_out.get(case["reason"], "nothing of it is open")
    when = "not there now" if kind == "comes_on" else "not there then"
    return f"place {case['place']}, {spaced(case['action'])}; {when}: {reason}"


def _say_pairs(title: str, pairs: Any) -> None:
    if not pairs:
        return
    table = Table(title=title, title_justify="left")
    for name in ("", "now", "candidate"):
        table.add_column(name, justify="left" if not name else "right")
    for name, (before, after) in pairs.items():
        table.add_row(name, f"{before:g}", f"{after:g}")
    out.print(table)


@policy.command()
@json_option
@refusing()
def history(is_json: bool) -> None:
    """Every policy that was put in force at the desk: when, by whom, why; and those only saved."""
    with _desk() as desk:
        activations, saved = desk.activations(), desk.policies()
    known = {each.version: each.note for each in saved}
    rows = [_as_row(each, known, each is activations[-1]) for each in activations]
    idle = [each.version for each in saved if each.activated_at is None]
    if is_json:
        click.echo(as_json({"activations": rows, "saved_only": idle}))
        return
    if not rows:
        out.print("No policy was activated at the desk yet: duecourse policy activate FILE --why '...'")
    for row in rows:
        mark = " (in force)" if row["is_in_force"] else ""
        said = f"{row['activated_at']}  {row['version']}{mark}  {row['activated_by']}: {row['why']}"
        out.print(said, markup=False)
    if idle:
        out.print(f"Saved and never in force: {', '.join(idle)}.")


def _as_row(activation: Activation, notes_of: dict[str, str], is_in_force: bool) -> dict[str, Any]:
    return {
        "version": activation.version,
        "activated_at": activation.activated_at.isoformat(timespec="seconds"),
        "activated_by": activation.activated_by,
        "why": activation.why,
        "note": notes_of.get(activation.version, ""),
        "is_in_force": is_in_force,
    }


@policy.command()
@file_argument
@why_option
@who_option
@json_option
@refusing()
def activate(file: Path, why: str, who: str, is_json: bool) -> None:
    """Put a policy file in force at the desk, from the next answer on. Try it with `dry-run` first."""
    loaded = Policy.load(file)
    text = file.read_text(encoding="utf-8")
    with _desk() as desk:
        before = desk.active_policy()
        # The version is that of the content: a file that differs in comments only is kept as it was first.
        kept = next((each for each in desk.policies() if each.version == loaded.version), None)
        with desk.writing(_actor(who), now()) as written:
            written.save_policy(loaded.version, kept.text if kept else text, why)
            written.activate_policy(loaded.version, why)
    _said_in_force(loaded.version, before.version if before else None, is_json)


@policy.command()
@why_option
@click.option("--to", "version", metavar="VERSION", help="Default: the one in force before.")
@who_option
@json_option
@refusing()
def rollback(why: str, version: str | None, who: str, is_json: bool) -> None:
    """Put an earlier policy of the desk in force again."""
    with _desk() as desk:
        activations = desk.activations()
        current = activations[-1].version if activations else None
        chosen = version or _before(activations)
        if chosen not in {each.version for each in desk.policies()}:
            raise Refusal(f"the desk keeps no policy {chosen}; `duecourse policy history` lists them")
        with desk.writing(_actor(who), now()) as written:
            written.activate_policy(chosen, why)
    _said_in_force(chosen, current, is_json)


def _before(activations: list[Activation]) -> str:
    """The version in force before the present one."""
    earlier = [each.version for each in activations if each.version != activations[-1].version]
    if not earlier:
        raise Refusal("there is no earlier policy to go back to; `duecourse policy history` lists them")
    return earlier[-1]


def _said_in_force(version: str, before: str | None, is_json: bool) -> None:
    if is_json:
        click.echo(as_json({"policy_version": version, "before": before}))
        return
    replaced = f", in the place of {before}" if before and before != version else ""
    out.print(f"Version {version} is in force{replaced}. A running service follows with its next answer.")


def _in_force(explicit: Path | None) -> InForce:
    found = policy_in_force(home(), explicit)
    say_warnings([found.warning] if found.warning else [])
    return found


def _desk() -> Desk:
    from serving.desk import Desk

    return Desk.open(home(), database_url())


def _actor(who: str) -> Actor:
    from serving.desk import Actor

    return Actor(who, ROLE)


VERBS = (policy,)
