"""The verb `ecl`: how much of what is open is expected never to come, by ageing band."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from rich.table import Table

from serving.cli.common import (
    OutputFile,
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
from serving.exports import write_table

if TYPE_CHECKING:
    from serving.credit_loss import Provision

MONEY = ("open", "expected_loss", "disputed")
TITLES = (
    "segment",
    "past due",
    "open",
    "rate",
    "range",
    "expected loss",
    "disputed",
    "customers / balances behind",
)


@click.command()
@ledger_argument
@as_of_option
@policy_option
@click.option("--output", type=OutputFile(), help="One row per band, segment and currency: .csv or .parquet.")
@json_option
@refusing()
def ecl(ledger: Path, as_of: date | None, policy: Path | None, output: Path | None, is_json: bool) -> None:
    """What is expected never to come of what is open: a provision matrix by ageing band.

    The simplified approach of IFRS 9: loss rates from the ledger's own history, each with its range and how many
    customers and balances tell of it; per currency, never added together; what is disputed stands apart. It needs
    no model and sees nothing that was learned on the day or later.
    """
    from features.history import History
    from serving.credit_loss import provision
    from serving.facts import Facts
    from serving.scoring import load_policy

    book = load_book(ledger)
    day = chosen_day(as_of, book)
    with progressing("following balances through their ages"):
        made = provision(Facts(History(book.ledger)), day, load_policy(home(), policy))
    if output:
        write_table(pd.DataFrame(made.rows()), output)
    if is_json:
        click.echo(as_json(made.as_dict()))
        return
    _print(made)
    if output:
        out.print(f"Wrote {len(made.lines):,} rows to {output}.", markup=False)


def _print(made: Provision) -> None:
    told = made.as_dict()
    for total in told["totals"]:
        currency = total["currency"]
        title = f"Expected credit loss in {currency} at the start of {made.as_of}"
        table = Table(title=title, title_justify="left")
        for name in TITLES:
            table.add_column(name, justify="left" if name == "segment" else "right")
        for line in told["lines"]:
            if line["currency"] == currency:
                table.add_row(*_cells(line))
        table.add_row("in all", "", _grouped(total["open"]), "", "", _grouped(total["expected_loss"]),
                      _grouped(total["disputed"]), "", style="bold")  # fmt: skip
        out.print(table)
    for note in _notes(told):
        out.print(note, markup=False)
    out.print(made.sentence, markup=False)


def _cells(line: dict[str, Any]) -> list[str]:
    most = "at most " if line["is_at_most"] else ""
    return [
        line["segment"].replace("_", " "),
        line["band"],
        _grouped(line["open"]),
        f"{most}{line['loss_rate']:.2%}",
        f"{line['rate_low']:.1%} to {line['rate_high']:.1%}",
        _grouped(line["expected_loss"]),
        _grouped(line["disputed"]),
        f"{line['customers_behind']:,} / {line['balances_behind']:,}",
    ]


def _notes(told: dict[str, Any]) -> list[str]:
    """What has to be known to read the table."""
    notes = [
        f"Lost is what has not come within {told['follow_up_days']} days, from now or from the due date if later."
    ]
    if any(line["is_at_most"] for line in told["lines"]):
        notes.append(
            "At most: of some later age nobody in the ledger tells, so nothing is taken to come there."
        )
    if any({"currency", "book", "ages"} & set(line["basis"]) for line in told["lines"]):
        notes.append(
            f"A segment with fewer than {told['enough_customers']} customers at an age leans on the whole "
            "currency or book there; `basis` of --json says where."
        )
    if told["outlook"] != 1:
        notes.append(f"Rates of the past times {told['outlook']:g}: {told['outlook_because']}.")
    unknown = sum(line["unknown_amounts"] for line in told["lines"])
    if unknown:
        notes.append(f"{unknown:,} open invoices have no known amount and are in no sum.")
    return notes


def _grouped(amount: str) -> str:
    return f"{Decimal(amount):,}"


VERBS = (ecl,)
