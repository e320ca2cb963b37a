"""Does a department that writes at once lose nothing? Seconds of the long rehearsal: python -m tests.crowd"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from serving.desk import Desk
from tests.crowd import Book, crowd, differences, judged, trained_book
from tests.crowd_callers import Log
from tests.kills import NOW, WRITER, promise
from tests.postgres import Server


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return trained_book(tmp_path_factory.mktemp("crowd"))


@pytest.fixture
def book(trained: Book) -> Book:
    """The book beside an empty desk."""
    for file in trained.home.glob("*desk*"):
        file.unlink()
    return trained


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_crowd_on_sqlite_and_a_kill_in_its_midst(book: Book, tmp_path: Path, workers: int) -> None:
    tally = crowd(book, tmp_path / "log", 6, workers=workers, kills=1)
    assert tally.is_clean and tally.writes > 0 and tally.reads > 0, str(tally)


@pytest.mark.slow
def test_a_crowd_on_postgresql_and_a_kill_in_its_midst(book: Book, tmp_path: Path, postgres: Server) -> None:
    tally = crowd(book, tmp_path / "log", 6, postgres.new_database(), kills=1)
    assert tally.is_clean and tally.writes > 0 and tally.reads > 0, str(tally)


class TestTheVerdict:
    @pytest.fixture
    def told(self, tmp_path: Path) -> Log:
        with Desk.open(tmp_path) as desk, desk.writing(WRITER, NOW) as w:
            made = [w.add("promises", promise(number)) for number in range(2)]
        return Log([{"kind": each.kind, "id": each.record_id, "version": 1} | each.content for each in made])

    def test_is_clean(self, told: Log, tmp_path: Path) -> None:
        assert judged(told, tmp_path, None).is_clean

    @pytest.mark.parametrize(
        ("spoil", "wrong"),
        [
            (lambda told: told.acknowledged.append({"kind": "notes", "id": "T-9", "version": 1}), "lost"),
            (lambda told: told.acknowledged[0].update(amount="7.77"), "lost"),
            (lambda told: told.acknowledged.pop(), "unexplained"),
            (lambda told: told.acknowledged.append(told.acknowledged[0]), "overwritten"),
            (lambda told: told.faults.update(["GET 500"]), "faults"),
            (lambda told: told.odd.append("open after it was paid"), "odd"),
        ],
    )
    def test_sees_what_it_is_for(
        self, told: Log, tmp_path: Path, spoil: Callable[[Log], object], wrong: str
    ) -> None:
        spoil(told)
        tally = judged(told, tmp_path, None)
        assert getattr(tally, wrong) and not tally.is_clean

    def test_sees_where_two_lists_differ(self) -> None:
        one = {"cases": [{"case_id": "A", "rank": 1}, {"case_id": "B", "rank": 2}], "left_out": []}
        other = {"cases": [{"case_id": "A", "rank": 2}], "left_out": [{"case_id": "B", "reason": "guard"}]}
        assert differences(one, one) == []
        assert differences(one, other) == [
            "A rank: 1 and 2", "B: listed and None", "B: None and listed",
        ]  # fmt: skip
