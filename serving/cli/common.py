"""What do all verbs share? Options, where state lives, how results, progress and refusals are printed."""

from __future__ import annotations

import functools
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from features.lateness import LatenessRule
from features.ledger import Ledger, LedgerError, oddities, summarise
from serving.api.days import parse_day
from serving.exports import check_output
from serving.in_force import DESK_FILE, database_url
from training.champion import NoChampion

if TYPE_CHECKING:
    from serving.desk import Desk, Record

Verb = TypeVar("Verb", bound=Callable[..., Any])
MOST_LINES = 20
DESK_ONLY = ("case_states", "flags", "reviews", "contacts")

# Where nobody looks (a pipe, a log), a table need not fit a narrow window.
_WIDTH = None if sys.stdout.isatty() else 140
out = Console(highlight=False, soft_wrap=True, width=_WIDTH)
notes = Console(stderr=True, highlight=False, soft_wrap=True)


class Refusal(click.ClickException):
    """Could not run: nothing was written. Exit code 2."""

    exit_code = 2


def home() -> Path:
    """The folder of all state: DUECOURSE_HOME, else .duecourse here."""
    return Path(os.environ.get("DUECOURSE_HOME") or ".duecourse")


def now() -> datetime:
    """The present moment; the only clock of the commands."""
    return datetime.now(UTC)


def as_json(content: Any) -> str:
    """One JSON document for `--json`."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=str)


def refusing() -> Callable[[Verb], Verb]:
    """Turn what a user can mend into one clear message and exit code 2."""

    def wrapped(verb: Verb) -> Verb:
        @functools.wraps(verb)
        def run(*args: Any, **given: Any) -> Any:
            try:
                return verb(*args, **given)
            except LedgerError as error:
                raise Refusal("the ledger cannot be used:\n" + "\n".join(summarise(error.problems))) from None
            except (ValueError, NoChampion) as error:
                raise Refusal(str(error)) from None
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                raise Refusal(f"{where}{error.strerror or error}") from None

        return run  # type: ignore[return-value]

    return wrapped


class Day(click.ParamType):
    """A day such as 2026-03-31."""

    name = "day"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else parse_day(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", parameter, context)


def check_chart(path: Path) -> None:
    """Raises ValueError for a file that is no chart by its suffix."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise ValueError(f"cannot draw {path.name}: name a file that ends in .svg or .png")


class OutputFile(click.ParamType):
    """A file to write, refused by its suffix before any work is done."""

    name = "file"

    def __init__(self, check: Callable[[Path], None] = check_output) -> None:
        self.check = check

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path:
        path = Path(value)
        try:
            self.check(path)
        except ValueError as error:
            self.fail(str(error), parameter, context)
        if path.is_dir():
            self.fail(f"{path} is a folder; name a file in it", parameter, context)
        return path


ledger_argument = click.argument(
    "ledger", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="LEDGER"
)
json_option = click.option("--json", "is_json", is_flag=True, help="Print the figures as JSON.")
as_of_option = click.option(
    "--as-of",
    type=Day(),
    help="Start of this day: facts known on earlier days count. Default: the day after the latest fact.",
)
output_option = click.option(
    "--output", type=OutputFile(), required=True, help="The file to write: .csv or .parquet."
)
policy_option = click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A policy file. Default: policy.yaml in DUECOURSE_HOME, else the packaged one.",
)
config_option = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A mlflow.yaml. Default: the one in DUECOURSE_HOME, else the packaged one.",
)


who_option = click.option(
    "--who",
    default=lambda: os.environ.get("DUECOURSE_USER") or _user_of_the_system(),
    show_default="DUECOURSE_USER, else your user name",
    help="For the record: in whose name a model takes charge.",
)


def _user_of_the_system() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return f"user {os.getuid()}"


def rule_options(verb: Verb) -> Verb:
    """Options that say what late means."""
    late = click.option(
        "--late-after",
        type=click.IntRange(0, 365),
        default=5,
        show_default=True,
        help="Late means settled more than so many days after due.",
    )
    calendar = click.option(
        "--calendar-days",
        is_flag=True,
        help="Count from printed due dates, also where they fall on weekends or holidays.",
    )
    return late(calendar(verb))


def lateness_rule(late_after: int, calendar_days: bool) -> LatenessRule:
    """The rule that the options describe."""
    return LatenessRule(late_after, calendar_days)


@dataclass(frozen=True)
class Book:
    """The folder and the desk read together, and the day that is worked on where nobody names one."""

    ledger: Ledger
    day: date
    records: tuple[Record, ...] = ()
    """What the desk keeps beside the ledger's columns: case states, flags, reviews, and what contacts ended in."""


def has_desk() -> bool:
    """Whether anything was kept at a desk yet."""
    return database_url() is not None or (home() / DESK_FILE).exists()


def open_desk() -> Desk:
    """The desk of this home."""
    from serving.desk import Desk

    return Desk.open(home(), database_url())


def load_book(folder: Path) -> Book:
    """The ledger of a folder with what the desk holds; what was repaired or set aside is said on the error stream."""
    from serving.book import book_day, joined
    from serving.scoring import default_as_of

    with progressing("reading the ledger"):
        export = Ledger.load(folder)
        book = Book(export, default_as_of(export)) if export.latest_fact else Book(export, date.min)
        if has_desk():
            with open_desk() as desk:
                rows = desk.ledger_rows()
                records = tuple(record for kind in DESK_ONLY for record in desk.find(kind))
            book = Book(joined(export, rows), book_day(export, rows), records)
    say_problems(book.ledger)
    return book


def load_ledger(folder: Path) -> Ledger:
    """The ledger of a book, for who needs no day."""
    return load_book(folder).ledger


def say_problems(ledger: Ledger) -> None:
    """How many rows were changed, and what is odd about the whole; notes on rows are left to `check`."""
    changed = [problem for problem in ledger.problems if problem.severity != "note"]
    if changed:
        notes.print(f"[dim]{len(changed)} rows repaired or set aside; `duecourse check` lists them.[/dim]")
    say_warnings(ledger_warnings(ledger))


def ledger_warnings(ledger: Ledger) -> list[str]:
    """What is odd about the ledger as a whole; that it has no customers table is left to `check`."""
    return summarise(problem for problem in oddities(ledger) if problem.code != "no_customers")


def say_warnings(warnings: Iterable[str]) -> None:
    """Print what somebody should know, on the error stream."""
    for warning in warnings:
        notes.print(f"Warning: {warning}", style="yellow", markup=False)


def chosen_day(as_of: date | None, book: Book) -> date:
    """The day of `--as-of`, or the one the book is at; it is printed."""
    day = as_of or book.day
    if day == date.min:
        raise ValueError("the ledger holds no dated fact: give it invoices, or name a day with --as-of")
    notes.print(f"[dim]as of the start of {day}[/dim]")
    return day


@contextmanager
def progressing(step: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """A bar on a terminal, nothing elsewhere; call it with the name of each next step, or with (done, total)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task(step, total=total)

        def advance(*given: Any) -> None:
            if len(given) == 2:
                bar.update(task, completed=given[0], total=given[1])
            else:
                bar.update(task, description=str(given[0]))

        yield advance
