"""Does a writer that is killed at any moment lose, double or tear nothing? The long rehearsal: tests.kills"""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.desk import Desk
from tests.kills import NOW, WRITER, Killer, rehearse, request
from tests.postgres import Server


@pytest.mark.slow
def test_twenty_kills_on_sqlite(tmp_path: Path) -> None:
    tally = rehearse(20, None, 1, tmp_path)
    assert tally.is_clean and tally.kills == 20 and tally.acknowledged > 0, tally


@pytest.mark.slow
def test_twenty_kills_on_postgresql_some_of_them_of_the_server(tmp_path: Path, postgres: Server) -> None:
    # After each kill a server looks through all its databases: those of the other tests would take it minutes.
    server = Server()
    try:
        tally = rehearse(
            20, server.new_database("killed"), 1, tmp_path, lambda: server.kill_a_backend("killed")
        )
    finally:
        server.remove()
    assert tally.is_clean and tally.kills == 20 and tally.acknowledged > 0, tally


def test_the_verdict_sees_what_it_is_for(tmp_path: Path) -> None:
    with Desk.open(tmp_path) as desk:
        answers = [request(desk, number) for number in range(3)]
        assert request(desk, 2) == answers[2] | {"again": True}
        killer = Killer(tmp_path, None, 1)
        killer.answers = {number: str(answer["id"]) for number, answer in enumerate(answers)}
        assert killer.judged().is_clean
        killer.answers[3] = "W-999"
        assert killer.judged().lost == 1
        with desk.writing(WRITER, NOW) as w:
            w.add("promises", desk.get("promises", "W-1").content | {"status": "open"})
        tally = killer.judged()
        assert (tally.doubled, tally.torn > 0, tally.audit_problems) == (1, True, [])
