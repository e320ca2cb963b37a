"""The verbs of the day: `score`, `explain` and the demonstration."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.markup import escape
from rich.table import Table

from serving.cli.common import (
    as_json,
    as_of_option,
    chosen_day,
    home,
    json_option,
    lateness_rule,
    ledger_argument,
    load_ledger,
    notes,
    out,
    policy_option,
    progressing,
    refusing,
)
from serving.scoring import Scorer, load_policy, ranked, records, write_scores

TIER_STYLES = {"critical": "bold red", "high": "yellow", "medium": "cyan", "low": "green"}
DEMO_CUSTOMERS, DEMO_MONTHS, DEMO_SEED = 200, 15, 7


def scorer_of(ledger: Path, as_of: datetime | None, policy: Path | None) -> Scorer:
    """The champion on a ledger, with a warning where it knows more than the as-of day allows."""
    from training.champion import champion_folder
    from training.model import load_model

    model = load_model(champion_folder(home()))
    loaded = load_ledger(ledger)
    scorer = Scorer(loaded, model, load_policy(home(), policy), chosen_day(as_of, loaded))
    if scorer.trained_before > scorer.as_of:
        notes.print(
            f"[yellow]The champion was trained on facts before {scorer.trained_before}, later than "
            f"{scorer.as_of}: good for a look back, not for judging the model.[/yellow]"
        )
    return scorer


@click.command()
@ledger_argument
@as_of_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="A .csv or .parquet file.",
)
@policy_option
@json_option
@refusing()
def score(ledger: Path, as_of: datetime | None, output: Path, policy: Path | None, is_json: bool) -> None:
    """Score every invoice open on a day: probabilities, reasons, tier and next action, one row each."""
    scorer = scorer_of(ledger, as_of, policy)
    with progressing("scoring"):
        scored = scorer.score_open()
        write_scores(scored, output)
    summary = _summary(scored, scorer)
    if is_json:
        click.echo(as_json(summary | {"output": str(output)}))
        return
    tiers = ", ".join(f"{count} {tier}" for tier, count in summary["tiers"].items())
    out.print(f"Wrote {len(scored):,} open invoices to {output}: {tiers}.")


def _summary(scored: pd.DataFrame, scorer: Scorer) -> dict[str, Any]:
    return {
        "as_of": scorer.as_of.isoformat(),
        "open_invoices": len(scored),
        "tiers": {tier: int((scored["tier"] == tier).sum()) for tier in scorer.policy.tiers},
        "actions": scored["action"].value_counts().to_dict(),
        "mean_p_late": float(scored["p_late"].mean()) if len(scored) else None,
        "model_version": scorer.model.version,
        "policy_version": scorer.policy.version,
        "problems": len(scorer.ledger.problems),
    }


@click.command()
@ledger_argument
@click.argument("invoice")
@as_of_option
@policy_option
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the waterfall: an .svg or .png file.",
)
@json_option
@refusing()
def explain(
    ledger: Path, invoice: str, as_of: datetime | None, policy: Path | None, plot: Path | None, is_json: bool
) -> None:
    """Explain the score of one open invoice, from the base rate through each reason to the probability."""
    scorer = scorer_of(ledger, as_of, policy)
    try:
        row, explanation = scorer.explain(invoice)
    except KeyError:
        raise ValueError(f"no invoice {invoice!r} is known before {scorer.as_of} in this ledger") from None
    if plot:
        _draw(row, explanation, plot)
    if is_json:
        told = {
            "explained": explanation.target,
            "probability": explanation.probability,
            "base_log_odds": explanation.base if explanation.contributions else None,
            "contributions": explanation.contributions,
        }
        click.echo(as_json(row | told))
        return
    _print_explanation(row, explanation)


def _print_explanation(row: dict[str, Any], explanation: Any) -> None:
    due = row["days_past_due"]
    when = f"{due} days past due" if due > 0 else f"due in {-due} days"
    owed = f"{row['amount_open']} {row['currency']} open"
    out.print(
        f"Invoice {row['invoice_id']} of {row['customer_id']}: {owed}, {when}", markup=False, style="bold"
    )
    shown = ", ".join(f"{name} {row[name]:.1%}" for name in ("p_late", "p_late_30", "p_late_90"))
    out.print(f"{shown}; evidence: {row['evidence']}")
    if explanation.contributions:
        out.print(_waterfall_table(explanation))
    for reason in row["reasons"]:
        sign = "+" if reason["direction"] == "raises" else "−"
        out.print(f"  {sign} {reason['sentence']}", markup=False)
    doing = f"by {row['action_by']} ({row['who']}, {row['channel']})" if row["action_by"] else ""
    out.print(f"\nTier [bold]{row['tier']}[/bold]. Next: [bold]{row['action']}[/bold] {doing}")
    if row["opening"]:
        out.print(f"  “{row['opening']}”", markup=False)
    out.print(f"  {row['why']}", markup=False)


def _waterfall_table(explanation: Any) -> Table:
    from features.reasons import REASON_CODES
    from training.model.calibration import probability

    table = Table(title=f"From the base rate to {explanation.target}", title_justify="left", show_edge=False)
    table.add_column("reason")
    table.add_column("log-odds", justify="right")
    table.add_column("so far", justify="right")
    total = explanation.base
    table.add_row("base rate", f"{total:+.3f}", f"{probability(total):.1%}")
    parts = sorted(
        explanation.contributions.items(), key=lambda part: (part[0] == "calibration", -abs(part[1]))
    )
    for code, contribution in parts:
        total += contribution
        if contribution:
            table.add_row(REASON_CODES[code].label, f"{contribution:+.3f}", f"{probability(total):.1%}")
    return table


def _draw(row: dict[str, Any], explanation: Any, path: Path) -> None:
    from features.reasons import REASON_CODES
    from training.charts import new_figure, save, waterfall

    if not explanation.contributions:
        raise ValueError(
            "the invoice is past every horizon: there is nothing left to explain, so nothing to draw"
        )
    parts = sorted(
        explanation.contributions.items(), key=lambda part: (part[0] == "calibration", -abs(part[1]))
    )
    shown = [(REASON_CODES[code].label, value) for code, value in parts[:8] if code != "calibration"]
    rest = sum(value for code, value in parts) - sum(value for _, value in shown)
    bars = [*shown, ("Everything else", rest)]
    figure = new_figure(8.5, 1.4 + 0.5 * len(bars))
    days = {"p_late": "late", "p_late_30": "more than 30 days late", "p_late_90": "more than 90 days late"}
    title = f"Why may invoice {row['invoice_id']} be {days[explanation.target]}?"
    waterfall(figure.subplots(), explanation.base, bars, explanation.probability, title)
    save(figure, path, title)
    notes.print(f"wrote {path}")


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
    loaded = load_ledger(folder)
    day = chosen_day(None, loaded)
    out.print("\n[bold]2. A model[/bold] learns from it how each customer pays")
    print_training(train_and_record(loaded, day, lateness_rule(5, False), load_settings(None, home())))
    scorer = scorer_of(folder, None, None)
    scored = scorer.score_open(full=True)
    write_scores(scored, home() / "demo-scores.csv")
    out.print(f"\n[bold]3. Its {len(scored):,} open invoices[/bold], those first where help is worth most")
    print_ranked(scored, scorer, day)


def print_ranked(scored: pd.DataFrame, scorer: Scorer, day: date, most: int = 10) -> None:
    """The head of the ranked list with reasons and actions, one invoice per customer."""
    list_ = ranked(scored[scored["action"] != "none_needed"], scorer.policy.tiers)
    for row in records(list_.drop_duplicates("customer_id").head(most)):
        _print_case(row)
    tiers = scored["tier"].value_counts()
    counted = ", ".join(f"{tiers.get(tier, 0)} {tier}" for tier in reversed(scorer.policy.tiers))
    out.print(
        f"\nOf {len(scored):,} open invoices as of {day}: {counted}. All of them: {home() / 'demo-scores.csv'}"
    )
    out.print("Next: `make serve`, then open the address it prints.")


def _print_case(row: dict[str, Any]) -> None:
    style = TIER_STYLES.get(row["tier"], "")
    owed = f"{float(row['amount_open']):,.2f} {row['currency']}, {_when(row['days_past_due'])}"
    chance = f"late {row['p_late']:.0%}, 30 days {row['p_late_30']:.0%}, 90 days {row['p_late_90']:.0%}"
    who = f"[bold]{escape(row['customer_id'])}[/bold] {escape(row['invoice_id'])}"
    out.print(f"\n[{style}]{row['tier']:>8}[/{style}]  {who}  {owed}  {chance}")
    for reason in row["reasons"][:2]:
        sign = "+" if reason["direction"] == "raises" else "−"
        out.print(f"{'':12}{sign} {reason['sentence']}", markup=False)
    out.print(f"{'':12}→ [bold]{row['action']}[/bold] by {row['action_by']}: {row['objective']}")


def _when(days_past_due: int) -> str:
    if days_past_due == 0:
        return "due today"
    return f"{days_past_due} days past due" if days_past_due > 0 else f"due in {-days_past_due} days"


VERBS = (score, explain, demo)
