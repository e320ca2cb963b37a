"""Is a model its input and nothing else: no folder, home, key, clock or locale of where it was made?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.commands import HASTY
from tests.two_clones import Trained, differences, two_trainings


@pytest.mark.slow
def test_two_fresh_clones_train_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "mlflow.yaml").write_text(HASTY, encoding="utf-8")
    one, other = two_trainings(tmp_path, config=tmp_path / "mlflow.yaml")
    assert differences(one, other) == []
    assert one.signature != other.signature
    assert {"model.json", "booster_p_late.txt", "sample.parquet", "manifest.json"} <= set(one.files)


def test_whatever_differs_is_named() -> None:
    one = Trained("0123456789ab", {"model.json": b"1", "sample.parquet": b"2"}, b"")
    assert differences(one, replace(one, signature=b"another")) == []
    other = replace(one, version="ba9876543210", files={"model.json": b"3"})
    assert differences(one, other) == ["version 0123456789ab or ba9876543210", "model.json", "sample.parquet"]
