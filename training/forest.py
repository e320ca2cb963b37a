"""Where does a difference hold? One line per group of rows, each with its range, beside zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from training.charts import FAINT, INK, RAISES, RULE, STRONG, _finish, _plain


@dataclass(frozen=True)
class Line:
    """One value with its range, where it has one."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def side(self) -> int:
        """-1 clearly below zero, 1 clearly above, 0 within chance or without a range."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return 0
        return -1 if self.high < 0 else 1


def forest(
    ax: Axes,
    groups: Sequence[tuple[str, Sequence[Line]]],
    title: str,
    x_label: str,
    is_lower_better: bool = True,
) -> Axes:
    """Lines from top to bottom under the name of their group; filled where zero lies outside the range.

    Blue and round is better, vermillion and square is worse, hollow is within chance: colour is never alone.
    """
    row, ticks = 0.0, []
    for name, lines in groups:
        if name:
            ax.annotate(
                _plain(name), (0, row), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                fontsize=8.5, weight="bold", color=INK, va="center",
            )  # fmt: skip
            row += 1
        for line in lines:
            _draw(ax, row, line, is_lower_better)
            ticks.append((row, line))
            row += 1
        row += 0.4
    ax.axvline(0, color=FAINT, linewidth=1.0, zorder=1)
    ax.set_yticks([at for at, _ in ticks], [_plain(line.label) for _, line in ticks])
    ax.set_ylim(row - 0.2, -0.9)
    _finish(ax, title, x_label, "")
    ax.grid(axis="x", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def _draw(ax: Axes, row: float, line: Line, is_lower_better: bool) -> None:
    is_good = (line.side < 0) == is_lower_better
    colour = FAINT if line.side == 0 else STRONG if is_good else RAISES
    marker = "o" if line.side == 0 or is_good else "s"
    if line.low is not None and line.high is not None:
        ax.plot(
            [line.low, line.high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2
        )
    face = "white" if line.side == 0 else colour
    ax.plot([line.value], [row], marker=marker, color=colour, markerfacecolor=face, markersize=6, zorder=3)
    # Adding zero takes the sign from a zero that rounding left.
    words = f"{round(line.value, 4) + 0.0:+.4f}".replace("-", "−").replace("0.", ".", 1)
    ax.annotate(
        words, (1, row), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
        fontsize=8, color=INK, va="center", annotation_clip=False,
    )  # fmt: skip
