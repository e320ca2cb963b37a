"""Is everything that people rely on written down, and do the documents say what the code and the figures say?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from features.catalogue import CATALOGUE
from features.lateness import LatenessRule
from features.ledger import Ledger
from features.reasons import REASON_CODES
from serving.cli import main
from serving.cli.documents import ROOT, pages, variables
from serving.reference import ENVIRONMENT, SCORE_ROW, reference_page
from serving.scoring import COLUMNS
from tests.commands import runs_in
from training import datasheet
from training.documents import change_log, outcomes_analysis, write_documents
from training.evaluation import as_decimal, as_percent
from training.model.card import HEADINGS, model_card
from training.settings import PACKAGED, Settings, TrainingSettings
from training.train import Training, train

CUT = date(2026, 4, 1)


@pytest.mark.parametrize("name", list(pages()))
def test_a_committed_page_is_what_the_code_says(name: str) -> None:
    committed = (ROOT / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "run `duecourse documents` in the project's folder"


def test_the_pages_are_written_by_one_command(tmp_path: Path) -> None:
    done = runs_in(tmp_path / "home")("documents", "--to", tmp_path)
    assert done.exit_code == 0
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")} == set(pages())


def test_every_feature_and_every_reason_code_has_its_line() -> None:
    features, reasons = pages()["features/catalogue.md"], pages()["features/reasons.md"]
    for feature in CATALOGUE.features:
        assert f"| `{feature.name}` | {feature.meaning.split()[0]}" in features
        assert f"| `{feature.name}` | {feature.says} |" in reasons
    assert re.findall(r"^## (\w+)$", reasons, re.MULTILINE) == list(REASON_CODES)


def commands(group: click.Group, path: str = "duecourse") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("name", "command"), list(commands(main)), ids=lambda value: str(value)[:40])
def test_every_command_and_option_teaches(name: str, command: click.Command) -> None:
    assert command.help and command.help.split("\n\n")[0].strip()[-1] in ".:"
    section = pages()["serving/reference.md"].split(f"### {name}\n")[1].split("\n### ")[0]
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert option.help, f"{name} {option.opts[0]} has no help"
        assert f"| `{option.opts[0]}" in section or f", {option.opts[0]}" in section


def settings_of(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_of(inner)
        else:
            yield name


def test_every_setting_stands_in_the_packaged_file_with_its_default() -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    assert [name for name in settings_of(Settings) if not re.search(rf"^ +{name}:", text, re.MULTILINE)] == []


def test_every_column_of_a_score_row_and_every_variable_is_described() -> None:
    assert set(COLUMNS) <= SCORE_ROW.keys()
    assert variables() <= ENVIRONMENT.keys()
    assert "DUECOURSE_HOME" in variables()  # the scan finds something


def test_an_undescribed_variable_is_named() -> None:
    with pytest.raises(KeyError, match="DUECOURSE_NOVELTY"):
        reference_page(main, COLUMNS, {"DUECOURSE_HOME", "DUECOURSE_NOVELTY"})


@pytest.fixture(scope="module")
def few(sample_ledger: Ledger) -> Ledger:
    return sample_ledger.of_customers(f"C{number:04}" for number in range(1, 26))


@pytest.fixture(scope="module")
def trained(
    few: Ledger, tmp_path_factory: pytest.TempPathFactory, hasty_settings: TrainingSettings
) -> Training:
    home = tmp_path_factory.mktemp("card") / "home"
    return train(few, CUT, LatenessRule(), Settings(training=hasty_settings), home, lambda step: None)


@pytest.fixture(scope="module")
def written(trained: Training, few: Ledger, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The model card and the data sheet of a first training."""
    paths = write_documents(trained, few, CUT, None, tmp_path_factory.mktemp("documents"))
    card, sheet = (path.read_text(encoding="utf-8") for path in paths)
    return card, sheet


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_the_card_has_the_headings_and_the_real_figures(trained: Training, written: tuple[str, str]) -> None:
    card, _ = written
    assert headings(card) == list(HEADINGS)
    assert trained.rehearsal is not None
    found = trained.rehearsal.evaluation.targets["p_late"]
    own = found.overall.models["model"]
    figures = (
        as_decimal(own["roc_auc"].value),
        as_decimal(own["brier"].value, 4),
        as_percent(own["mean_prediction"].value),
    )
    (line,) = re.findall(r"^\| \*\*the model\*\* .*$", card.split("### `p_late_30`")[0], re.MULTILINE)
    assert all(f"| {figure}" in line for figure in figures)
    assert (
        f"{found.overall.rows:,} invoices of {found.customers:,} customers, {found.overall.late:,} of them late"
        in card
    )
    biases = {group.name: group.models["model"]["bias"].value or 0 for group in found.slices if group.models}
    (worst,) = re.findall(r"^Worst slice: (?:\w+: )?(.+), where", card, re.MULTILINE)
    assert abs(biases[worst]) > 0
    assert f"`{trained.data_fingerprint}`" in card


def test_the_calibration_table_counts_every_judged_invoice(
    trained: Training, written: tuple[str, str]
) -> None:
    assert trained.rehearsal is not None
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) % \| ([\d.]+) % \|$", written[0], re.MULTILINE)
    found = trained.rehearsal.evaluation.targets["p_late"].overall
    assert sum(int(count.replace(",", "")) for count, _, _ in rows) == found.rows
    late = sum(int(count.replace(",", "")) * float(observed) / 100 for count, _, observed in rows)
    assert late == pytest.approx(found.late, abs=0.1)


def test_the_card_in_the_model_holds_nothing_of_the_rehearsal(trained: Training) -> None:
    inside = (trained.folder / "model_card.md").read_text(encoding="utf-8")
    assert inside == model_card(trained.model.card)
    assert headings(inside) == list(HEADINGS) and "**the model**" not in inside


def test_the_same_training_gives_the_same_bytes_and_names_no_folder(
    trained: Training, few: Ledger, written: tuple[str, str], tmp_path: Path
) -> None:
    again = write_documents(trained, few, CUT, None, tmp_path)
    assert tuple(path.read_text(encoding="utf-8") for path in again) == written
    for text in written:
        assert str(trained.folder.parents[1]) not in text and "/home" not in text
        assert max(re.findall(r"\b20\d\d-\d\d-\d\d\b", text)) <= CUT.isoformat()


def test_without_a_rehearsal_the_card_says_why() -> None:
    assert outcomes_analysis(None, "no invoice had matured", CUT) == [
        "The model could not be judged before use: no invoice had matured."
    ]


def test_the_change_log_names_what_changed_and_nothing_else(trained: Training) -> None:
    model = trained.model
    assert change_log(model, None) == ["The first model: trained on facts before 2026-04-01."]
    assert "the model in charge itself" in change_log(model, model)[0]
    settings = model.card["settings"] | {"leaves": 7}
    earlier = {"trained_on_facts_before": "2026-01-01", "settings": settings}
    before = replace(model, version="0123456789ab", card=model.card | earlier)
    rows = [line for line in change_log(model, before) if line.startswith("| ")][2:]
    leaves = model.card["settings"]["leaves"]
    assert rows == ["| facts before | 2026-01-01 | 2026-04-01 |", f"| setting leaves | 7 | {leaves} |"]


def test_the_data_sheet_counts_what_was_known_and_names_nobody(few: Ledger, written: tuple[str, str]) -> None:
    _, sheet = written
    assert headings(sheet) == list(datasheet.HEADINGS)
    known = few.known_before(CUT)
    for name, table in known.tables.items():
        assert (f"| `{name}` | {len(table):,} |" in sheet) == bool(len(table))
    missing = known.tables["invoices"]["purchase_order"].isna().mean()
    assert f"| `invoices.purchase_order` | {missing:.1%} |" in sheet
    assert few.fingerprint(CUT) in sheet
    ids = {*known.tables["invoices"]["invoice_id"], *known.tables["customers"]["customer_id"]}
    assert not ids & set(re.findall(r"\w+", sheet))


def test_the_data_sheet_tells_what_is_odd(few: Ledger) -> None:
    alone = few.of_customers(["C0013"])
    assert "* invoices: customer_id is the same on every invoice." in datasheet.data_sheet(alone, CUT)
    assert "* told elsewhere" in datasheet.data_sheet(few, CUT, ["told elsewhere"])
    assert "Nothing is odd about the whole." in datasheet.data_sheet(few, CUT)
