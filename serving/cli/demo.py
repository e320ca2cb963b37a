"""The verb `demo`: the whole way from a fictional book to a ranked list, on one screen."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.markup import escape

from serving.alerts.keeping import keep_alerts
from serving.cli.alerts import found_on
from serving.cli.common import (
    Book,
    chosen_day,
    home,
    lateness_rule,
    load_book,
    now,
    open_desk,
    out,
    progressing,
    refusing,
)
from serving.cli.desk import keeper
from serving.cli.scores import due_in_words, reason_lines, scorer_of
from serving.desk_facts import desk_facts
from serving.exports import write_scores
from serving.scoring import Scorer, ranked, records
from serving.tiers import keep_tiers, kept_changes, tiers_at
from serving.worklist import Worklist, items_of
from serving.worklist.memory import remember, waited_before

TIER_STYLES = {"critical": "bold red", "high": "yellow", "medium": "cyan", "low": "green"}
DEMO_CUSTOMERS, DEMO_MONTHS, DEMO_SEED = 200, 18, 7


@click.command()
@refusing()
def demo() -> None:
    """Simulate a book, train on it, score it, and print the ranked list with reasons and next actions."""
    from data_samples import simulator
    from serving.cli.training import print_training, train_and_record
    from training.settings import load_settings

    folder = home() / "demo-ledger"
    with progressing("simulating a fictional book", DEMO_CUSTOMERS) as progress:
        book = simulator.simulate(DEMO_CUSTOMERS, DEMO_MONTHS, DEMO_SEED, progress)
        simulator.write(book, folder)
    made = f"{DEMO_CUSTOMERS} customers, {len(book.tables['invoices']):,} invoices, in {folder}"
    out.print(f"[bold]1. A fictional book[/bold] of {made}")
    read = load_book(folder)
    loaded, day = read.ledger, chosen_day(None, read)
    out.print("\n[bold]2. A model[/bold] learns from it how each customer pays")
    settings = load_settings(None, home())
    print_training(train_and_record(loaded, day, lateness_rule(5, False), settings, "demo"))
    scorer = scorer_of(folder, None, None)
    scored = scorer.score_open(full=True)
    with progressing("keeping what two nights keep"):
        keep_nights(folder, read, scorer)
    write_scores(scored, home() / "demo-scores.csv")
    out.print(f"\n[bold]3. Its {len(scored):,} open invoices[/bold], those first where help is worth most")
    print_ranked(scored, scorer, day)


def keep_nights(folder: Path, book: Book, scorer: Scorer) -> None:
    """Keep tiers, alerts and the list of the day before and of the day: pages then say what changed since yesterday."""
    for night in (scorer.as_of - timedelta(days=1), scorer.as_of):
        facts = desk_facts(book.records, night)
        of = Scorer(book.ledger, scorer.model, scorer.policy, night, facts)
        items = items_of(of, night)
        with open_desk() as desk:
            tiers = tiers_at(of, items, kept_changes(desk))
            if tiers is not None:
                keep_tiers(desk, keeper("demo"), now(), tiers, of.model.version)
            keep_alerts(
                desk, keeper("demo"), now(), night, found_on(of.history, night, None, of, desk), False
            )
        place = str(folder.resolve())
        waited = waited_before(home(), place, night)
        remember(home(), place, Worklist.make(of, waited=waited, items=items, tiers=tiers))


def print_ranked(scored: pd.DataFrame, scorer: Scorer, day: date, most: int = 10) -> None:
    """The head of the ranked list with reasons and actions, one invoice per customer."""
    listed = ranked(scored[scored["action"] != "none_needed"], scorer.policy.tiers)
    for row in records(listed.drop_duplicates("customer_id").head(most)):
        _print_row(row)
    tiers = scored["tier"].value_counts()
    counted = ", ".join(f"{tiers.get(tier, 0)} {tier}" for tier in reversed(scorer.policy.tiers))
    where = escape(str(home() / "demo-scores.csv"))
    out.print(f"\nOf {len(scored):,} open invoices as of {day}: {counted}. All of them: {where}")
    out.print("Next: `make serve`, then open the address it prints.")


def _print_row(row: dict[str, Any]) -> None:
    style = TIER_STYLES.get(row["tier"], "bold")
    who = f"[bold]{escape(row['customer_id'])}[/bold] {escape(row['invoice_id'])}"
    money = "amount unknown" if row["amount_open"] is None else f"{float(row['amount_open']):,.2f}"
    chances = f"late {row['p_late']:.0%}, 30 days {row['p_late_30']:.0%}, 90 days {row['p_late_90']:.0%}"
    out.print(
        f"\n[{style}]{row['tier']:>8}[/{style}]  {who}  {money} {row['currency']}, {due_in_words(row)}  {chances}"
    )
    for line in reason_lines(row)[:2]:
        out.print(f"            {line}", markup=False)
    by = f" by {row['action_by']}" if row["action_by"] else ""
    out.print(f"            → [bold]{row['action']}[/bold]{by}: {escape(row['objective'])}")


VERBS = (demo,)
