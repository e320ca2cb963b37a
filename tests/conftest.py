"""Which book, which model and which home do the tests share?"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from features.ledger import Ledger
from tests import jobs
from training.champion import Champion, point_to
from training.model import RiskModel, save_model, trial
from training.model.signing import KEY, REQUIRED, TRUSTED, made_key
from training.settings import TimingSettings, TrainingSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from serving.desk import Desk
    from serving.scoring import Scorer
    from tests.browser import Watched
    from tests.house import House
    from tests.postgres import Server
    from training.backtest import Replayed

SAMPLE_LEDGER = Path(__file__).parent.parent / "data_samples" / "sample_ledger"


def pytest_configure(config: pytest.Config) -> None:
    """Where pictures are kept, the jobs of this session begin anew; workers add to what their controller began."""
    if (folder := jobs.pictures()) and not hasattr(config, "workerinput"):
        jobs.begun(folder)


def pytest_collection_finish() -> None:
    """What is imported and collected stays until the end: it is not searched for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The clicks and keys of each job that was walked."""
    folder = jobs.pictures()
    if folder and (folder / jobs.FILE).exists():
        terminalreporter.section("jobs walked in the browser")
        terminalreporter.write_line("\n".join(jobs.table(jobs.taken(folder))))


@pytest.fixture(scope="session", autouse=True)
def signing_key_of_tests() -> Iterator[None]:
    """A key of the session's own, here and in every process the tests start: the user's is never touched."""
    before = {name: os.environ.pop(name, None) for name in (KEY, TRUSTED, REQUIRED)}
    with tempfile.TemporaryDirectory() as folder:
        os.environ[KEY] = str(Path(folder) / "signing-key.pem")
        made_key()
        yield
        del os.environ[KEY]
    os.environ |= {name: value for name, value in before.items() if value is not None}


@pytest.fixture(autouse=True)
def trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial costs seconds in a process of its own: only tests that are about trials, and processes, hold them."""
    monkeypatch.setattr(trial, "_said_by_child", lambda folder, digest: "")


@pytest.fixture(scope="session")
def sample_ledger() -> Ledger:
    """The simulated ledger of data_samples: 60 customers, invoices of July 2025 to June 2026."""
    return Ledger.load(SAMPLE_LEDGER)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `small_model` is saved in; copy what you change."""
    return tmp_path_factory.mktemp("trained") / "models"


@pytest.fixture(scope="session")
def hasty_settings() -> TrainingSettings:
    """Settings that make a model in a second: two of the sample ledger's horizons get one of their own."""
    timing = TimingSettings(most_rows=20_000, most_judged=1_000, most_rounds=5, patience=5)
    return TrainingSettings(
        most_rounds=10,
        folds=2,
        threads=1,
        fewest_late_to_fit=20,
        fewest_late_to_calibrate=5,
        use_prior=False,
        timing=timing,
    )


@pytest.fixture(scope="session")
def sample_past(sample_ledger: Ledger) -> Replayed:
    """The sample ledger's past up to June 2026 with its feature values, to fit models as of earlier days."""
    from features.catalogue import CATALOGUE
    from features.history import History
    from training.backtest import Replayed

    return Replayed(History(sample_ledger), date(2026, 6, 1), CATALOGUE, lambda step: None)


@pytest.fixture(scope="session")
def small_model(sample_ledger: Ledger, models: Path, hasty_settings: TrainingSettings) -> RiskModel:
    """A real but hasty model of the sample ledger, saved under `models`."""
    from features.history import History
    from training.model.fitting import fit_model

    return save_model(fit_model(History(sample_ledger), date(2026, 4, 1), hasty_settings), models)


@pytest.fixture(scope="session")
def office(small_model: RiskModel, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which `small_model` is in charge; nothing in it may be changed."""
    folder = tmp_path_factory.mktemp("office")
    shutil.copytree(models, folder / "models")
    point_to(folder, Champion(small_model.version, "2026-04-01", "tests", "the only one"))
    return folder


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store; making one takes seconds, copying it does not."""
    from training.registry import Registry
    from training.settings import Settings, Tracking

    home = tmp_path_factory.mktemp("migrated")
    # An experiment belongs to its folder, so this one is not the experiment of the homes it is copied to.
    settings = Settings(tracking=Tracking(experiment="migration"))
    Registry(home, settings, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return home / "mlflow.db"


@pytest.fixture
def home(tmp_path: Path, migrated_store: Path) -> Path:
    """A home with a migrated MLflow store and no model yet."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(migrated_store, folder / "mlflow.db")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of the session's own; where none is installed the test is skipped, but never in CI."""
    from tests.postgres import NoServer, Server

    try:
        server = Server()
    except NoServer as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Where the desk of a test lies: in its home's file, or in a database of the server; both behave alike."""
    if request.param == "sqlite":
        return None
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    """A book of three companies; a module with another book has a `scorer` of its own."""
    from tests.house import book

    return book(small_model)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> House:
    """A home over the module's book, whose passwords are hashed quickly."""
    from serving import users
    from tests.house import QUICK, House

    monkeypatch.setattr(users, "_hasher", QUICK)
    return House(tmp_path, scorer)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser, without a window."""
    from tests.browser import chromium

    with chromium() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, database_url: str | None) -> Iterator[Desk]:
    """An empty desk."""
    from serving.desk import Desk
    from tests.api_service import desk_of

    home = tmp_path / "desk"
    with Desk.open(home, database_url, patience=5) if database_url else desk_of(home, 5) as opened:
        yield opened


@pytest.fixture(params=("desk", "laptop", "phone"))
def sized(request: pytest.FixtureRequest, browser: Browser, origin: str) -> Iterator[Watched]:
    """A browser of each of SIZES; whatever the test did, nothing left the service and nothing complained."""
    from tests.browser import undisturbed

    with undisturbed(browser, origin, request.param) as found:
        yield found
