"""The verbs that make and check ledgers: `check`, `import`, `simulate`."""

from __future__ import annotations

from pathlib import Path

import click

from features.ledger import Ledger, LedgerError, problem_report, report
from serving.cli.common import as_json, json_option, ledger_argument, out, progressing, refusing


@click.command()
@ledger_argument
@json_option
@refusing()
def check(ledger: Path, is_json: bool) -> None:
    """Validate a ledger: every problem with its table, row, key, value and mend.

    Exit code 0: usable (repairs and rows set aside are listed); 1: errors that stop a load; 2: could not
    be read at all.
    """
    try:
        with progressing("checking the ledger"):
            loaded = Ledger.load(ledger)
        found = report(loaded)
    except LedgerError as error:
        found = problem_report(error.problems)
    if is_json:
        click.echo(as_json(found))
    else:
        _print_report(found)
    raise SystemExit(0 if found["usable"] else 1)


def _print_report(found: dict) -> None:
    for name, rows in found.get("rows", {}).items():
        aside = found["set_aside_rows"].get(name, 0)
        out.print(f"{name:20} {rows:>9,} rows" + (f"  ({aside:,} set aside)" if aside else ""))
    for line in found["summary"]:
        out.print(f"  {line}", markup=False)
    counts = ", ".join(f"{count} {severity}" for severity, count in found["counts"].items() if count)
    if found["usable"]:
        out.print(f"The ledger can be used up to {found['latest_fact']}. Found: {counts or 'nothing odd'}.")
    else:
        out.print(f"The ledger cannot be used. Found: {counts}.")


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--mapping", required=True, help="A shipped mapping (canonical, sap-ledger, ibm-watson) or a YAML file."
)
@click.option(
    "--to",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The ledger folder to write.",
)
@json_option
@refusing()
def import_(files: tuple[Path, ...], mapping: str, to: Path, is_json: bool) -> None:
    """Turn an ERP export into a ledger folder; rows that cannot be used go to its folder set_aside."""
    from features.ledger.importing import import_export

    with progressing("importing"):
        result = import_export(list(files), mapping, to)
    found = report(result.ledger)
    if is_json:
        click.echo(as_json(found))
    else:
        _print_report(found)


@click.command()
@click.option(
    "--customers", type=click.IntRange(1), default=300, show_default=True, help="How many owe and pay."
)
@click.option(
    "--months", type=click.IntRange(1), default=18, show_default=True, help="How long the history is."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed always gives the same book."
)
@click.option(
    "--to",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The ledger folder to write.",
)
@click.option(
    "--scenario",
    default="quiet",
    show_default=True,
    metavar="NAME[@YYYY-MM-DD]",
    help="What changes on some day (default: two thirds into the book); see below.",
)
@json_option
@refusing()
def simulate(customers: int, months: int, seed: int, to: Path, scenario: str, is_json: bool) -> None:
    """Write a fictional ledger whose truth is known (folder truth beside the tables).

    \b
    Scenarios, with the day and what changed in truth/scenario.yaml:
      quiet          nothing changes
      shock          everybody pays ten days later, for good
      passing_shock  the same for ten weeks
      new_mix        slow customers from abroad join in numbers
      acted_on       the supplier acts on scores, and so payments change
      import_format  amounts arrive in hundredths, some columns no longer
      missing_terms  the day of issue arrives as the due date
      swapped_dates  booking days arrive with day and month swapped
      broken_feed    payments of one division are lost for four weeks
      late_feed      payments of four weeks arrive all at once after them
    """
    from data_samples import simulator

    world = simulator.World(scenario=simulator.scenario_of(scenario))
    with progressing("simulating", customers) as progress:
        book = simulator.simulate(customers, months, seed, progress, world)
        progress("writing")
        simulator.write(book, to)
    rows = {name: len(table) for name, table in book.tables.items()}
    described = {} if book.scenario.is_quiet else book.scenario.described
    if is_json:
        click.echo(as_json({"ledger": str(to), "rows": rows} | described))
    else:
        wrote = f"Wrote {rows['invoices']:,} invoices of {customers:,} fictional customers to {to}"
        out.print(wrote, markup=False)
        if described:
            out.print(f"From {described['begins_on']}: {described['what']}", markup=False)


VERBS = (check, import_, simulate)
