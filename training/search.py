"""Would other settings make a better model? A search that looks at later invoices only, and then asks once more.

Every trial is judged on blocks of time, each scored by a model of what had matured before it began; so between
the last lesson and the first question lies a gap as long as the horizon. The latest block takes no part in the
search: on it the winner meets today's settings once, so that its lead is not the luck of many trials.
This is the only module that knows optuna.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from training.backtest import Replayed, mostly_matured
from training.cohort import Cohort, ask, issued_between
from training.contenders import Contender, first_horizon
from training.evaluation import Difference, evaluate
from training.model.fitting import Lesson, lesson
from training.settings import Settings, TrainingSettings

if TYPE_CHECKING:
    import optuna

Progress = Callable[[str], None]
INSTALL = "pip install --require-hashes --no-deps -r requirements-rivals.lock"
BLOCK_DAYS = 30
MOST_BLOCKS = 3
"""Blocks that trials are judged on, beside the one kept for the end."""
FEWEST_OF_EACH_OUTCOME = 10
TODAY, BEST = "todays_settings", "model"
SPACE: dict[str, tuple[float, float]] = {
    "learning_rate": (0.01, 0.1),
    "leaves": (6, 63),
    "depth": (3, 8),  # no deeper: explanations of deep trees are slow
    "least_rows_in_leaf": (20, 400),
    "share_of_features": (0.15, 1.0),
    "share_of_rows": (0.5, 1.0),
    "l2": (0.1, 100.0),
    "calibration_half_life_days": (15.0, 240.0),
}
"""The settings that are searched, from and to."""
BY_RATIO = frozenset(SPACE) - {"depth", "share_of_features", "share_of_rows"}
"""Settings of which twice as much is one step, whatever their size."""


@dataclass(frozen=True)
class Block:
    """Invoices issued in [begin, end), and what could be learned before `begin`."""

    begin: date
    end: date
    taught: Lesson
    cohort: Cohort
    values: np.ndarray
    late: np.ndarray
    """1 late, 0 not, NaN not known by the day of the search."""

    def predicted(self, settings: TrainingSettings) -> np.ndarray:
        """What a model of these settings says of every invoice."""
        rule = self.cohort.history.rule
        model = Contender(settings, CATALOGUE).fitted(self.taught, rule)
        return model.predict(self.values)[first_horizon(rule)[0]].to_numpy()

    def log_loss(self, settings: TrainingSettings) -> float:
        """Mean log loss of a model of these settings over the known outcomes."""
        known = ~np.isnan(self.late)
        p, late = self.predicted(settings)[known], self.late[known]
        return float(-np.where(late == 1, np.log(p), np.log1p(-p)).mean())


@dataclass(frozen=True)
class Search:
    """What the trials found, and where they are kept."""

    trials: list[dict[str, Any]]
    """Best first: number, state, log loss and settings of each."""
    best: TrainingSettings
    todays_log_loss: float
    best_log_loss: float
    """On the blocks of the search, where the best was chosen."""
    confirmed: Difference | None
    """Best minus today's log loss on the latest block, which the search never saw; None if today's are best."""
    blocks: list[tuple[date, date]]
    """Those of the search and, last, the one kept for the end."""
    folder: Path

    @property
    def verdict(self) -> str:
        """Are the best settings better? One sentence."""
        if self.confirmed is None:
            return f"No trial of {len(self.trials)} did better than today's settings: keep them."
        gain, begin, end = self.confirmed, *self.blocks[-1]
        assert gain.value is not None
        figures = f"log loss {gain.value:+.4f}".replace("-", "−")
        if gain.low is None or gain.high is None:
            where = f"on invoices issued {begin} to {end}"
            return f"Too few customers to be sure: {figures} {where}. Keep today's settings."
        span = f"{gain.low:+.4f} to {gain.high:+.4f}".replace("-", "−")
        told = (
            f"({figures}, 90 % range {span}, on invoices issued {begin} to {end} that the search never saw)"
        )
        if gain.high < 0:
            return f"The best settings are better than today's {told}."
        if gain.low > 0:
            return f"The best settings of the search are worse than today's where it counts {told}: keep today's."
        return f"The best settings are within chance of today's {told}: keep today's unless they cost less."

    def section(self) -> str:
        """The best settings as the `training:` section of a mlflow.yaml."""
        return str(yaml.safe_dump({"training": self.best.model_dump()}, sort_keys=False))


def search(
    history: History,
    cut: date,
    settings: Settings,
    data_fingerprint: str,
    home: Path,
    trials: int,
    minutes: float | None = None,
    progress: Progress = lambda step: None,
) -> Search:
    """Try settings on what was known before `cut`: `trials` more than are kept already, or until time is up.

    The first trial is today's settings. Raises ValueError where too little is known to search, or where optuna
    is not installed.
    """
    if find_spec("optuna") is None:
        raise ValueError(f"optuna is not installed. The search over settings is an extra: {INSTALL}")
    *tried, kept = blocks(history, cut, settings, progress)
    folder = home / "searches" / _name(cut, history, settings.training, data_fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    study = _study(folder, settings.training)

    def objective(trial: optuna.Trial) -> float:
        progress(f"trial {trial.number}")
        return _judged(trial, tried, settings.training)

    study.optimize(objective, n_trials=trials, timeout=minutes and 60 * minutes)
    rows = _rows(study)
    if not rows or rows[0]["log_loss"] is None:
        raise ValueError("time was up before one trial was judged: allow more --minutes")
    changed = {} if rows[0]["is_todays"] else rows[0]["settings"]
    best = TrainingSettings.model_validate(settings.training.model_dump() | changed)
    today = next(row["log_loss"] for row in rows if row["is_todays"])
    confirmed = None
    if best != settings.training:
        progress("meeting today's settings on later invoices")
        confirmed = _confirmed(kept, best, settings.training)
    spans = [(block.begin, block.end) for block in (*tried, kept)]
    found = Search(rows, best, today, rows[0]["log_loss"], confirmed, spans, folder)
    _write(found)
    return found


def blocks(history: History, cut: date, settings: Settings, progress: Progress) -> list[Block]:
    """The latest matured blocks of time before `cut` that a model can be fitted before, earliest first.

    Raises ValueError where there are not two.
    """
    end = mostly_matured(history, cut)
    replayed = Replayed(history, end, CATALOGUE, progress)
    found: list[Block] = []
    while len(found) <= MOST_BLOCKS:
        begin = end - timedelta(days=BLOCK_DAYS)
        block = _block(replayed, begin, end, cut, settings.training)
        counts = [int((block.late == outcome).sum()) for outcome in (0, 1)]
        if block.taught.late_invoices() < settings.training.fewest_late_to_fit:
            break
        if min(counts) < FEWEST_OF_EACH_OUTCOME:
            break
        found.insert(0, block)
        end = begin
    if len(found) < 2:
        raise ValueError(
            f"too little had matured by {cut} to search: two blocks of {BLOCK_DAYS} days are needed, each with "
            f"{FEWEST_OF_EACH_OUTCOME} late and {FEWEST_OF_EACH_OUTCOME} prompt invoices and with "
            f"{settings.training.fewest_late_to_fit} matured late invoices before it; found {len(found)}"
        )
    return found


def _block(replayed: Replayed, begin: date, end: date, cut: date, settings: TrainingSettings) -> Block:
    history = replayed.history
    target = first_horizon(history.rule)[0]
    taught = lesson(*replayed.known_before(begin), target, day_number(begin), settings.most_rows)
    cohort = ask(history, *issued_between(history, begin, end), cut)
    values = CATALOGUE.compute(history, cohort.rows, cohort.as_of)
    is_open = cohort.as_of <= cohort.matures_on[target]
    return Block(begin, end, taught, cohort, values, np.where(is_open, cohort.outcomes[target], np.nan))


def _study(folder: Path, settings: TrainingSettings) -> optuna.Study:
    """The study kept in the folder, or a new one; it begins with today's settings."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.jsonl"))),
        study_name="settings",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        load_if_exists=True,
    )
    # A search that goes on draws anew; one from nothing always draws the same.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials), n_startup_trials=8)
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if not any(trial.user_attrs.get(TODAY) for trial in done):
        study.enqueue_trial({name: getattr(settings, name) for name in SPACE}, user_attrs={TODAY: True})
    return study


def _judged(trial: optuna.Trial, tried: list[Block], settings: TrainingSettings) -> float:
    """Mean log loss over the blocks; given up where the first blocks say that it leads nowhere."""
    import optuna

    drawn = _drawn(trial, settings)
    chosen = settings if trial.user_attrs.get(TODAY) else settings.model_copy(update=drawn)
    losses: list[float] = []
    for number, block in enumerate(tried):
        losses.append(block.log_loss(chosen))
        trial.report(float(np.mean(losses)), number)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(losses))


def _drawn(trial: optuna.Trial, settings: TrainingSettings) -> dict[str, Any]:
    """A value for every setting of SPACE, rounded as a person would write it; today's is always in reach."""
    drawn: dict[str, Any] = {}
    for name, (low, high) in SPACE.items():
        today = getattr(settings, name)
        low, high = min(low, today), max(high, today)
        if isinstance(today, int):
            drawn[name] = trial.suggest_int(name, int(low), int(high), log=name in BY_RATIO)
        else:
            drawn[name] = _rounded(trial.suggest_float(name, low, high, log=name in BY_RATIO))
    return drawn


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _rows(study: optuna.Study) -> list[dict[str, Any]]:
    """Every trial as plain values, those judged on all blocks first, best first."""
    rows = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "is_todays": bool(trial.user_attrs.get(TODAY)),
            "log_loss": trial.value if trial.state.name == "COMPLETE" else None,
            "blocks": len(trial.intermediate_values),
            "settings": {
                name: _rounded(value) if isinstance(value, float) else value
                for name, value in sorted(trial.params.items())
            },
        }
        for trial in study.trials
        if trial.state.name in ("COMPLETE", "PRUNED")
    ]
    return sorted(rows, key=lambda row: (row["log_loss"] is None, row["log_loss"] or 0.0, row["trial"]))


def _confirmed(
    kept: Block, best: TrainingSettings, today: TrainingSettings, resamples: int = 500
) -> Difference:
    """Log loss of the best minus today's settings on invoices that the search never saw."""
    rule = kept.cohort.history.rule
    target, days = first_horizon(rule)
    table = kept.cohort.table().assign(is_cold=False)
    table[f"outcome_{target}"] = kept.late
    for name, settings in ((BEST, best), (TODAY, today)):
        table[f"{target}__{name}"] = kept.predicted(settings)
    return evaluate(table, {target: days}, resamples).targets[target].against_each[TODAY]["log_loss"]


def _name(cut: date, history: History, settings: TrainingSettings, data_fingerprint: str) -> str:
    """The same search has the same folder, so that it can go on; another question has another."""
    asked = [data_fingerprint, CATALOGUE.fingerprint(history.rule), settings.model_dump(), SPACE, BLOCK_DAYS]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    return f"{cut}-late-after-{history.rule.late_after_days}-{digest}"


def _write(found: Search) -> None:
    with (found.folder / "trials.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["trial", "state", "is_todays", "log_loss", "blocks", *sorted(SPACE)])
        for row in found.trials:
            head = [row[name] for name in ("trial", "state", "is_todays", "log_loss", "blocks")]
            lines.writerow([*head, *(row["settings"].get(name) for name in sorted(SPACE))])
    said = "".join(f"# {line}\n" for line in found.verdict.splitlines())
    (found.folder / "best.yaml").write_text(said + found.section(), encoding="utf-8")
