"""Is a night that is killed anywhere the same night in the end, each of its steps done once?"""

from __future__ import annotations

import configparser
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from serving import nightly as nights
from serving.cli import main
from serving.desk.checked import latest_check
from tests.commands import HASTY, SAMPLE, Run, runs_in

ROOT = Path(__file__).parent.parent
UNITS = ROOT / "serving" / "nightly"
STEPS = ["retrain", "score", "tiers", "promises", "alerts", "worklist", "monitor", "verify-audit", "backup"]
DAY = "2026-06-01"
Codes = dict[str, int]


class Commands:
    """Stands in for the commands: what was run, and which exit code each is to have."""

    def __init__(self) -> None:
        self.codes: dict[str, int | BaseException] = {}
        self.run: list[str] = []

    def __call__(self, arguments: Sequence[str]) -> int:
        name = arguments[1] if arguments[0] == "desk" or arguments[1] == "send" else arguments[0]
        self.run.append(name)
        code = self.codes.get(name, 0)
        if isinstance(code, BaseException):
            raise code
        return code


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    stand_in = Commands()
    monkeypatch.setattr(nights, "run_in_a_process", lambda lock, output=None: stand_in)
    return stand_in


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "ledger"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runs_in(tmp_path / "home")


class TestANight:
    def test_does_every_step_once(self, commands: Commands, run: Run, ledger: Path) -> None:
        done = run("nightly", ledger, "--as-of", DAY)
        assert (done.exit_code, commands.run) == (0, STEPS)
        assert f"The night of {DAY} is done." in done.stdout
        again = run("nightly", ledger, "--as-of", DAY)
        assert (again.exit_code, commands.run) == (0, STEPS)
        assert "score done, before" in again.stderr

    def test_takes_the_day_from_the_ledger(self, commands: Commands, run: Run, ledger: Path) -> None:
        assert json.loads(run("nightly", ledger, "--json").stdout)["as_of"] == "2026-07-01"

    def test_another_day_or_other_facts_are_another_night(
        self, commands: Commands, run: Run, ledger: Path
    ) -> None:
        for as_of in (DAY, "2026-06-02"):
            run("nightly", ledger, "--as-of", as_of)
        assert len(commands.run) == 2 * len(STEPS)
        with (ledger / "payments.csv").open("a") as payments:
            payments.write("P99999,I00001,,2026-05-30,1.00,2026-05-30\n")
        run("nightly", ledger, "--as-of", DAY)
        assert len(commands.run) == 3 * len(STEPS)

    def test_a_verdict_is_its_exit_code_also_the_second_time(
        self, commands: Commands, run: Run, ledger: Path
    ) -> None:
        commands.codes = {"monitor": 1}
        for _ in range(2):
            done = run("nightly", ledger, "--as-of", DAY)
            assert done.exit_code == 1 and "see what monitor said" in done.stdout
        assert commands.run == STEPS

    @pytest.mark.parametrize("code", [2, -9, 137])
    def test_what_could_not_run_is_tried_again_and_nothing_else(
        self, commands: Commands, run: Run, ledger: Path, code: int
    ) -> None:
        commands.codes = {"score": code}
        done = run("nightly", ledger, "--as-of", DAY)
        assert (done.exit_code, commands.run) == (2, STEPS)
        assert "Could not run: score" in done.stdout
        commands.codes = {}
        assert run("nightly", ledger, "--as-of", DAY).exit_code == 0
        assert commands.run == [*STEPS, "score"]

    def test_alerts_are_sent_where_there_is_somebody_to_send_them_to(
        self, commands: Commands, run: Run, ledger: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DUECOURSE_WEBHOOK_URL", "https://example.org/alerts")
        run("nightly", ledger, "--as-of", DAY)
        place = STEPS.index("alerts") + 1
        assert commands.run == [*STEPS[:place], "send", *STEPS[place:]]

    def test_a_damaged_record_of_it_makes_it_anew(
        self, commands: Commands, run: Run, ledger: Path, tmp_path: Path
    ) -> None:
        run("nightly", ledger, "--as-of", DAY)
        (tmp_path / "home" / "nightly" / f"{DAY}.json").write_text("{")
        assert run("nightly", ledger, "--as-of", DAY).exit_code == 0
        assert commands.run == STEPS * 2


class TestTheImport:
    def test_is_done_once_for_one_export(
        self, commands: Commands, run: Run, ledger: Path, tmp_path: Path
    ) -> None:
        export = tmp_path / "export.csv"
        export.write_text("a,b\n")
        told = ("nightly", ledger, "--as-of", DAY, "--import", export, "--mapping", "canonical")
        run(*told)
        run(*told)
        assert commands.run == ["import", *STEPS]
        export.write_text("a,b\n1,2\n")
        run(*told)
        assert commands.run.count("import") == 2

    def test_that_fails_stops_the_night(
        self, commands: Commands, run: Run, ledger: Path, tmp_path: Path
    ) -> None:
        commands.codes = {"import": 2}
        export = tmp_path / "export.csv"
        export.write_text("a,b\n")
        done = run("nightly", ledger, "--import", export, "--mapping", "canonical")
        assert (done.exit_code, commands.run) == (2, ["import"])

    def test_needs_its_mapping(self, run: Run, ledger: Path) -> None:
        assert run("nightly", ledger, "--import", __file__).exit_code == 2


def test_two_nights_never_run_at_once(commands: Commands, run: Run, ledger: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "nightly"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("nightly", ledger, "--as-of", DAY)
    assert (done.exit_code, commands.run) == (2, [])
    assert "another night" in done.stderr
    assert run("nightly", ledger, "--as-of", DAY).exit_code == 0


def test_a_step_holds_the_lock_of_its_night(tmp_path: Path) -> None:
    with nights.only_one(tmp_path) as lock:
        step = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,))
    with pytest.raises(nights.AnotherNight), nights.only_one(tmp_path):
        pass
    step.communicate(b"\n")
    with nights.only_one(tmp_path):
        pass


def test_the_last_backups_stay_and_broken_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / nights.BACKUPS
    (folder / ".desk-2026-06-01.db.abc").mkdir(parents=True)
    for day in range(1, 6):
        (folder / f"desk-2026-06-0{day}.db").touch()
    assert nights.make_room(tmp_path, keep=2) == [f"desk-2026-06-0{day}.db" for day in (1, 2, 3)]
    assert sorted(each.name for each in folder.iterdir()) == ["desk-2026-06-04.db", "desk-2026-06-05.db"]


@pytest.mark.parametrize("name", ["duecourse-nightly.service", "duecourse-nightly.timer"])
def test_a_unit_can_be_read_and_runs_a_command_that_there_is(name: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((UNITS / name).read_text())
    if "Service" in unit:
        _, verb, *arguments = unit["Service"]["ExecStart"].split()
        main.commands[verb].make_context(verb, [each.replace("export.csv", __file__) for each in arguments])
        assert unit["Service"]["SuccessExitStatus"] == "1"


class Killed:
    """A real night in a process group of its own, killed when a step has just been written down."""

    def __init__(self, home: Path, ledger: Path) -> None:
        self.home, self.ledger = home, ledger
        (home / "mlflow.yaml").parent.mkdir(parents=True, exist_ok=True)
        (home / "mlflow.yaml").write_text(HASTY)
        self.state = home / "nightly" / f"{DAY}.json"

    def start(self) -> subprocess.Popen[bytes]:
        told = [sys.executable, "-m", "serving.cli", "nightly", str(self.ledger), "--as-of", DAY]
        environment = os.environ | {"DUECOURSE_HOME": str(self.home)}
        return subprocess.Popen(told, cwd=ROOT, env=environment, start_new_session=True)

    def done(self) -> Codes:
        return json.loads(self.state.read_text())["done"] if self.state.exists() else {}

    def killed_once(self, is_time: Callable[[Codes], bool]) -> int | None:
        """Its exit code, or None where it was killed."""
        night = self.start()
        while night.poll() is None:
            if is_time(self.done()):
                os.killpg(night.pid, signal.SIGKILL)
                night.wait()
                return None
            try:
                night.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        return night.returncode

    def left(self) -> dict[str, str]:
        """What the night left: scores, the champion, the backup's records."""
        folder = self.home / "nightly" / DAY
        kept = {file.name: file.read_text() for file in sorted(folder.glob("*.csv"))}
        kept["champion"] = json.loads((self.home / "models" / "champion.json").read_text())["version"]
        kept["logged"] = " ".join(sorted(file.name for file in (self.home / "scored").iterdir()))
        kept["backups"] = " ".join(sorted(file.name for file in (self.home / "backups").iterdir()))
        return kept


@pytest.mark.slow
def test_a_night_killed_after_each_step_is_the_same_night(tmp_path: Path, ledger: Path) -> None:
    whole = Killed(tmp_path / "whole", ledger)
    assert whole.killed_once(lambda done: False) == 0 or whole.done()["monitor"] == 1
    assert list(whole.done()) == STEPS
    broken, written = Killed(tmp_path / "broken", ledger), []
    for count in range(len(STEPS)):
        code = broken.killed_once(lambda done, count=count: len(done) > count)
        written.append(list(broken.done()))
        if code is not None:
            break
    assert broken.killed_once(lambda done: False) in (0, 1)
    assert [len(each) for each in written] == sorted({len(each) for each in written}), (
        "no step was done twice"
    )
    assert broken.done() == whole.done()
    assert broken.left() == whole.left()
    assert latest_check(whole.home) is not None
