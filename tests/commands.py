"""How do tests run the commands, with which state, and with which training that takes no time?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from serving.cli import main
from tests.conftest import SAMPLE_LEDGER

SAMPLE = str(SAMPLE_LEDGER)
HASTY = """
training: {most_rounds: 4, folds: 2, threads: 1, fewest_late_to_fit: 10, fewest_late_to_calibrate: 3,
           rehearsal_days: 30, use_prior: false,
           timing: {most_rows: 5000, most_judged: 500, most_rounds: 3}}
"""
"""A mlflow.yaml."""
Run = Callable[..., Result]


def runs_in(home: Path) -> Run:
    """How to run a command with its state in `home`."""

    def run(*arguments: Any, text: str | None = None) -> Result:
        environment = {"DUECOURSE_HOME": str(home), "COLUMNS": "140"}
        return CliRunner().invoke(main, [str(each) for each in arguments], input=text, env=environment)

    return run
