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

import click

from serving.cli import decisions, ledgers, models, scores, service, training

EPILOG = """\b
A first round:
  duecourse simulate --customers 200 --months 18 --seed 1 --to book
  duecourse check book
  duecourse train book
  duecourse score book --output scores.csv
  duecourse serve book

State (models, tokens, the registry) lives in DUECOURSE_HOME, by default .duecourse in this folder."""


@click.group(
    epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="duecourse")
def main() -> None:
    """Late-payment risk in accounts receivable: who will pay late, why, and the next helpful step."""


for verb in (*ledgers.VERBS, *training.VERBS, *models.VERBS, *scores.VERBS, *decisions.VERBS, *service.VERBS):
    main.add_command(verb)
