"""Which book, which model and which home do the tests share?"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from features.ledger import Ledger
from training.model import RiskModel, save_model

SAMPLE_LEDGER = Path(__file__).parent.parent / "data_samples" / "sample_ledger"


@pytest.fixture(scope="session")
def sample_ledger() -> Ledger:
    """The simulated ledger of data_samples: 60 customers, invoices of July 2025 to June 2026."""
    return Ledger.load(SAMPLE_LEDGER)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `small_model` is saved in; copy what you change."""
    return tmp_path_factory.mktemp("trained") / "models"


@pytest.fixture(scope="session")
def small_model(sample_ledger: Ledger, models: Path) -> RiskModel:
    """A real but hasty model of the sample ledger, saved under `models`."""
    from features.history import History
    from training.model.fitting import fit_model
    from training.settings import TrainingSettings

    hasty = TrainingSettings(
        most_rounds=10, folds=1, threads=1, fewest_late_to_fit=20, fewest_late_to_calibrate=5
    )
    return save_model(fit_model(History(sample_ledger), date(2026, 4, 1), hasty), models)


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store; making one takes seconds, copying it does not."""
    from training.registry import Registry
    from training.settings import Settings

    home = tmp_path_factory.mktemp("migrated")
    Registry(home, Settings(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return home / "mlflow.db"


@pytest.fixture
def home(tmp_path: Path, migrated_store: Path) -> Path:
    """A home with a migrated MLflow store and no model yet."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(migrated_store, folder / "mlflow.db")
    return folder
