"""Does a real service under load change models, and meet damaged ones, without a failed or a wrong answer?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.damage import Workshop, against_library, against_service, told
from tests.damages import KINDS
from tests.live_service import Home, trained_home
from tests.swaps import swapped


@pytest.fixture(autouse=True)
def trials() -> None:
    """Here they are held."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return trained_home(tmp_path_factory.mktemp("live"))


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUECOURSE_FOLLOW_SECONDS", "0.05")


@pytest.mark.slow
def test_swaps_and_rollbacks_under_load_fail_no_request(home: Home, tmp_path: Path) -> None:
    found = swapped(home, 12, 4, tmp_path / "log")
    assert found.wrong == []
    assert len(found.seconds) == 12 and found.answers > 100 and found.same_process


@pytest.mark.slow
def test_damaged_models_bring_nothing_down_and_answer_nothing(home: Home, tmp_path: Path) -> None:
    shop = Workshop(home, tmp_path, seed=3)
    found = against_service(shop, 60, 2, tmp_path / "log")
    assert found.wrong == [] and found.crashes == 0, told(found)
    assert {kind for kind, _ in found.outcomes} == set(KINDS) and found.answers > 60
    shop.close()


@pytest.mark.slow
def test_damaged_models_are_refused_by_the_loading_code_alone(home: Home, tmp_path: Path) -> None:
    shop = Workshop(home, tmp_path, seed=5)
    found = against_library(shop, 40)
    shop.close()
    assert found.wrong == [], told(found)
    assert {kind for kind, _ in found.outcomes} == set(KINDS)
