"""The verbs of the day: `score` and `explain`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pandas as pd
from rich.table import Table

from features.reasons import REASON_CODES
from serving.cli.common import (
    Book,
    OutputFile,
    as_json,
    as_of_option,
    check_chart,
    chosen_day,
    has_desk,
    home,
    json_option,
    ledger_argument,
    ledger_warnings,
    load_book,
    notes,
    now,
    open_desk,
    out,
    output_option,
    policy_option,
    progressing,
    refusing,
    say_warnings,
)
from serving.desk_facts import desk_facts
from serving.exports import write_scores
from serving.scoring import TARGETS, Scorer, UnknownIdError, load_policy
from training.model import Explanation
from training.model.calibration import probability

if TYPE_CHECKING:
    from serving.tiers import Tiers
    from serving.worklist import Items

BARS = 7
"""A waterfall names so many reasons; the rest is one bar."""


def scorer_of(ledger: Path, as_of: date | None, policy: Path | None) -> Scorer:
    """The champion on a ledger, with a warning where it knows more than the as-of day allows."""
    return scorer_and_book(ledger, as_of, policy)[0]


def scorer_and_book(ledger: Path, as_of: date | None, policy: Path | None) -> tuple[Scorer, Book]:
    """The champion on a ledger, and the book as it was read."""
    from training.champion import champion_folder
    from training.model import load_model

    model = load_model(champion_folder(home()))
    book = load_book(ledger)
    day = chosen_day(as_of, book)
    scorer = Scorer(book.ledger, model, load_policy(home(), policy), day, desk_facts(book.records, day))
    say_warnings(warnings_of(scorer))
    return scorer, book


def kept_tiers(scorer: Scorer, items: Items) -> Tiers | None:
    """The tiers of customers and groups on the scorer's day, by what the desk kept of earlier days."""
    from serving.tiers import tiers_at

    return tiers_at(scorer, items, changes_of_tiers())


def changes_of_tiers() -> list[dict[str, Any]]:
    """The changes of tiers that the desk keeps; none without a desk."""
    from serving.tiers import kept_changes

    if not has_desk():
        return []
    with open_desk() as desk:
        return kept_changes(desk)


def warnings_of(scorer: Scorer) -> list[str]:
    """What somebody should know who reads these scores."""
    from training.oddities import scoring_oddities

    odd = scoring_oddities(scorer.model, scorer.history, scorer.as_of)
    if scorer.trained_before <= scorer.as_of:
        return odd
    known_too_much = (
        f"the champion was trained on facts before {scorer.trained_before}, later than {scorer.as_of}: "
        "good for a look back, not for judging the model."
    )
    return [known_too_much, *odd]


@click.command()
@ledger_argument
@as_of_option
@output_option
@policy_option
@json_option
@refusing()
def score(ledger: Path, as_of: date | None, output: Path, policy: Path | None, is_json: bool) -> None:
    """Score every invoice open on a day: probabilities, reasons, tier and next action, one row each.

    What was scored, from which feature values, is kept in DUECOURSE_HOME/scored for `monitor`; where a
    challenger waits, what it would have said is kept there too and shown nowhere.
    """
    scorer = scorer_of(ledger, as_of, policy)
    with progressing("scoring"):
        scored = scorer.score_open()
        write_scores(scored, output)
        logged = _remembered(scorer, scored)
    summary = _summary(scored, scorer)
    if is_json:
        click.echo(as_json(summary | {"output": str(output), "logged": logged and str(logged)}))
        return
    tiers = ", ".join(f"{count} {tier}" for tier, count in summary["tiers"].items())
    out.print(f"Wrote {len(scored):,} invoices open on {scorer.as_of} to {output}: {tiers}.", markup=False)


def _remembered(scorer: Scorer, scored: pd.DataFrame) -> Path | None:
    """The file of the score log, with what the challenger says beside; whatever fails here is only told."""
    from serving.score_log import challenger_beside, forget, log_scores
    from training.settings import load_settings

    challenger = None
    try:
        challenger = challenger_beside(home(), scorer.model)
    except Exception as error:  # the scores are written already, and a shadow must not disturb them
        notes.print(f"The challenger was not asked: {error}", markup=False)
    try:
        logged = log_scores(home(), scorer, scored, challenger, now())
        forget(home(), now(), load_settings(None, home()).score_log.keep_days)
    except Exception as error:
        notes.print(f"These scores were not put into the score log: {error}", markup=False)
        return None
    return logged


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
        "warnings": ledger_warnings(scorer.ledger) + warnings_of(scorer),
    }


@click.command()
@ledger_argument
@click.argument("invoice")
@as_of_option
@policy_option
@click.option("--plot", type=OutputFile(check_chart), help="Draw the waterfall: an .svg or .png file.")
@json_option
@refusing()
def explain(
    ledger: Path, invoice: str, as_of: date | None, policy: Path | None, plot: Path | None, is_json: bool
) -> None:
    """Explain the score of one open invoice, from the base rate through each reason to the probability."""
    scorer = scorer_of(ledger, as_of, policy)
    try:
        row, explanation = scorer.explain(invoice)
    except UnknownIdError:
        raise ValueError(
            f"no invoice {invoice!r} is known before {scorer.as_of} in this ledger; "
            "check its number, or ask as of a later day with --as-of"
        ) from None
    if plot:
        _draw(row, explanation, plot)
    if is_json:
        told = {
            "explained": explanation.target,
            "probability": explanation.probability,
            "between": row["ranges"][explanation.target],
            "base_log_odds": explanation.base if explanation.contributions else None,
            "contributions": explanation.contributions,
        }
        click.echo(as_json(row | told))
        return
    _print_explanation(row, explanation)


def _print_explanation(row: dict[str, Any], explanation: Explanation) -> None:
    owed = "an unknown amount" if row["amount_open"] is None else f"{row['amount_open']} {row['currency']}"
    heading = f"Invoice {row['invoice_id']} of {row['customer_id']}: {owed} open, {due_in_words(row)}"
    out.print(heading, markup=False, style="bold")
    shown = ", ".join(f"{name} {row[name]:.1%}" for name in TARGETS)
    out.print(f"{shown}; evidence: {row['evidence']}")
    for line in doubt_lines(row, explanation.target):
        out.print(line, markup=False)
    if explanation.contributions:
        out.print(_waterfall_table(explanation))
    for line in reason_lines(row):
        out.print(f"  {line}", markup=False)
    doing = f" by {row['action_by']}" if row["action_by"] else ""
    out.print(f"\nTier [bold]{row['tier']}[/bold]. Next: [bold]{row['action']}[/bold]{doing}")
    out.print(f"  {row['who']}, {row['channel']}: “{row['opening']}”", markup=False)
    out.print(f"  {row['why']}", markup=False)


def doubt_lines(row: dict[str, Any], target: str) -> list[str]:
    """How sure the explained probability is, and what carried it where the customer is hardly known."""
    low, high = row["ranges"][target]
    lines = [f"{target} lies between {low:.1%} and {high:.1%}"] if low < high else []
    return lines + ([row["prior"]["sentence"]] if row["prior"] else [])


def due_in_words(row: dict[str, Any]) -> str:
    """Where the as-of day stands to the due date: 'due in 3 days'."""
    days = row["days_past_due"]
    if days == 0:
        return "due today"
    counted = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return f"{counted} past due" if days > 0 else f"due in {counted}"


def reason_lines(row: dict[str, Any]) -> list[str]:
    """The reasons as sentences, those that raise the risk with a plus."""
    return [f"{'+' if r['direction'] == 'raises' else '−'} {r['sentence']}" for r in row["reasons"]]


def _parts(explanation: Explanation) -> list[tuple[str, float]]:
    """The named contributions, the largest first, and last what calibration changed."""
    ordered = sorted(
        explanation.contributions.items(), key=lambda part: (part[0] == "calibration", -abs(part[1]))
    )
    return [(REASON_CODES[code].label, value) for code, value in ordered]


def _waterfall_table(explanation: Explanation) -> Table:
    table = Table(title=f"From the base rate to {explanation.target}", title_justify="left", show_edge=False)
    table.add_column("reason")
    table.add_column("log-odds", justify="right")
    table.add_column("so far", justify="right")
    total = explanation.base
    table.add_row("Base rate", f"{total:+.3f}", _share(total))
    for label, contribution in _parts(explanation):
        total += contribution
        if contribution:
            table.add_row(label, f"{contribution:+.3f}", _share(total))
    return table


def _share(log_odds: float) -> str:
    return f"{float(probability(np.array(log_odds))):.1%}"


def _draw(row: dict[str, Any], explanation: Explanation, path: Path) -> None:
    from training.charts import new_figure, save, waterfall

    if not explanation.contributions:
        raise ValueError(
            f"{row['invoice_id']} is past every horizon: there is nothing left to explain, so nothing to draw"
        )
    *named, calibration = _parts(explanation)
    rest = sum(value for _, value in named[BARS:]) + calibration[1]
    bars = [*named[:BARS], ("Everything else", rest)]
    days = {"p_late": "late", "p_late_30": "more than 30 days late", "p_late_90": "more than 90 days late"}
    title = f"Why may invoice {row['invoice_id']} be {days[explanation.target]}?"
    figure = new_figure(8.5, 1.4 + 0.5 * len(bars))
    waterfall(figure.subplots(), explanation.base, bars, explanation.probability, title)
    save(figure, path, title)
    notes.print(f"wrote {path}", markup=False)


VERBS = (score, explain)
