"""Do the charts say what they are given, the same way every time?"""

import subprocess
import sys
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training import charts
from training.forest import Line, forest

BINS = {
    "the model": pd.DataFrame({"rows": [50, 50], "predicted": [0.1, 0.4], "observed": [0.12, 0.38]}),
    "own late rate": pd.DataFrame({"rows": [60, 40], "predicted": [0.2, 0.3], "observed": [0.1, 0.39]}),
}
CURVES = {
    "the model": pd.DataFrame({"contacted": [0, 0.1, 0.4, 1], "caught": [0, 0.62, 0.9, 1]}),
    "perfect": pd.DataFrame({"contacted": [0, 0.1, 0.4, 1], "caught": [0, 1, 1, 1]}),
}
FOLDS = [
    {
        "name": "July",
        "fit_from": "2024-01-01",
        "fit_to": "2024-05-01",
        "gap_to": "2024-07-01",
        "test_to": "2024-08-01",
    },
    {
        "name": "August",
        "fit_from": "2024-01-01",
        "fit_to": "2024-06-01",
        "gap_to": "2024-08-01",
        "test_to": "2024-09-01",
    },
]
LINES = [
    Line("warm (90)", -0.02, -0.03, -0.01),
    Line("cold (9)", 0.02, 0.01, 0.03),
    Line("new", -0.01, -0.02, 0.01),
]
REASONS = [("Often late, for example $50 and $60 invoices", 1.0), ("Amount as usual", -0.25)]


def log_odds(probability: float) -> float:
    return log(probability / (1 - probability))


def probability(base: float, reasons: list[tuple[str, float]]) -> float:
    odds = base / (1 - base) * 2.718281828459045 ** sum(step for _, step in reasons)
    return odds / (1 + odds)


def draw_waterfall(ax: Axes) -> Axes:
    return charts.waterfall(ax, log_odds(0.1), REASONS, probability(0.1, REASONS), "Why is it at 19 %?")


DIFFERENCES = [("terms 15 to 30 days", 0.06, 0.01, 0.11), ("2026-05", -0.02, -0.05, 0.01)]
DRAWINGS: dict[str, Any] = {
    "differences": lambda ax: charts.differences(ax, DIFFERENCES, 0.10),
    "reliability": lambda ax: charts.reliability_diagram(ax, BINS),
    "capacity": lambda ax: charts.capacity_curve(ax, CURVES),
    "waterfall": draw_waterfall,
    "forest": lambda ax: forest(ax, [("Customers", LINES)], "Where is it better?", "log loss"),
    "folds": lambda ax: charts.folds_calendar(ax, FOLDS),
}


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def bars(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_chart_returns_its_axes_asks_a_question_and_has_no_legend(name: str) -> None:
    ax = charts.new_figure().subplots()
    assert DRAWINGS[name](ax) is ax
    assert ax.get_title(loc="left").endswith("?")
    assert ax.get_legend() is None


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_same_chart_is_the_same_text_and_needs_nothing_from_outside(name: str) -> None:
    first, second = charts.new_figure(), charts.new_figure()
    DRAWINGS[name](first.subplots())
    DRAWINGS[name](second.subplots())
    svg = charts.figure_to_svg(first, 'a "chart"')
    assert svg == charts.figure_to_svg(second, 'a "chart"')
    assert svg.startswith('<svg role="img" aria-label="a &quot;chart&quot;"') and svg.endswith("</svg>\n")
    assert "<metadata" not in svg and "<image" not in svg and 'id="axes' not in svg
    assert "var(--ink" in svg


def test_reliability_has_one_scale_from_zero_on_both_axes() -> None:
    ax = charts.reliability_diagram(charts.new_figure().subplots(), BINS)
    assert ax.get_xlim() == ax.get_ylim() == (0, pytest.approx(0.432))
    assert set(texts(ax)) == {"as predicted", "the model", "own late rate"}


def test_capacity_names_what_the_first_tenth_reaches() -> None:
    ax = charts.capacity_curve(charts.new_figure().subplots(), CURVES, up_to=0.4)
    assert "10 % of invoices: 62 % of the late money" in texts(ax)
    assert ax.get_xlim() == (0, 0.4) and ax.get_ylim()[0] == 0


def test_waterfall_steps_from_the_base_rate_to_the_probability() -> None:
    ax = draw_waterfall(charts.new_figure().subplots())
    steps = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars(ax)]
    base = log_odds(0.1)
    assert steps == [pytest.approx((base, base + 1.0)), pytest.approx((base + 1.0, base + 0.75))]
    assert texts(ax) == ["▲ to 23.2 %", "▼ to 19.0 %", "10.0 %", "19.0 %"]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [charts.RAISES, charts.LOWERS]


def test_raising_and_lowering_differ_in_grey() -> None:
    light, dark = (
        sum(weight * value for weight, value in zip((0.299, 0.587, 0.114), to_rgb(colour), strict=True))
        for colour in (charts.LOWERS, charts.RAISES)
    )
    assert light - dark > 0.15


def test_waterfall_labels_are_read_as_money_and_not_as_formulas() -> None:
    figure = charts.new_figure()
    draw_waterfall(figure.subplots())
    svg = charts.figure_to_svg(figure)
    assert "$50 and $60" in svg and r"\$" not in svg


def test_waterfall_axis_says_probabilities() -> None:
    ax = draw_waterfall(charts.new_figure().subplots())
    for tick in ax.get_xticklabels():
        share = float(tick.get_text().removesuffix(" %")) / 100
        assert log_odds(share) == pytest.approx(tick.get_position()[0])


@pytest.mark.parametrize(
    ("reasons", "final", "message"),
    [
        ([("Often late", 1.0)], 0.1, "add a contribution for the reasons left out"),
        ([("Often late", 1.0)], 1.0, "probability 1.0 is decided"),
        ([("Often late", float("nan"))], 0.2, "add up to log-odds nan"),
    ],
)
def test_waterfall_refuses_reasons_that_do_not_add_up(reasons: Any, final: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        charts.waterfall(charts.new_figure().subplots(), log_odds(0.1), reasons, final)


@pytest.mark.parametrize(("base", "step"), [(-9.0, 0.2), (-2.0, 9.0), (3.0, -0.001), (0.0, 0.0)])
def test_waterfall_of_extreme_probabilities_still_has_a_scale(base: float, step: float) -> None:
    final = 1 / (1 + 2.718281828459045 ** -(base + step))
    ax = charts.waterfall(charts.new_figure().subplots(), base, [("reason", step)], final)
    low, high = ax.get_xlim()
    assert low < min(base, base + step) <= max(base, base + step) < high
    assert len(ax.get_xticks()) >= 2 and all(low <= tick <= high for tick in ax.get_xticks())


def test_calendar_draws_each_fold_from_fit_to_test() -> None:
    ax = charts.folds_calendar(charts.new_figure().subplots(), FOLDS)
    assert [bar.get_width() for bar in bars(ax)] == [121, 61, 31, 152, 61, 31]
    assert texts(ax) == ["fit", "gap", "test"]


@pytest.mark.parametrize(
    ("lower_is_better", "colours"), [(True, "STRONG RAISES FAINT"), (False, "RAISES STRONG FAINT")]
)
def test_forest_marks_what_is_clearly_better_worse_or_chance(lower_is_better: bool, colours: str) -> None:
    ax = charts.new_figure().subplots()
    forest(ax, [("", LINES)], "Where?", "log loss", is_lower_better=lower_is_better)
    marks = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [to_hex(mark.get_color()) for mark in marks] == [getattr(charts, name) for name in colours.split()]
    assert [mark.get_markerfacecolor() == "white" for mark in marks] == [False, False, True]
    assert texts(ax) == ["−.0200", "+.0200", "−.0100"]


def test_names_that_end_together_are_moved_apart_within_the_chart() -> None:
    placed = charts._apart([0.2, 0.98, 0.99, 1.0], 1.0)
    assert placed[0] == 0.2 and placed[-1] == 1.0
    assert min(b - a for a, b in pairwise(placed)) == pytest.approx(0.052)


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_saved_files_repeat_to_the_byte(tmp_path: Path, suffix: str) -> None:
    def saved(name: str) -> bytes:
        figure = charts.new_figure(4, 3)
        draw_waterfall(figure.subplots())
        return charts.save(figure, tmp_path / f"{name}{suffix}").read_bytes()

    first = saved("first")
    assert first == saved("second")
    assert first.startswith(b"<svg" if suffix == ".svg" else b"\x89PNG")


@pytest.mark.parametrize("name", ["chart.pdf", "chart"])
def test_another_kind_of_file_is_refused_before_it_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"is written as \.svg or \.png, not"):
        charts.save(Figure(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_charts_leave_the_global_state_of_pyplot_alone() -> None:
    code = "import sys, training.charts; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
