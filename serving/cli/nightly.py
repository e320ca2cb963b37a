"""The verb `nightly`: everything that is done each night, in order, and gone on with where it was broken off."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import click

from serving import nightly as nights
from serving.cli.common import (
    Refusal,
    as_json,
    as_of_option,
    home,
    json_option,
    load_book,
    notes,
    out,
    refusing,
)

KEPT_BACKUPS = 14
STANDARD_ERROR = 2
WEBHOOK = "DUECOURSE_WEBHOOK_URL"


@click.command()
@click.argument("ledger", type=click.Path(file_okay=False, path_type=Path), metavar="LEDGER")
@click.option(
    "--import",
    "exports",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="An export of the ERP to import first; may be given several times.",
)
@click.option("--mapping", help="The mapping of the export: a shipped one or a YAML file.")
@as_of_option
@click.option(
    "--keep-backups",
    type=click.IntRange(1),
    default=KEPT_BACKUPS,
    show_default=True,
    help="How many backups of the desk stay.",
)
@json_option
@refusing()
def nightly(
    ledger: Path,
    exports: tuple[Path, ...],
    mapping: str | None,
    as_of: date | None,
    keep_backups: int,
    is_json: bool,
) -> None:
    """Import, retrain, score, keep tiers, judge promises, raise alerts, list, monitor, check the log, back up.

    All that a night needs, in order. A night that was broken off, by a kill or a power cut, goes on where it stopped
    when it is started again; what is done for a day is not done twice. Two never run at once. Scores and worklist lie
    in DUECOURSE_HOME/nightly/DAY, backups of the desk in DUECOURSE_HOME/backups. serving/nightly.md has a timer.

    \b
    Ends with
      0  all done
      1  all done, and retrain, monitor or verify-audit says that somebody must act
      2  a step could not run; the others did, and it is tried again by the next start
    """
    if bool(exports) != bool(mapping):
        raise Refusal("--import and --mapping go together: which export, and how it is to be read")
    with nights.only_one(home()) as lock:
        run = nights.run_in_a_process(lock, STANDARD_ERROR if is_json else None)
        codes: dict[str, int] = {}
        if exports:
            codes["import"], was_done = nights.imported(home(), exports, str(mapping), ledger, run)
            _say("import", codes["import"], was_done)
        day = None
        if not codes.get("import"):
            day = as_of or _day_after(ledger)
            codes |= _after_the_import(ledger, day, keep_backups, run)
    code = nights.verdict_of(list(codes.values()))
    _tell(day, codes, code, is_json)
    raise click.exceptions.Exit(code)


def _day_after(ledger: Path) -> date:
    return load_book(ledger).day


def _after_the_import(ledger: Path, day: date, keep_backups: int, run: nights.Run) -> dict[str, int]:
    """Do the steps of a day that are not done; every step's exit code."""
    night = nights.Night.of(home(), day, nights.digest_of_ledger(ledger))
    nights.make_room(home(), keep_backups)
    codes = {}
    for step in nights.steps_of(home(), ledger, day, WEBHOOK in os.environ):
        was_done = step.name in night.done
        codes[step.name] = night.done[step.name] if was_done else run(step.arguments)
        if not was_done and codes[step.name] in (nights.DONE, nights.MUST_ACT):
            night.write_down(step.name, codes[step.name])
        _say(step.name, codes[step.name], was_done)
    nights.make_room(home(), keep_backups)
    return codes


def _say(name: str, code: int, was_done: bool) -> None:
    words = {nights.DONE: "done", nights.MUST_ACT: "done: somebody must act"}
    before = ", before" if was_done else ""
    notes.print(
        f"nightly: {name} {words.get(code, f'could not run (exit code {code})')}{before}", markup=False
    )


def _tell(day: date | None, codes: dict[str, int], code: int, is_json: bool) -> None:
    if is_json:
        steps: list[dict[str, Any]] = [{"step": name, "exit_code": each} for name, each in codes.items()]
        click.echo(as_json({"as_of": day and day.isoformat(), "steps": steps, "exit_code": code}))
        return
    failed = ", ".join(name for name, each in codes.items() if each not in (nights.DONE, nights.MUST_ACT))
    acting = ", ".join(name for name, each in codes.items() if each == nights.MUST_ACT)
    if failed:
        out.print(f"Could not run: {failed}. What it said stands above; start the night again.", markup=False)
    else:
        asked = f" Somebody must act: see what {acting} said." if acting else ""
        out.print(f"The night of {day} is done.{asked}", markup=False)


VERBS = (nightly,)
