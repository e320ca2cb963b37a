"""The verb `tune`: would other settings make a better model?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from serving.cli.common import (
    as_json,
    as_of_option,
    chosen_day,
    config_option,
    home,
    json_option,
    lateness_rule,
    ledger_argument,
    load_book,
    out,
    progressing,
    refusing,
    rule_options,
)

SHOWN = 5


@click.command()
@ledger_argument
@as_of_option
@rule_options
@click.option(
    "--trials", type=click.IntRange(1), default=30, show_default=True, help="Settings to try, today's first."
)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after so long, whichever is first."
)
@config_option
@json_option
@refusing()
def tune(
    ledger: Path,
    as_of: date | None,
    late_after: int,
    calendar_days: bool,
    trials: int,
    minutes: float | None,
    config: Path | None,
    is_json: bool,
) -> None:
    """Search for better settings on matured invoices, and print them ready for mlflow.yaml.

    Settings are chosen on blocks of time, each scored by a model of what had matured before it, and meet
    today's once more on a later block that the search never saw. Nothing known on or after --as-of is looked
    at: name the first day of what you will report later. The same command goes on where it stopped; trials are
    kept in DUECOURSE_HOME/searches.
    """
    from features.history import History
    from training.search import search
    from training.settings import load_settings

    settings = load_settings(config, home())
    book = load_book(ledger)
    loaded, day = book.ledger, chosen_day(as_of, book)
    history = History(loaded.known_before(day), lateness_rule(late_after, calendar_days))
    with progressing("preparing") as progress:
        found = search(history, day, settings, loaded.fingerprint(day), home(), trials, minutes, progress)
    click.echo(as_json(_content(found))) if is_json else _print(found)


def _content(found: Any) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "todays_log_loss": found.todays_log_loss,
        "best_log_loss": found.best_log_loss,
        "confirmed": vars(found.confirmed) if found.confirmed else None,
        "blocks": [[begin.isoformat(), end.isoformat()] for begin, end in found.blocks],
        "best": found.best.model_dump(),
        "trials": found.trials,
        "folder": str(found.folder),
    }


def _print(found: Any) -> None:
    searched = f"{found.blocks[0][0]} to {found.blocks[-2][1]}"
    table = Table(
        title=f"The best of {len(found.trials)} trials, on invoices issued {searched}", title_justify="left"
    )
    names = list(found.trials[0]["settings"])
    for column in ("trial", "log loss", *names):
        table.add_column(column.replace("_", " "), justify="right")
    for row in found.trials[:SHOWN]:
        loss = "given up" if row["log_loss"] is None else f"{row['log_loss']:.4f}"
        number = f"{row['trial']}{' (today)' if row['is_todays'] else ''}"
        table.add_row(number, loss, *(f"{row['settings'][name]:g}" for name in names))
    out.print(table)
    out.print(
        f"Today's settings: log loss {found.todays_log_loss:.4f}. All trials: {found.folder}/trials.csv",
        markup=False,
    )
    out.print(f"\n{found.section()}", markup=False)
    out.print(found.verdict, markup=False)


VERBS = (tune,)
