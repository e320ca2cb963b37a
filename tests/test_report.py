"""Is the report one page that opens anywhere, beside a JSON twin that says the same?"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.evaluation import evaluate, verdict
from training.report import write_report

HORIZONS = {"p_late": 5, "p_late_30": 30}
VOID = {"meta", "link", "br", "img", "input", "hr"}


def scored_frame(rows: int = 300, customers: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    risk = rng.beta(2, 6, rows)
    facts = {
        "invoice_id": [f"I{number:04d}" for number in range(rows)],
        "customer_id": [f"C{number:03d}" for number in rng.integers(customers, size=rows)],
        "as_of": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 60, rows), unit="D"),
        "money_unit": "EUR",
        "money_amount": rng.integers(100, 100_000, rows),
        "is_cold": rng.random(rows) < 0.2,
    }
    for target in HORIZONS:
        facts[f"outcome_{target}"] = (rng.random(rows) < risk).astype(float)
        facts[f"{target}__model"] = risk
        facts[f"{target}__ageing"] = np.where(risk > 0.3, 0.4, 0.2)
    return pd.DataFrame(facts)


class Outline(HTMLParser):
    """Tags opened, and those never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline_of(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    return outline


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    frame = scored_frame()
    frame.loc[20:, "outcome_p_late_30"] = float("nan")
    notes = ["Scored at issue.", "<script>alert('x')</script> & co"]
    stem = tmp_path_factory.mktemp("report") / "july.v1"
    return write_report(
        evaluate(frame, HORIZONS, 20), frame, stem, "July & August", notes, {"ledger": "<book>"}
    )


def test_files_are_named_after_the_stem(written: tuple[Path, Path]) -> None:
    assert [path.name for path in written] == ["july.v1.html", "july.v1.json"]


def test_page_is_whole_and_asks_nothing_of_the_network(written: tuple[Path, Path]) -> None:
    page = written[0].read_text(encoding="utf-8")
    outline = outline_of(page)
    assert outline.open == [] and {"script", "link", "img", "iframe"}.isdisjoint(outline.tags)
    references = [value or "" for name, value in outline.attributes if name in {"src", "href", "xlink:href"}]
    assert all(reference.startswith("#") for reference in references)
    assert (
        all(target.startswith("#") for target in re.findall(r"url\(['\"]?(.)", page))
        and "@import" not in page
    )


def test_verdict_stands_first_and_charts_are_inside(written: tuple[Path, Path]) -> None:
    page = written[0].read_text(encoding="utf-8")
    sentence = json.loads(written[1].read_text(encoding="utf-8"))["verdict"]
    spoken = sentence.replace("'", "&#39;").replace(" %", "\N{NO-BREAK SPACE}%")
    assert page.index(spoken) < page.index("<table")
    assert outline_of(page).tags.count("svg") == 2


def test_what_people_wrote_is_shown_and_never_run(written: tuple[Path, Path]) -> None:
    page = written[0].read_text(encoding="utf-8")
    assert (
        "&lt;script&gt;alert(" in page
        and "&lt;book&gt;" in page
        and "<title>July &amp; August</title>" in page
    )


def test_a_horizon_without_evidence_says_so(written: tuple[Path, Path]) -> None:
    page = written[0].read_text(encoding="utf-8")
    assert "Not everything can be measured: 20 scores with a known outcome, fewer than 30." in page


def test_json_twin_holds_the_evaluation(tmp_path: Path) -> None:
    frame = scored_frame(200, 40)
    found = evaluate(frame, HORIZONS, 20)
    _, twin = write_report(found, frame, tmp_path, "Title", ["a note"], {"as of": "2025-04-01"})
    content = json.loads(twin.read_text(encoding="utf-8"))
    assert twin.name == "evaluation.json"
    assert content["verdict"] == verdict(found) and content["notes"] == ["a note"]
    assert content["targets"] == json.loads(json.dumps(found.as_dict()["targets"]))


def test_curves_stand_in_the_twin_as_numbers(tmp_path: Path) -> None:
    frame = scored_frame(400, 40)
    _, twin = write_report(evaluate(frame, HORIZONS, 20), frame, tmp_path, "Title")
    told = json.loads(twin.read_text(encoding="utf-8"))["curves"]["p_late"]
    assert list(told["calibration"]) == ["model", "ageing"]
    assert sum(group["rows"] for group in told["calibration"]["model"]) == 400
    months = {
        month: sum(group["rows"] for group in bins) for month, bins in told["calibration_by_month"].items()
    }
    assert (
        months == frame["as_of"].dt.strftime("%Y-%m").value_counts().loc[lambda rows: rows >= 100].to_dict()
    )
    ends = [(line[0]["money_caught"], line[-1]["money_caught"]) for line in told["capacity"].values()]
    assert ends == [(0.0, 1.0)] * 3 and list(told["capacity"]) == ["model", "ageing", "perfect"]
    tenth = next(row for row in told["capacity"]["model"] if row["listed"] == 0.1)
    top = frame.nlargest(40, "p_late__model")["outcome_p_late"]
    assert tenth["late_among_listed"] == top.mean()
    assert tenth["late_found"] == top.sum() / frame["outcome_p_late"].sum()


def test_same_input_same_bytes(tmp_path: Path) -> None:
    frame = scored_frame(200, 40)
    pages = []
    for folder in ("first", "second"):
        html, twin = write_report(evaluate(frame, HORIZONS, 20), frame, tmp_path / folder / "report", "Title")
        pages.append((html.read_bytes(), twin.read_bytes()))
    assert pages[0] == pages[1]


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_one_kind_of_outcome_still_makes_a_page(tmp_path: Path, late: float) -> None:
    frame = scored_frame(100, 40).assign(outcome_p_late=late)
    html, _ = write_report(evaluate(frame, {"p_late": 5}, 20), frame, tmp_path, "Title")
    assert "too few of one kind to judge an order" in html.read_text(encoding="utf-8")


def test_no_rows_still_makes_a_page(tmp_path: Path) -> None:
    frame = scored_frame().iloc[:0]
    html, _ = write_report(evaluate(frame, HORIZONS), frame, tmp_path, "Title")
    assert "There is too little evidence" in html.read_text(encoding="utf-8")
