"""Which commands are there? `duecourse` and its verbs; this package alone reads the clock beside the service."""

from __future__ import annotations

import os

# Several libraries report home by default; nothing of a company's ledger, nor that it has one, leaves.
os.environ |= {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

import traceback
from typing import Any

import click

from serving.cli import (
    accounts,
    alerts,
    backtests,
    decisions,
    demo,
    desk,
    documents,
    forecast,
    kpis,
    ledgers,
    losses,
    messages,
    models,
    monitor,
    nightly,
    prior,
    retraining,
    scores,
    searches,
    service,
    training,
    users,
    worklist,
)

EPILOG = """\b
A first round:
  duecourse simulate --customers 200 --months 18 --seed 1 --to book
  duecourse check book
  duecourse train book
  duecourse score book --output scores.csv
  duecourse serve book

State (models, tokens, the registry) lives in DUECOURSE_HOME, by default .duecourse in this folder."""


class _Commands(click.Group):
    """Exit code 1 is a verdict; so neither a fault of ours nor an interruption may end with it."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            raise SystemExit(130) from None
        except Exception:
            traceback.print_exc()
            click.echo(
                "This is a fault of duecourse, not of your data. Please report the lines above.", err=True
            )
            raise SystemExit(2) from None


@click.group(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="duecourse")
def main() -> None:
    """Late-payment risk in accounts receivable: who will pay late, why, and the next helpful step."""


for part in (
    ledgers,
    losses,
    training,
    retraining,
    backtests,
    searches,
    models,
    scores,
    worklist,
    accounts,
    forecast,
    kpis,
    alerts,
    monitor,
    decisions,
    desk,
    messages,
    nightly,
    service,
    users,
    demo,
    prior,
    documents,
):
    for verb in part.VERBS:
        main.add_command(verb)
