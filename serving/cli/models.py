"""More verbs of the data scientist: `backtest`, `models`, `features`."""

from __future__ import annotations

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
    load_ledger,
    now,
    out,
    output_option,
    progressing,
    refusing,
    rule_options,
)
from serving.cli.training import figures_table


@click.command()
@ledger_argument
@click.option("--from", "begin", type=Day(), required=True, help="First day of the window.")
@click.option("--to", "end", type=Day(), required=True, help="The day after its last.")
@click.option("--at", type=click.Choice(["issue", "weekly"]), default="issue", show_default=True)
@rule_options
@click.option("--refit", type=click.IntRange(1), default=1, show_default=True, help="Months between refits.")
@output_option
@click.option("--without", help="Leave a feature family out, to see what it carries.")
@config_option
@json_option
@refusing()
def backtest(
    ledger: Path,
    begin: date,
    end: date,
    at: str,
    late_after: int,
    calendar_days: bool,
    refit: int,
    output: Path,
    without: str | None,
    config: Path | None,
    is_json: bool,
) -> None:
    """Score a past window with models that knew only what was known before each of its periods.

    Beside FILE stand a report for people (.html) and for programs (.json).
    """
    from features.catalogue import CATALOGUE, FAMILIES
    from features.history import History
    from serving.exports import write_table
    from serving.scoring import default_as_of
    from training.backtest import backtest as run
    from training.evaluation import evaluate, verdict
    from training.report import write_report
    from training.settings import load_settings

    if end <= begin:
        raise Refusal(f"--to {end} is not after --from {begin}")
    if without is not None and without not in FAMILIES:
        raise Refusal(f"there is no feature family {without!r}; the families are {', '.join(FAMILIES)}")
    settings = load_settings(config, home())
    loaded = load_ledger(ledger)
    rule, known_by = lateness_rule(late_after, calendar_days), default_as_of(loaded)
    features = CATALOGUE.without(without) if without else CATALOGUE
    with progressing("preparing") as progress:
        history = History(loaded, rule)
        window = (begin, end, known_by)
        done = run(history, *window, settings.training, at, refit, features, progress)  # type: ignore[arg-type]
        progress("judging")
        evaluation = evaluate(done.scored, rule.horizons)
    write_table(_backtest_file(done, rule), output)
    context = {
        "window": f"{begin} to {end}, at {at}",
        "late": f"more than {late_after} days after {'printed' if calendar_days else 'working-day'} due date",
        "outcomes known by": known_by,
        "refits": len(done.periods),
    }
    html, twin = write_report(
        evaluation, done.scored, output.with_suffix(""), "Backtest", _told(done), context
    )
    if is_json:
        content = {
            "verdict": verdict(evaluation),
            "report": str(html),
            "folds": done.periods,
            **evaluation.as_dict(),
        }
        click.echo(as_json(content))
        return
    out.print(figures_table(evaluation.as_dict()))
    out.print(f"Wrote {output}, {html} and {twin}.", markup=False)
    out.print(verdict(evaluation), markup=False)


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


@click.group(invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def models(context: click.Context, config: Path | None, is_json: bool) -> None:
    """List model versions, and why each was promoted or not; `promote` and `rollback` move the champion."""
    context.obj = config
    if context.invoked_subcommand is None:
        _list_models(config, is_json)


def _registry(config: Path | None) -> Any:
    from training.registry import Registry
    from training.settings import load_settings

    return Registry(home(), load_settings(config, home()), now)


def _registry_errors() -> tuple[type[Exception], ...]:
    from training.registry import RegistryError

    return (RegistryError,)


def _list_models(config: Path | None, is_json: bool) -> None:
    try:
        found = _registry(config).list_versions()
    except _registry_errors() as error:
        raise Refusal(str(error)) from None
    if is_json:
        click.echo(as_json(found))
        return
    if not found:
        out.print("No model yet: run `duecourse train LEDGER`.")
    for row in found:
        aliases = f" [{', '.join(row['aliases'])}]" if row["aliases"] else ""
        out.print(f"{row['version']}{aliases}", markup=False, style="bold" if row["aliases"] else None)
        for name, value in row.items():
            if name not in ("version", "aliases") and value is not None:
                out.print(f"    {name.replace('_', ' ')}: {value}", markup=False)


@models.command()
@click.argument("version")
@click.option("--why", required=True, help="For the record.")
@click.pass_context
def promote(context: click.Context, version: str, why: str) -> None:
    """Put a version in charge."""
    try:
        _registry(context.obj).set_champion(version, "command line", why)
    except _registry_errors() as error:
        raise Refusal(str(error)) from None
    out.print(f"{version} is the champion now.")


@models.command()
@click.option("--why", default="rolled back by hand", show_default=True, help="For the record.")
@click.pass_context
def rollback(context: click.Context, why: str) -> None:
    """Put the champion before this one back in charge."""
    try:
        version = _registry(context.obj).rollback("command line", why)
    except _registry_errors() as error:
        raise Refusal(str(error)) from None
    out.print(f"{version} is the champion again.")


@click.command()
@click.option("--family", help="Only this family.")
@json_option
def features(family: str | None, is_json: bool) -> None:
    """List every feature: what it means, its unit, its fill, and what a higher value is expected to do."""
    from features.catalogue import CATALOGUE, FAMILIES

    if family is not None and family not in FAMILIES:
        raise Refusal(f"there is no feature family {family!r}; the families are {', '.join(FAMILIES)}")
    listed = [f for f in CATALOGUE.features if family in (None, f.family)]
    if is_json:
        click.echo(as_json([feature.describe() for feature in listed]))
        return
    for name, module in FAMILIES.items():
        mine = [f for f in listed if f.family == name]
        if mine:
            out.print(f"\n[bold]{(module.__doc__ or '').strip()}[/bold]")
        for f in mine:
            held = ", held to it" if f.is_monotone else ""
            fill = "missing" if f.fill != f.fill else f"{f.fill:g}"
            out.print(f"  {f.name:36} {f.meaning}", markup=False)
            expected = f"a higher value: {f.direction}{held}"
            out.print(
                f"  {'':36} {f.unit}; without evidence {fill}; {expected}; reason {f.reason}", style="dim"
            )
    out.print(f"\n{len(listed)} features.")


VERBS = (backtest, models, features)
