"""The verb `retrain`: a nightly job that puts a new model in charge only where it is shown to be no worse."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from features.lateness import LatenessRule
from serving.cli.common import (
    Refusal,
    as_json,
    as_of_option,
    chosen_day,
    config_option,
    home,
    json_option,
    ledger_argument,
    load_book,
    now,
    out,
    progressing,
    refusing,
    who_option,
)
from serving.cli.training import in_charge, print_training, train_and_record

EPILOG = """\\b
Every night at three, with a message only where a challenger did not pass or something broke:
  0 3 * * *  cd /srv/receivables && duecourse retrain ledger > retrain.log 2>&1 || mail -s retrain you < retrain.log

\\b
Ends with
  0  a new champion, or nothing new to learn, or not enough evidence yet: the log says which
  1  the challenger did not pass; the champion stays, and the missed gates are named
  2  it could not run; nothing was changed"""


@click.command(epilog=EPILOG)
@ledger_argument
@as_of_option
@config_option
@who_option
@json_option
@refusing()
@click.pass_context
def retrain(
    context: click.Context, ledger: Path, as_of: date | None, config: Path | None, who: str, is_json: bool
) -> None:
    """Train a challenger where enough has matured, and promote it if it is no worse than the champion.

    Both are asked about the invoices issued since the champion was trained, and both know only what was known
    before. The gates in mlflow.yaml decide, with the champion's own meaning of late. A challenger that does not
    pass scores in the champion's shadow. Without a champion the first model takes charge.
    """
    from training.retraining import reason_to_wait
    from training.settings import load_settings

    settings = load_settings(config, home())
    book = load_book(ledger)
    loaded, day = book.ledger, chosen_day(as_of, book)
    against = _champion(settings)
    if against is not None and against.model is not None:
        with progressing("looking for what has matured"):
            waiting = reason_to_wait(loaded, day, settings, home(), against.model)
        if waiting:
            return _say_waiting(waiting, day, against.version, is_json)
    result = train_and_record(loaded, day, _target(against, settings), settings, who)
    if is_json:
        click.echo(as_json(result))
    else:
        print_training(result)
    if result["outcome"] == "not_passed" and not result["promoted"]:
        context.exit(1)
    return None


def _champion(settings: Any) -> Any:
    from training.registry import RegistryError

    try:
        return in_charge(settings)
    except RegistryError as error:
        raise Refusal(str(error)) from None


def _say_waiting(why: str, day: date, version: str, is_json: bool) -> None:
    if is_json:
        told = {"outcome": "waiting", "promoted": False, "why": why, "as_of": day.isoformat()}
        click.echo(as_json(told | {"model_version": version}))
    else:
        out.print(f"{why} The champion {version} stays.", markup=False)


def _target(against: Any, settings: Any) -> LatenessRule:
    """What the champion means by late; of one that cannot be loaded the registry knows it."""
    if against is None:
        return LatenessRule()
    if against.model is not None:
        return against.model.rule
    from training.registry import Registry

    for row in Registry(home(), settings, now).list_versions():
        if row["version"] == against.version:
            return LatenessRule(row["late_after_days"], row["calendar_days"])
    raise Refusal(
        f"{against.why_not}; the registry does not know {against.version}, so nobody can say what it meant by late: "
        "run `duecourse train LEDGER` with --late-after"
    )


VERBS = (retrain,)
