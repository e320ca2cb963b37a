"""What do the findings look like?

Every chart takes an `ax` and returns it, carries a question as its title and labels its marks directly.
Figures are made with `new_figure`, without pyplot and its global state, and drawn by `save` or
`figure_to_svg`.
"""

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from math import exp, isfinite, log
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

INK, FAINT, RULE = "#1f2933", "#697586", "#d3d9e0"
# Blue and vermillion differ to colour-blind readers and, one dark and one light, in grey.
STRONG, RAISES, LOWERS = "#0067a5", "#c8500a", "#5ab4e5"
OTHERS = ("#c8500a", "#8a6fb0", "#2a8f6d")
DASHES = ("--", "-.", ":")
READABLE_PERCENTS = (
    0.01,
    0.1,
    0.5,
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    40,
    50,
    60,
    70,
    80,
    85,
    90,
    95,
    98,
    99,
    99.5,
    99.9,
)
_DRAWING: Any = {
    "svg.hashsalt": "duecourse",
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
}


def new_figure(width: float = 7.0, height: float = 4.2) -> Figure:
    """An empty figure in inches that belongs to no window and no global state."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="none")


def figure_to_svg(figure: Figure, description: str = "") -> str:
    """The figure as one `<svg>` element, the same text for the same figure, read aloud as `description`.

    Its colours follow the CSS variables --ink, --faint, --rule and --strong of a page that sets them.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(_DRAWING):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    svg = re.sub(r'<g id="[a-z_]+\d*(_\d+)?">', "<g>", svg)  # two charts of a page would repeat these ids
    for name, colour in {"ink": INK, "faint": FAINT, "rule": RULE, "strong": STRONG}.items():
        svg = svg.replace(colour, f"var(--{name}, {colour})")
    label = f'role="img" aria-label="{escape(description)}" ' if description else ""
    return svg[svg.index("<svg") :].replace("<svg ", f"<svg {label}", 1).strip() + "\n"


def save(figure: Figure, path: Path | str, description: str = "") -> Path:
    """Write the figure as .svg or .png, on white; the same bytes for the same figure."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in {".svg", ".png"}:
        raise ValueError(f"{path}: a chart is written as .svg or .png, not {kind or 'without a suffix'!r}")
    figure.set_facecolor("white")
    if kind == ".svg":
        path.write_text(figure_to_svg(figure, description), encoding="utf-8")
    else:
        with matplotlib.rc_context(_DRAWING):
            figure.savefig(path, format="png", dpi=160, metadata={"Software": None})
    return path


def reliability_diagram(
    ax: Axes, bins: Mapping[str, pd.DataFrame], title: str = "Of those given 20 %, are 20 % late?"
) -> Axes:
    """Share late against mean prediction for each named frame of calibration bins; the first stands out."""
    highest = max(float(frame[["predicted", "observed"]].max().max()) for frame in bins.values())
    limit = min(1.0, 1.08 * max(highest, 0.05))
    ax.plot([0, limit], [0, limit], color=RULE, linewidth=1.2, zorder=1)
    ends = [(limit, "as predicted", FAINT)]
    for index, (name, frame) in enumerate(bins.items()):
        style = _line_style(index)
        ax.plot(
            frame["predicted"], frame["observed"], marker="o" if index == 0 else "s", markersize=5, **style
        )
        ends.append((float(frame["observed"].iloc[-1]), name, style["color"]))
    _finish(ax, title, "share predicted to be late", "share that was late")
    ax.set(xlim=(0, limit), ylim=(0, limit), box_aspect=1)
    _label_ends(ax, ends, limit)
    return _in_percent(ax)


def capacity_curve(
    ax: Axes,
    curves: Mapping[str, pd.DataFrame],
    up_to: float = 0.4,
    title: str = "How much late money do the first calls reach?",
) -> Axes:
    """Share of late money caught against share of invoices contacted; the first curve stands out.

    `up_to` ends the axis where no team's day reaches further. The perfect list and calling at random are
    the curves named "perfect" and "random", drawn faintly.
    """
    ends: list[tuple[float, str, str]] = []
    strong = 0
    for name, frame in curves.items():
        is_reference = name in {"perfect", "random"}
        style = _reference_style() if is_reference else _line_style(strong)
        strong += not is_reference
        shown = frame[frame["contacted"] <= up_to + 1e-9]
        ax.plot(shown["contacted"], shown["caught"], **style)
        label_colour = FAINT if is_reference else style["color"]
        ends.append((float(shown["caught"].iloc[-1]), name, label_colour))
    _mark_the_first_tenth(ax, next(iter(curves.values())))
    _finish(ax, title, "share of invoices contacted, most money at risk first", "share of late money caught")
    ax.set(xlim=(0, up_to), ylim=(0, 1.02))
    _label_ends(ax, ends, 1.02)
    return _in_percent(ax)


def waterfall(
    ax: Axes,
    base_log_odds: float,
    contributions: Sequence[tuple[str, float]],
    probability: float,
    title: str = "Why this probability?",
) -> Axes:
    """From the base rate through each reason to the probability, top to bottom.

    Lengths are log-odds, where contributions add up; the axis says them as probabilities. Raises ValueError
    where the parts do not add up to `probability`: a picture of reasons that leave something out misleads.
    """
    levels = base_log_odds + np.concatenate([[0.0], np.cumsum([step for _, step in contributions])])
    _check_sum(float(levels[-1]), probability)
    for row, (_, step) in enumerate(contributions, start=1):
        colour, arrow = (RAISES, "▲") if step > 0 else (LOWERS, "▼")
        ax.barh(row, step, left=levels[row - 1], height=0.62, color=colour)
        tip = max(levels[row - 1], levels[row])
        ax.annotate(
            f"{arrow} to {_percent(levels[row])}", (tip, row), (5, 0), textcoords="offset points", **_SMALL
        )
        ax.plot([levels[row]] * 2, [row - 0.31, row + 1.31], color=FAINT, linewidth=0.8)
    ax.plot([levels[0]] * 2, [-0.31, 1.31], color=FAINT, linewidth=0.8)
    _mark_total(ax, 0, float(levels[0]))
    _mark_total(ax, len(contributions) + 1, float(levels[-1]))
    labels = ["Typical invoice (base rate)", *(label for label, _ in contributions), "This invoice"]
    ax.set_yticks(range(len(labels)), [textwrap.fill(_plain(label), 44) for label in labels])
    ax.set_ylim(len(labels) - 0.4, -0.6)
    _finish(ax, title, "probability of being late (each step at its weight in log-odds)", "")
    return _probability_axis(ax, levels)


def folds_calendar(
    ax: Axes,
    folds: Sequence[Mapping[str, Any]],
    title: str = "Which months teach the model, and which months judge it?",
) -> Axes:
    """Each fold as a bar over time: fit on [fit_from, fit_to), nothing until gap_to, judge until test_to."""
    parts = (
        ("fit_from", "fit_to", STRONG, "fit"),
        ("fit_to", "gap_to", RULE, "gap"),
        ("gap_to", "test_to", RAISES, "test"),
    )
    for row, fold in enumerate(folds):
        for start, end, colour, word in parts:
            left, right = date2num(pd.Timestamp(fold[start])), date2num(pd.Timestamp(fold[end]))
            ax.barh(row, right - left, left=left, height=0.6, color=colour)
            if row == 0:
                ax.text((left + right) / 2, -0.42, word, ha="center", va="bottom", color=INK, fontsize=8)
    ax.set_yticks(range(len(folds)), [_plain(str(fold["name"])) for fold in folds])
    ax.set_ylim(len(folds) - 0.5, -0.9)
    locator = AutoDateLocator(maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    return _finish(ax, title, "", "")


def differences(
    ax: Axes,
    rows: Sequence[tuple[str, float, float, float]],
    margin: float,
    title: str = "Where is the challenger better, and where worse?",
) -> Axes:
    """A dot with its range per row (name, share worse, lower and upper bound) around zero, and the margin as a line.

    A row whose whole range is worse stands out.
    """
    for place, (_, value, low, high) in enumerate(rows):
        colour, width = (RAISES, 2.2) if low > 0 else (STRONG, 1.6)
        ax.plot([low, high], [place, place], color=colour, linewidth=width, zorder=3)
        ax.plot([value], [place], marker="o", markersize=5.5, color=colour, zorder=4)
    top, bottom = -0.7, len(rows) - 0.5
    for at, colour, style, word in ((0, FAINT, "-", "better ← → worse"), (margin, RAISES, "--", "allowed")):
        ax.plot([at, at], [top, bottom], color=colour, linewidth=1, linestyle=style, zorder=1)
        ax.text(at, top - 0.05, word, ha="center", va="bottom", color=colour, fontsize=8)
    ax.set_yticks(range(len(rows)), [_plain(name) for name, *_ in rows])
    ax.set_ylim(bottom, -1.3)
    _finish(ax, title, "difference in log loss, as a share of the champion's", "")
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda share, _: f"{round(100 * share, 6):+g} %" if share else "0")
    )
    return ax


def weekly_course(
    ax: Axes,
    weeks: Sequence[date],
    lines: Mapping[str, Sequence[float | None]],
    ranges: Sequence[tuple[float | None, float | None]] | None,
    title: str,
    x_label: str,
) -> Axes:
    """Shares week by week, the first line strong and with its ranges; missing ones leave a break."""
    days = [float(date2num(week)) for week in weeks]
    ends: list[tuple[float, str, str]] = []
    for index, (name, values) in enumerate(lines.items()):
        heights = np.array([np.nan if value is None else value for value in values])
        style = _line_style(index)
        ax.plot(days, heights, marker="o" if index == 0 else "", markersize=4.5, **style)
        ends.append((float(heights[np.isfinite(heights)][-1]), name, style["color"]))
    for day, (low, high) in zip(days, ranges or (), strict=False):
        if low is not None and high is not None:
            ax.plot([day, day], [low, high], color=STRONG, linewidth=1.1, alpha=0.45, zorder=2)
    highest = max(ax.get_ylim()[1], 0.02)
    _finish(ax, title, x_label, "")
    _in_percent(ax).set_ylim(0, highest)
    locator = AutoDateLocator(maxticks=7)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    _label_ends(ax, ends, highest)
    return ax


_SMALL: dict[str, Any] = {"color": INK, "fontsize": 8, "va": "center"}


def _line_style(index: int) -> dict[str, Any]:
    if index == 0:
        return {"color": STRONG, "linewidth": 2.4, "zorder": 4}
    other = (index - 1) % len(OTHERS)
    return {"color": OTHERS[other], "linewidth": 1.4, "linestyle": DASHES[other], "zorder": 3}


def _reference_style() -> dict[str, Any]:
    return {"color": RULE, "linewidth": 1.4, "zorder": 2}


def _finish(ax: Axes, title: str, x_label: str, y_label: str) -> Axes:
    ax.set_title(_plain(title), loc="left", fontsize=11, color=INK, pad=12)
    ax.set_xlabel(x_label, fontsize=8.5, color=FAINT)
    ax.set_ylabel(y_label, fontsize=8.5, color=FAINT)
    ax.set_facecolor("none")
    ax.tick_params(length=0, pad=6, labelsize=8.5, labelcolor=INK)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(RULE)
    return ax


def _in_percent(ax: Axes) -> Axes:
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{round(100 * share, 6):g} %"))
    ax.grid(axis="y", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def _label_ends(ax: Axes, ends: list[tuple[float, str, str]], limit: float) -> None:
    """Name each line right of the axis at the height of its end, moved apart where names would touch."""
    ends = sorted(ends, key=lambda end: end[0])
    for height, (_, name, colour) in zip(_apart([end[0] for end in ends], limit), ends, strict=True):
        ax.annotate(
            _plain(name),
            (1.0, height),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=colour,
            fontsize=8.5,
            va="center",
            annotation_clip=False,
        )


def _apart(heights: list[float], limit: float) -> list[float]:
    """Sorted heights moved a line of text apart, none above `limit`."""
    gap, placed = 0.052 * limit, list(heights)
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    ceiling = limit
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed


def _plain(text: str) -> str:
    """Text whose dollars are money and not the marks of a formula."""
    return text.replace("$", r"\$")


def _mark_the_first_tenth(ax: Axes, curve: pd.DataFrame) -> None:
    caught = float(np.interp(0.1, curve["contacted"], curve["caught"]))
    ax.plot([0.1, 0.1], [0, caught], color=FAINT, linewidth=0.8, linestyle=":", zorder=1)
    ax.plot([0.1], [caught], marker="o", color=STRONG, markersize=6, zorder=5)
    words = f"10 % of invoices: {100 * caught:.0f} % of the late money"
    ax.annotate(words, (0.1, 0), (5, 7), textcoords="offset points", **_SMALL)


def _mark_total(ax: Axes, row: int, level: float) -> None:
    ax.plot([level], [row], marker="D", color=INK, markersize=7, zorder=4)
    ax.annotate(_percent(level), (level, row), (9, 0), textcoords="offset points", weight="bold", **_SMALL)


def _probability_axis(ax: Axes, levels: "np.ndarray[Any, np.dtype[np.float64]]") -> Axes:
    """Label a log-odds axis with readable percentages, dropping those that would touch."""
    span = max(float(np.ptp(levels)), 1.0)
    low, high = float(levels.min()) - 0.12 * span, float(levels.max()) + 0.3 * span
    ticks: list[float] = []
    for position in (log(p / (100 - p)) for p in READABLE_PERCENTS):
        if low <= position <= high and (not ticks or position - ticks[-1] > 0.07 * (high - low)):
            ticks.append(position)
    if len(ticks) < 2:  # beyond the readable percentages: the ends say the scale
        ticks = [float(levels[0]), float(levels[-1])]
    ax.set_xlim(low, high)
    ax.set_xticks(ticks, [_percent(tick, decimals=0) for tick in ticks])
    ax.grid(axis="x", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def _percent(log_odds: float, decimals: int = 1) -> str:
    percent = 100 / (1 + exp(-log_odds))
    return f"{percent:.{decimals}f} %" if 1 <= percent <= 99 else f"{percent:.3g} %"


def _check_sum(total: float, probability: float) -> None:
    if not 0 < probability < 1:
        raise ValueError(f"probability {probability} is decided: it has a reason, but no steps to draw")
    wanted = log(probability / (1 - probability))
    if not isfinite(total) or abs(total - wanted) > 1e-6:
        raise ValueError(
            f"base and contributions add up to log-odds {total:.6f}, the probability {probability} is "
            f"{wanted:.6f}: add a contribution for the reasons left out"
        )
