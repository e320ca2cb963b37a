"""Does every command print what it should, where it should, and end with the exit code of the contract?"""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from pathlib import Path

import click
import pandas as pd
import pytest

from data_samples.simulator import SCENARIOS
from features.catalogue import CATALOGUE
from features.ledger import Ledger
from serving.cli import main
from serving.desk import Desk
from serving.policy import Policy
from serving.scoring import COLUMNS, Scorer
from tests.commands import SAMPLE, Run, runs_in
from tests.conftest import SAMPLE_LEDGER
from training.model import RiskModel


@pytest.fixture
def run(office: Path) -> Run:
    """Runs a command where a small model is in charge; the command may not change anything there."""
    return runs_in(office)


@pytest.fixture
def run_anew(tmp_path: Path) -> Run:
    """Runs a command in a home that does not exist yet."""
    return runs_in(tmp_path / "new home")


@pytest.fixture(scope="module")
def scorer(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load())


def every_command(group: click.Group, *before: str) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += every_command(command, *before, name)
    return found


@pytest.mark.parametrize("command", [(), *every_command(main)], ids=" ".join)
def test_every_command_has_help(run_anew: Run, command: tuple[str, ...]) -> None:
    done = run_anew(*command, "--help")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ") and len(done.stdout.splitlines()) > 4


def test_the_verbs_of_the_contract_are_there() -> None:
    verbs = "check import simulate train tune score backtest explain features models serve policy tokens demo"
    assert set(verbs.split()) <= set(main.commands)
    assert re.search(r"\.duecourse", main.epilog or "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["score", SAMPLE], "Missing option '--output'"),
        (["score", "nowhere", "--output", "x.csv"], "'nowhere' does not exist"),
        (["score", SAMPLE, "--output", "x.xlsx"], "ends in .csv or .parquet"),
        (["score", SAMPLE, "--output", SAMPLE + "/x.csv/y.csv", "--as-of", "2026-02-30"], "no calendar has"),
        (["score", SAMPLE, "--output", "x.csv", "--as-of", "1.3.2026"], "write the day as YYYY-MM-DD"),
        (["score", SAMPLE, "--output", "x.csv", "--as-of", "0001-01-01"], "give a day from 1900"),
        (["score", SAMPLE, "--output", SAMPLE + "/payments.csv/x.csv"], "payments.csv"),
        (["explain", SAMPLE, "I00001", "--plot", "x.pdf"], "ends in .svg or .png"),
        (["explain", SAMPLE, "NOPE"], "no invoice 'NOPE' is known before 2026-07-01"),
        (["explain", SAMPLE, "I00003"], "'I00003' was settled before 2026-07-01. Ask as of an earlier day"),
        (["train", SAMPLE, "--late-after", "-1"], "-1 is not in the range"),
        (["train", SAMPLE, "--config", SAMPLE + "/ledger.yaml"], "unknown key base_currency"),
        (["train", SAMPLE, "--as-of", "2025-07-01"], "no invoice had matured by 2025-07-01"),
        (["train", SAMPLE, "--show-folds", "--plot", "x.pdf"], "ends in .svg or .png"),
        (
            ["backtest", SAMPLE, "--from", "2026-02-01", "--to", "2026-02-01", "--output", "x.csv"],
            "not after",
        ),
        (["backtest", SAMPLE, "--from", "2026-02-01", "--to", "2026-03-01", "--output", "x"], "ends in .csv"),
        (
            [
                "backtest",
                "L",
                "--from",
                "2026-02-01",
                "--to",
                "2026-03-01",
                "--output",
                "x.csv",
                "--without",
                "luck",
            ],
            "no feature family 'luck'; the families are habit",
        ),
        (
            ["backtest", SAMPLE, "--ablation", "--without", "habit", "--output", "x.csv"],
            "--ablation leaves every family out in turn; leave --without out",
        ),
        (
            ["backtest", SAMPLE, "--to", "2025-08-01", "--output", "x.csv"],
            "--to 2025-08-01 is not after --from",
        ),
        (["tune", SAMPLE, "--trials", "0"], "0 is not in the range"),
        (["features", "--family", "luck"], "no feature family 'luck'"),
        (["policy", "check", SAMPLE + "/ledger.yaml"], ""),
        (["policy", "show", "--policy", "nowhere.yaml"], "'nowhere.yaml' does not exist"),
        (["import", SAMPLE + "/payments.csv", "--mapping", "nope", "--to", "x"], "nope"),
        (["check", "nowhere"], "'nowhere' does not exist"),
        (["serve", SAMPLE, "--host", "example.com"], "'example.com' is not an IP address"),
        (["serve", SAMPLE, "--port", "70000"], "70000 is not in the range"),
        (["tokens", "create", "no blanks"], "Token name 'no blanks' cannot be used"),
        (["tokens", "revoke", "nobody"], "there is no token 'nobody'"),
        (["retry"], "No such command 'retry'"),
    ],
    ids=lambda value: " ".join(value)[-50:] if isinstance(value, list) else None,
)
def test_what_cannot_run_ends_with_2_says_why_and_writes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("L").mkdir()
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert says in done.output and "Traceback" not in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["L"]


def test_without_a_model_score_says_how_to_get_one(run_anew: Run, tmp_path: Path) -> None:
    done = run_anew("score", SAMPLE, "--output", tmp_path / "x.csv")
    assert done.exit_code == 2
    assert "run `duecourse train LEDGER` first" in done.stderr
    assert not (tmp_path / "x.csv").exists()


def test_a_fault_of_ours_is_no_verdict(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> Ledger:
        raise KeyError("inside")

    monkeypatch.setattr(Ledger, "load", broken)
    done = run("check", SAMPLE)
    assert done.exit_code == 2
    assert "KeyError: 'inside'" in done.stderr and "fault of duecourse" in done.stderr


def test_an_interruption_is_no_verdict(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: Path) -> Ledger:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "load", interrupted)
    assert run("check", SAMPLE).exit_code == 130


@pytest.mark.parametrize(
    ("change", "code"),
    [({}, 0), ({"payments.csv": None}, 1), ({"payments.csv": "a,b\n1,2\n"}, 1), ({"ledger.yaml": "x: 1"}, 1)],
    ids=["good", "no payments", "other columns", "unknown setting"],
)
def test_check_lists_problems_and_its_verdict_is_the_exit_code(
    run_anew: Run, tmp_path: Path, change: dict[str, str | None], code: int
) -> None:
    book = shutil.copytree(SAMPLE_LEDGER, tmp_path / "book")
    for name, text in change.items():
        (book / name).unlink() if text is None else (book / name).write_text(text)
    done, as_json = run_anew("check", book), run_anew("check", book, "--json")
    assert (done.exit_code, as_json.exit_code) == (code, code)
    found = json.loads(as_json.stdout)
    assert found["usable"] == (code == 0)
    assert bool(found["counts"]["error"]) == (code == 1)
    assert all(problem["mend"] for problem in found["problems"])
    assert ("cannot be used" if code else "can be used up to 2026-06-30") in done.stdout


def test_check_that_cannot_read_is_no_verdict(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(folder: Path) -> Ledger:
        raise PermissionError(13, "Permission denied", "invoices.csv")

    monkeypatch.setattr(Ledger, "load", unreadable)
    done = run("check", SAMPLE, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "invoices.csv: Permission denied" in done.stderr


def test_score_writes_every_open_invoice_and_says_as_of_when(
    run: Run, tmp_path: Path, scorer: Scorer
) -> None:
    done = run("score", SAMPLE, "--output", tmp_path / "new" / "scores.csv")
    assert done.exit_code == 0, done.output
    with (tmp_path / "new" / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    expected = scorer.score_open()
    assert [row["invoice_id"] for row in rows] == expected["invoice_id"].tolist()
    assert [float(row["p_late_30"]) for row in rows] == expected["p_late_30"].tolist()
    assert "as of the start of 2026-07-01" in done.stderr and "Warning" not in done.stderr
    assert done.stdout.startswith(f"Wrote {len(rows)} invoices open on 2026-07-01 to ")


def test_score_prints_json_and_nothing_else(run: Run, tmp_path: Path, scorer: Scorer) -> None:
    done = run("score", SAMPLE, "--output", tmp_path / "scores.parquet", "--json", "--as-of", "2026-05-01")
    told = json.loads(done.stdout)
    scored = pd.read_parquet(tmp_path / "scores.parquet")
    assert told["as_of"] == "2026-05-01" and told["open_invoices"] == len(scored) > 0
    assert sum(told["tiers"].values()) == sum(told["actions"].values()) == len(scored)
    assert told["mean_p_late"] == pytest.approx(scored["p_late"].mean())
    assert told["model_version"] == scorer.model.version and told["warnings"] == []
    assert scored["as_of"].unique().tolist() == ["2026-05-01"]


def test_score_warns_of_a_champion_that_knows_the_future(run: Run, tmp_path: Path) -> None:
    done = run("score", SAMPLE, "--output", tmp_path / "s.csv", "--as-of", "2026-03-31", "--json")
    warning = "the champion was trained on facts before 2026-04-01, later than 2026-03-31"
    assert warning in done.stderr
    assert json.loads(done.stdout)["warnings"][0].startswith(warning)


def test_a_day_far_ahead_can_be_asked_for(run: Run, tmp_path: Path) -> None:
    done = run("score", SAMPLE, "--output", tmp_path / "s.csv", "--as-of", "2199-12-31")
    assert done.exit_code == 0, done.output
    assert pd.read_csv(tmp_path / "s.csv")["days_past_due"].min() > 60_000


def test_a_day_before_any_invoice_gives_a_file_with_a_header_alone(run: Run, tmp_path: Path) -> None:
    done = run("score", SAMPLE, "--output", tmp_path / "s.csv", "--as-of", "2020-01-01", "--json")
    assert done.exit_code == 0
    assert (tmp_path / "s.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert json.loads(done.stdout)["mean_p_late"] is None


def some_open(scorer: Scorer, decided: bool) -> str:
    """An open invoice that is past every horizon, or one that is not."""
    scored = scorer.score_open()
    return str(scored[(scored["p_late_90"] == 1) == decided]["invoice_id"].iloc[0])


def test_explain_adds_up_from_the_base_rate_to_the_probability(run: Run, scorer: Scorer) -> None:
    invoice = some_open(scorer, decided=False)
    told = json.loads(run("explain", SAMPLE, invoice, "--json").stdout)
    total = told["base_log_odds"] + sum(told["contributions"].values())
    assert 1 / (1 + math.exp(-total)) == pytest.approx(told["probability"], abs=1e-12)
    assert told["probability"] == told[told["explained"]]
    shown = run("explain", SAMPLE, invoice).stdout
    assert f"From the base rate to {told['explained']}" in shown
    last = re.findall(r"([+-]\d+\.\d{3}) +(\d+\.\d)%", shown.replace("│", " "))[-1]
    assert float(last[1]) == pytest.approx(100 * told["probability"], abs=0.051)
    for reason in told["reasons"]:
        assert reason["sentence"] in shown
    assert told["opening"] in shown and told["tier"] in shown and told["why"] in shown
    low, high = told["between"]
    assert low <= told["probability"] <= high and told["between"] == told["ranges"][told["explained"]]
    assert f"{told['explained']} lies between {low:.1%} and {high:.1%}" in shown


def test_explain_says_with_whom_a_hardly_known_customer_is_compared(run: Run, scorer: Scorer) -> None:
    scored = scorer.score_open()
    is_short = scored["evidence"].isin(["none", "little"])
    for invoice, expected in (
        (scored["invoice_id"][is_short].iloc[0], True),
        (some_open(scorer, False), None),
    ):
        prior = scorer.score_of(str(invoice))["prior"]
        if expected:
            assert prior["sentence"] in run("explain", SAMPLE, str(invoice)).stdout.replace("\n", " ")
        assert (prior is not None) == bool(is_short[scored["invoice_id"] == invoice].iloc[0])


@pytest.mark.parametrize(("suffix", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_explain_draws_its_waterfall(
    run: Run, scorer: Scorer, tmp_path: Path, suffix: str, begins: bytes
) -> None:
    chart = tmp_path / f"why.{suffix}"
    done = run("explain", SAMPLE, some_open(scorer, decided=False), "--plot", chart)
    assert done.exit_code == 0, done.output
    assert chart.read_bytes().startswith(begins) and chart.stat().st_size > 2000


def test_an_invoice_past_every_horizon_has_a_fact_and_no_waterfall(
    run: Run, scorer: Scorer, tmp_path: Path
) -> None:
    invoice = some_open(scorer, decided=True)
    done = run("explain", SAMPLE, invoice)
    assert done.exit_code == 0 and "past the longest horizon" in done.stdout
    told = json.loads(run("explain", SAMPLE, invoice, "--json").stdout)
    assert (told["base_log_odds"], told["contributions"], told["probability"]) == (None, {}, 1.0)
    refused = run("explain", SAMPLE, invoice, "--plot", tmp_path / "why.svg")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert not (tmp_path / "why.svg").exists()


def test_policy_check_lists_every_mistake(run_anew: Run, tmp_path: Path) -> None:
    good = Path("serving/policy.yaml").read_text(encoding="utf-8")
    file = tmp_path / "policy.yaml"
    file.write_text(good, encoding="utf-8")
    assert run_anew("policy", "check", file).exit_code == 0
    broken = good.replace("tiers: [low,", "teirs: [low,", 1).replace("amount_open >= large", "amont >= large")
    file.write_text(broken, encoding="utf-8")
    done = run_anew("policy", "check", file)
    assert done.exit_code == 2
    assert "amont" in done.stdout and "teirs" in done.stdout
    assert int(done.stdout.splitlines()[-1].split()[0]) == len(done.stdout.splitlines()) - 1 >= 2
    shown = run_anew("policy", "show", "--policy", file)
    assert (shown.exit_code, shown.stdout) == (2, "")


def test_policy_check_names_what_other_languages_say_as_before(office: Path, tmp_path: Path) -> None:
    home, mine = shutil.copytree(office, tmp_path / "home"), tmp_path / "mine.yaml"
    text = Path("serving/policy.yaml").read_text(encoding="utf-8")
    mine.write_text(
        text.replace("told: our credit manager speaks", "told: somebody speaks"), encoding="utf-8"
    )
    run = runs_in(home)
    told = " ".join(run("policy", "check", mine).output.split())
    assert "other_languages.de still has actions.senior_conversation.told as it was" in told
    (home / "policy.yaml").write_text("tiers: 3", encoding="utf-8")
    done = run("policy", "check", mine)
    assert done.exit_code == 0 and "still has" not in done.output


def test_policy_show_prints_sentences_or_json(run_anew: Run) -> None:
    policy = Policy.load()
    shown = run_anew("policy", "show").stdout
    assert all(sentence in shown for sentence in policy.sentences()) and policy.version in shown
    assert json.loads(run_anew("policy", "show", "--json").stdout)["policy_version"] == policy.version


def test_the_policy_of_the_home_counts_before_the_packaged_one(office: Path, tmp_path: Path) -> None:
    home = shutil.copytree(office, tmp_path / "home")
    own = (
        Path("serving/policy.yaml")
        .read_text(encoding="utf-8")
        .replace("small_amount: {otherwise: 50,", "small_amount: {otherwise: 51,")
    )
    (home / "policy.yaml").write_text(own, encoding="utf-8")
    done = runs_in(home)("score", SAMPLE, "--output", tmp_path / "s.csv", "--json")
    assert json.loads(done.stdout)["policy_version"] == Policy.read(own).version != Policy.load().version


def test_features_lists_the_catalogue(run_anew: Run) -> None:
    listed = json.loads(run_anew("features", "--json").stdout)
    assert [feature["name"] for feature in listed] == CATALOGUE.names
    shown = run_anew("features").stdout
    assert all(name in shown for name in CATALOGUE.names) and f"{len(CATALOGUE.names)} features." in shown
    rhythm = json.loads(run_anew("features", "--family", "rhythm", "--json").stdout)
    assert {feature["family"] for feature in rhythm} == {"rhythm"}


def test_tokens_are_made_listed_and_revoked(run_anew: Run, tmp_path: Path) -> None:
    made = run_anew("tokens", "create", "erp")
    assert made.exit_code == 0 and made.stdout.startswith("dc_") and len(made.stdout.splitlines()) == 1
    assert run_anew("tokens", "create", "erp").exit_code == 2
    listed = run_anew("tokens", "list")
    assert "erp  ar_system  since 20" in listed.stdout and "1 token." in listed.stdout
    assert made.stdout.strip() not in listed.stdout
    assert [token["name"] for token in json.loads(run_anew("tokens", "list", "--json").stdout)] == ["erp"]
    assert run_anew("tokens", "revoke", "erp", "--who", "ann").exit_code == 0
    assert run_anew("tokens", "revoke", "erp").exit_code == 2
    assert json.loads(run_anew("tokens", "list", "--json").stdout) == []
    with Desk.open(tmp_path / "new home") as desk:  # what was refused left no entry
        entries = [(each["act"], each["record_id"]) for each in reversed(desk.audit_entries())]
        assert entries == [("add_token", "erp"), ("revoke_token", "erp")]
        assert desk.audit_entries()[0]["actor"] == "ann" and desk.verify_audit().is_valid


def test_a_simulated_ledger_checks_and_imports(run_anew: Run, tmp_path: Path) -> None:
    book = tmp_path / "book"
    done = run_anew("simulate", "--customers", 5, "--months", 2, "--seed", 3, "--to", book, "--json")
    assert json.loads(done.stdout)["rows"]["invoices"] > 0
    assert run_anew("check", book).exit_code == 0
    files = [book / "invoices.csv", book / "payments.csv"]
    taken = run_anew("import", *files, "--mapping", "canonical", "--to", tmp_path / "taken", "--json")
    assert taken.exit_code == 0, taken.output
    assert json.loads(taken.stdout)["rows"]["invoices"] == json.loads(done.stdout)["rows"]["invoices"]


def test_a_scenario_is_named_with_its_day(run_anew: Run, tmp_path: Path) -> None:
    asked = ("simulate", "--customers", 5, "--months", 3, "--to", tmp_path / "book", "--scenario")
    done = run_anew(*asked, "late_feed@2026-05-20", "--json")
    assert json.loads(done.stdout)["begins_on"] == "2026-05-20"
    refused = run_anew(*asked, "late_feed@2027-05-20")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "the book runs from 2026-04-01 to 2026-06-30" in refused.stderr


def test_help_lists_every_scenario(run_anew: Run) -> None:
    listed = run_anew("simulate", "--help").stdout.split()
    assert set(SCENARIOS) <= set(listed)


def test_serve_needs_a_token_for_others(run_anew: Run) -> None:
    done = run_anew("serve", SAMPLE, "--host", "0.0.0.0", "--port", 0)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "duecourse tokens create NAME" in done.stderr
