"""The verb of the morning: `worklist`."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.common import (
    OutputFile,
    as_json,
    as_of_option,
    home,
    json_option,
    ledger_argument,
    notes,
    out,
    policy_option,
    progressing,
    refusing,
)
from serving.cli.scores import kept_tiers, scorer_and_book
from serving.exports import SUFFIXES, write_table
from serving.policy.sentences import spaced
from serving.profile import spoken
from serving.worklist import LEFT_OUT, Case, Worklist, items_of
from serving.worklist.memory import remember, waited_before
from serving.worklist.telling import in_words
from serving.worklist.told import told

if TYPE_CHECKING:
    pass


def _check_file(path: Path) -> None:
    if path.suffix not in (*SUFFIXES, ".json"):
        raise ValueError(f"cannot write {path.name}: name a file that ends in .csv, .parquet or .json")


class Places(click.ParamType):
    """A role and how many places it has today."""

    name = "name=n"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        role, _, places = str(value).partition("=")
        if not role or not places.isdigit():
            self.fail(f"{value!r}: write a role and its places, such as credit_manager=5", parameter, context)
        return role, int(places)


@click.command()
@ledger_argument
@as_of_option
@click.option(
    "--capacity", type=click.IntRange(0), help="Customers to contact today. Default: that of the policy."
)
@click.option(
    "--skill",
    "skills",
    type=Places(),
    multiple=True,
    help="At most so many of them for a role, such as credit_manager=5; may be given again.",
)
@click.option(
    "--output",
    type=OutputFile(_check_file),
    help="Also write the list to a file: .csv, .parquet or .json (with every case left out).",
)
@click.option("--left-out", "is_left_out", is_flag=True, help="Also name every case that is not on the list.")
@policy_option
@json_option
@refusing()
def worklist(
    ledger: Path,
    as_of: date | None,
    capacity: int | None,
    skills: tuple[tuple[str, int], ...],
    output: Path | None,
    is_left_out: bool,
    policy: Path | None,
    is_json: bool,
) -> None:
    """Today's list: whom to contact first, about what, how, by when and why; and who was left out and why.

    A case is one customer, or all accounts with the same top parent, with everything they have open. Who was left
    out for want of a place is remembered in DUECOURSE_HOME/worklists, so that nobody waits for ever.
    """
    scorer, book = scorer_and_book(ledger, as_of, policy)
    kept = told(book.records, scorer.as_of)
    for problem in kept.problems:
        notes.print(f"Warning: {problem}", style="yellow", markup=False)
    place = str(ledger.resolve())
    with progressing("making the list"):
        items = items_of(scorer, scorer.as_of, kept.declared)
        made = Worklist.make(
            scorer,
            capacity=capacity,
            by_skill=dict(skills),
            states=kept.states,
            waited=waited_before(home(), place, scorer.as_of),
            declared=kept.declared,
            last_reviewed=kept.last_reviewed,
            items=items,
            tiers=kept_tiers(scorer, items),
        )
        if output:
            _write(made, output)
        _remember(place, made)
    if is_json:
        click.echo(as_json(made.as_dict(is_left_out)))
        return
    _print(made, is_left_out)
    if output:
        out.print(f"Wrote {len(made.cases)} lines to {output}.", markup=False)


def _remember(place: str, made: Worklist) -> None:
    """Keep who waits; a list that cannot be remembered is still a list."""
    try:
        remember(home(), place, made)
    except OSError as error:
        notes.print(f"Who waits was not remembered: {error}", markup=False)


def _write(made: Worklist, path: Path) -> None:
    if path.suffix != ".json":
        write_table(made.table(), path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_text(
            json.dumps(made.as_dict(left_out=True), indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _print(made: Worklist, is_left_out: bool) -> None:
    cases = len(made.cases) + len(made.left_out)
    out.print(
        f"Worklist of {spoken(made.as_of)} {made.as_of.year}: {len(made.cases)} of {cases:,} customers with open "
        f"invoices, {made.capacity.per_day} places. Values in {made.ranked_in}.",
        markup=False,
        style="bold",
    )
    for case in made.cases:
        for line in lines_of(case, made.as_of):
            out.print(line, markup=False)
    if made.counts():
        out.print("\nLeft out", style="bold")
        for reason, many in made.counts().items():
            out.print(f"  {many:>7,}  {LEFT_OUT[reason]} ({reason})", markup=False)
    if is_left_out:
        for row in made.left_out.to_dict(orient="records"):
            detail = f" ({row['detail']})" if row["detail"] else ""
            waits = f", left out {row['waited']} times before" if row["waited"] else ""
            why = f"{LEFT_OUT[row['reason']]}{detail}; {row['action']} by {row['rule']}{waits}"
            out.print(f"  {row['case_id']}: {why}", markup=False)


def lines_of(case: Case, day: date) -> list[str]:
    """A case as it is read aloud: who and what to do by when, about what and why, and what else there is."""
    who = f"{case.name} ({case.case_id})" if case.name and case.name != case.case_id else case.case_id
    if len(case.customers) > 1:
        who += f", {len(case.customers)} accounts"
    since = f" since {spoken(case.tier_since)}" if case.tier_since and case.tier_since < day else ""
    who += f", {case.tier}{since}"
    how = "" if case.channel == "internal" else f" by {case.channel}"
    doer = f"{case.assigned_to}, {spaced(case.who)}" if case.assigned_to else spaced(case.who)
    worth = f"; value {case.value['value']:,.0f}" if case.value["value"] > 0 else ""
    step = spaced(case.action).replace("pre due", "pre-due")
    head = f"{case.rank:>3}  {who}: {step}{how}, {doer}, {in_words(case.by, day)}{worth}"
    lines = [head, f"     {case.why}"]
    if case.reasons:
        lines.append(f"     Risk: {'. '.join(case.reasons[:2])}.")
    more = [f"{many} held by {rule}" for rule, many in case.held.items()]
    more += [f"also {spaced(step)} ({many})" for step, many in case.also.items()]
    return [*lines, *([f"     Invoices: {', '.join(more)}."] if more else [])]


VERBS = (worklist,)
