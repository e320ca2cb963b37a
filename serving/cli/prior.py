"""The verb `prior`: what the shipped model is that new tenants start from, and how it is made anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from serving.cli.common import Refusal, as_json, json_option, out, progressing, refusing

LATE_AFTER_DAYS = (0, 5, 5, 15)
"""Every world counts lateness by one of these, from printed and from rolled due dates in turn: the trees of
`p_late` must suit any rule, and learn the rule from the features that count by it."""


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def prior(context: click.Context, is_json: bool) -> None:
    """Show the shipped model that a training with little history starts from; `make` makes it anew."""
    if context.invoked_subcommand is None:
        from training.prior import shipped_prior

        found = shipped_prior()
        if found is None:
            raise Refusal("no shipped prior fits this program's features; run duecourse prior make")
        if is_json:
            click.echo(as_json({"version": found.version, "card": found.card}))
        else:
            out.print(_said(found), markup=False)


def _said(found: Any) -> str:
    lines = [f"Prior {found.version}, {found.card['features']} features, learned from simulated books alone:"]
    lines += [
        f"  {target:10} {row['invoices']:>7,} invoices, {row['late_invoices']:>6,} late, {row['note']}"
        for target, row in found.card["horizons"].items()
    ]
    return "\n".join(lines)


@prior.command()
@click.option("--worlds", type=click.IntRange(4), default=24, show_default=True, help="Simulated books.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the first world.")
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to replace. Default: the shipped prior itself.",
)
@refusing()
def make(worlds: int, seed: int, to: Path | None) -> None:
    """Simulate worlds of many kinds, learn the prior from them, and put it in place of the shipped one.

    The same arguments and program give the same bytes. Run it after any change to the features.
    """
    from training.model import save_model
    from training.model.signing import SIGNATURE
    from training.prior import FOLDER
    from training.prior.making import prior_of

    folder = to or FOLDER
    with progressing("simulating", worlds) as progress:
        books = []
        for done, book in enumerate(_lessons(range(seed, seed + worlds)), start=1):
            books.append(book)
            progress(done, worlds)
        progress("fitting")
        model = prior_of(books, f"seeds {seed} to {seed + worlds - 1}")
    if folder.exists():
        shutil.rmtree(folder)
    saved = save_model(model, folder)
    (folder / saved.version / SIGNATURE).unlink(
        missing_ok=True
    )  # the program vouches for it, not this machine
    out.print(_said(saved), markup=False)
    out.print(f"Wrote {folder / saved.version}.", markup=False)


def _lessons(seeds: range) -> Iterator[Any]:
    from training.prior.making import lessons_of

    for number, seed in enumerate(seeds):
        yield lessons_of(simulated_history(seed, number))


def simulated_history(seed: int, number: int) -> Any:
    """The history of one simulated world; its number among the others says how it counts lateness."""
    import numpy as np

    from data_samples import simulator
    from data_samples.simulator.random_worlds import drawn_world, recorded
    from features.history import History
    from features.lateness import LatenessRule
    from features.ledger import Ledger

    size = np.random.default_rng(np.random.SeedSequence([seed, 3]))
    customers, months = int(size.integers(30, 90)), int(size.integers(4, 14))
    book = simulator.simulate(customers, months, seed, world=drawn_world(seed), futures=0)
    ledger = Ledger.from_tables(recorded(book.tables, seed))
    late_after = LATE_AFTER_DAYS[number % len(LATE_AFTER_DAYS)]
    return History(ledger, LatenessRule(late_after, calendar_days=number // len(LATE_AFTER_DAYS) % 2 == 1))


VERBS = (prior,)
