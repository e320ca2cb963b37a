"""The verb of the watch: `monitor`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
    notes,
    out,
    progressing,
    refusing,
)

if TYPE_CHECKING:
    from serving.monitoring.watching import Findings

REPLAYED = 4
"""Latest scorings whose logged features are computed again."""


@click.command()
@ledger_argument
@as_of_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write. Default: monitoring in DUECOURSE_HOME.",
)
@config_option
@json_option
@refusing()
def monitor(
    ledger: Path, as_of: date | None, output: Path | None, config: Path | None, is_json: bool
) -> None:
    """Say in a sentence whether the champion and the facts it reads are still sound.

    Writes monitoring.html, monitoring.json, metrics.prom (Prometheus text) and, where there is enough to compare,
    drift.html. Exit code 0: nothing to do; 1: somebody must act; 2: could not run, nothing written.

    \b
    In a nightly job:
      duecourse monitor book || mail -s "duecourse: act" credit@example.com < .duecourse/monitoring/monitoring.json
    """
    from training.settings import SettingsError, load_settings

    try:
        settings = load_settings(config, home()).monitoring
    except SettingsError as error:
        raise Refusal(str(error)) from None
    book = load_book(ledger)
    loaded, day = book.ledger, chosen_day(as_of, book)
    with progressing("watching") as progress:
        found = _findings(loaded, day, settings, progress)
        progress("writing")
        paths = _written(found, output or home() / "monitoring", settings)
    if is_json:
        from serving.monitoring.watching import as_dict

        click.echo(as_json(as_dict(found) | {"files": {name: str(path) for name, path in paths.items()}}))
    else:
        _print(found, paths)
    if found.must_act:
        raise click.exceptions.Exit(1)


def _findings(ledger: Any, day: date, settings: Any, progress: Any) -> Findings:
    from serving.monitoring.challenger import shadow_of
    from serving.monitoring.parity import replayed
    from serving.monitoring.watching import Watch
    from serving.score_log import scorings
    from training.champion import champion_folder
    from training.model import load_model

    model = load_model(champion_folder(home()))
    progress("asking the champion")
    watch = Watch.for_day(ledger, model, settings, day)
    logged = [each for each in scorings(home()) if each.described["as_of"] <= day.isoformat()]
    progress("computing logged scores again")
    replay = replayed(logged[-REPLAYED:], watch.ledger, watch.history, model) if logged else None
    shadow = shadow_of(home(), model.version, watch.history, day, settings)
    progress("comparing")
    return watch.findings(day, shadow, replay)


def _written(found: Findings, folder: Path, settings: Any) -> dict[str, Path]:
    """The files of the findings, each whole or not at all."""
    from serving.monitoring.distances import write_page
    from serving.monitoring.figures import prometheus_text
    from serving.monitoring.page import page
    from serving.monitoring.watching import as_dict

    folder.mkdir(parents=True, exist_ok=True)
    current, reference = found.drift.current, found.drift.reference
    has_library_page = current is not None and reference is not None
    twin = json.dumps(as_dict(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    texts = {
        "monitoring.html": page(found, settings, has_library_page),
        "monitoring.json": twin,
        "metrics.prom": prometheus_text(found),
    }
    paths = {}
    if current is not None and reference is not None:
        paths["drift.html"] = folder / "drift.html"
        write_page(reference, current, paths["drift.html"])
    else:
        (folder / "drift.html").unlink(missing_ok=True)
    for name, text in texts.items():
        unfinished = folder / f".{name}.part"
        unfinished.write_text(text, encoding="utf-8")
        paths[name] = unfinished.replace(folder / name)
    return paths


def _print(found: Findings, paths: dict[str, Path]) -> None:
    for alarm in found.alarms:
        if alarm.severity != "note":
            out.print(f"  {alarm.severity:>5}  {alarm.sentence}. {alarm.mend}", markup=False)
    quiet = sum(alarm.severity == "note" for alarm in found.alarms)
    if quiet:
        out.print(f"  {quiet} more worth a note in {paths['monitoring.html']}", markup=False)
    notes.print(f"[dim]wrote {', '.join(str(path) for path in paths.values())}[/dim]")
    out.print(found.sentence, markup=False)


VERBS = (monitor,)
