"""The verb `backtest`: how would the model have done, against whom, for whom, and by which features?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from serving.cli.common import (
    Day,
    Refusal,
    as_json,
    config_option,
    home,
    json_option,
    lateness_rule,
    ledger_argument,
    ledger_warnings,
    load_ledger,
    notes,
    out,
    output_option,
    progressing,
    refusing,
    rule_options,
    say_warnings,
)
from serving.cli.training import figures_table

SLICE_RESAMPLES = 100


NEVER_OWN: dict[str, float] = {"use_prior": True, "fewest_late_to_leave_prior": 10**9}
MODELS: dict[str, dict[str, float]] = {
    "own": {},
    "prior": NEVER_OWN | {"prior_rows": 1e12, "recalibrates": False},
    "updated-prior": NEVER_OWN,
}
"""Settings under which a backtest is of the recipe, of the shipped prior alone, or of the prior recalibrated."""


@click.command()
@ledger_argument
@click.option(
    "--from",
    "begin",
    type=Day(),
    help="First day of the window. Default: the first month that enough late invoices had matured before.",
)
@click.option("--to", "end", type=Day(), help="The day after its last. Default: when most had matured.")
@click.option(
    "--at",
    type=click.Choice(["issue", "weekly"]),
    default="issue",
    show_default=True,
    help="Ask on the day of issue, or about every open invoice once a week.",
)
@rule_options
@click.option("--refit", type=click.IntRange(1), default=1, show_default=True, help="Months between refits.")
@output_option
@click.option(
    "--model",
    "model_kind",
    type=click.Choice(list(MODELS)),
    default="own",
    show_default=True,
    help="Judge the recipe, the shipped prior alone, or the prior recalibrated on what had matured.",
)
@click.option("--without", help="Leave a feature family out, to see what it carries.")
@click.option(
    "--ablation", is_flag=True, help="Also fit without each feature family in turn (eight more models)."
)
@click.option(
    "--rivals",
    is_flag=True,
    help="Also fit XGBoost, CatBoost and a scorecard, and backtest choosing among them.",
)
@click.option(
    "--importance",
    is_flag=True,
    help="Also shuffle features to see what they carry, and compare reasons over refits.",
)
@config_option
@json_option
@refusing()
def backtest(
    ledger: Path,
    begin: date | None,
    end: date | None,
    at: str,
    late_after: int,
    calendar_days: bool,
    refit: int,
    output: Path,
    model_kind: str,
    without: str | None,
    ablation: bool,
    rivals: bool,
    importance: bool,
    config: Path | None,
    is_json: bool,
) -> None:
    """Score a past window with models that knew only what was known before each of its periods.

    The model stands beside simple rules fitted on the same rows. Rivals and models without a feature family
    learn the same rows too, for the first horizon. Beside FILE stand a report for people (.html) and for
    programs (.json): figures with ranges for all, for every slice, and what carries them.
    """
    from features.history import History
    from serving.exports import write_table
    from serving.scoring import default_as_of
    from training.backtest import backtest as run
    from training.evaluation import evaluate, verdict
    from training.importance import Shuffling
    from training.oddities import training_oddities
    from training.payment_dates import date_figures
    from training.report import write_report
    from training.settings import load_settings
    from training.stability import Refits

    if begin is not None and end is not None:
        _check_order(begin, end)
    features = _features(without)
    if MODELS[model_kind] and (without or rivals or ablation):
        raise Refusal(
            "the prior was made with every family and has no rivals: use --without, --ablation and --rivals "
            "with --model own alone"
        )
    settings = load_settings(config, home()).training.model_copy(update=MODELS[model_kind])
    contenders = _contenders(settings, features, rivals, ablation)
    loaded = load_ledger(ledger)
    rule, known_by = lateness_rule(late_after, calendar_days), default_as_of(loaded)
    shuffling, refits = Shuffling(), Refits()

    def watch(judged: Any) -> None:
        shuffling.see(judged)
        refits.see(judged)

    with progressing("preparing") as progress:
        history = History(loaded, rule)
        begin, end = _window(history, begin, end, known_by, settings)
        given = (begin, end, known_by, settings, at, refit, features, progress, contenders)
        done = run(history, *given, *([watch] if importance else []))  # type: ignore[arg-type]
        progress("judging")
        evaluation = evaluate(
            done.scored, rule.horizons, contenders=tuple(contenders), slice_resamples=SLICE_RESAMPLES
        )
        odd = training_oddities(history, end)
        if importance:
            progress("shuffling features")
        dates = date_figures(done.scored, done.dates, known_by)
        chapters = _chapters(done.scored, evaluation, dates, shuffling.importance(), refits.found)
    say_warnings(odd)
    write_table(_backtest_file(done, rule), output)
    context = {
        "window": f"{begin} to {end}, at {at}",
        "late": f"more than {late_after} days after {'printed' if calendar_days else 'working-day'} due date",
        "outcomes known by": known_by,
        "refits": len(done.periods),
        "model": model_kind,
    }
    html, twin = write_report(
        evaluation, done.scored, output.with_suffix(""), "Backtest", _told(done), context, chapters=chapters
    )
    if is_json:
        content = {
            "verdict": verdict(evaluation),
            "warnings": ledger_warnings(loaded) + odd,
            "report": str(html),
            "folds": done.periods,
            **evaluation.as_dict(),
            **{chapter.key: chapter.content for chapter in chapters},
        }
        click.echo(as_json(content))
        return
    out.print(figures_table(evaluation.as_dict()))
    for chapter in chapters:
        out.print(chapter.sentence, markup=False)
    out.print(f"Wrote {output}, {html} and {twin}.", markup=False)
    out.print(verdict(evaluation), markup=False)


def _features(without: str | None) -> Any:
    from features.catalogue import CATALOGUE, FAMILIES

    if without is not None and without not in FAMILIES:
        raise Refusal(f"there is no feature family {without!r}; the families are {', '.join(FAMILIES)}")
    return CATALOGUE.without(without) if without else CATALOGUE


def _contenders(settings: Any, features: Any, rivals: bool, ablation: bool) -> dict[str, Any]:
    from training.contenders import without_each_family
    from training.rivals import rivals as all_rivals

    if ablation and features.unlearned:
        raise Refusal("--ablation leaves every family out in turn; leave --without out")
    found: dict[str, Any] = dict(all_rivals(settings, features)) if rivals else {}
    return found | (dict(without_each_family(settings, features)) if ablation else {})


def _check_order(begin: date, end: date) -> None:
    if end <= begin:
        raise Refusal(f"--to {end} is not after --from {begin}")


def _window(
    history: Any, begin: date | None, end: date | None, known_by: date, settings: Any
) -> tuple[date, date]:
    from training.backtest import longest_window, mostly_matured

    if begin is None:
        first, last = longest_window(history, known_by, settings)
    else:
        first, last = begin, mostly_matured(history, known_by)
    first, last = begin or first, end or last
    _check_order(first, last)
    if begin is None or end is None:
        notes.print(f"[dim]window: {first} to {last}[/dim]")
    return first, last


def _chapters(scored: Any, evaluation: Any, dates: Any, importance: Any, refits: Sequence[Any]) -> list[Any]:
    """What stands in the report behind the figures, where it was asked for."""
    from training.chapters import choice_chapter, dates_chapter, importance_chapter, stability_chapter
    from training.choice import choose

    target, found = next(iter(evaluation.targets.items()))
    chapters = [
        dates_chapter(dates),
        importance_chapter(importance, found.against_each),
        stability_chapter(refits),
        choice_chapter(choose(scored, target)),
    ]
    return [chapter for chapter in chapters if chapter is not None]


def _told(done: Any) -> list[str]:
    lines = [
        f"{fold['name']}: {fold['rows']:,} invoices, judged by a model of {fold['fit_from']} to {fold['fit_to']}"
        for fold in done.periods
    ]
    return ["Each period is scored by a model trained only on what was known before it began.", *lines]


def _backtest_file(done: Any, rule: Any) -> Any:
    table = done.scored[["invoice_id"]].copy()
    table["as_of"] = done.scored["as_of"].dt.strftime("%Y-%m-%d")
    for target in rule.horizons:
        table[target] = done.scored[f"{target}__model"]
    table["outcome"] = done.outcome
    table["outcome"] = table["outcome"].astype("Int64")
    return table


VERBS = (backtest,)
