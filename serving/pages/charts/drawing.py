"""What is a picture made of? Elements of SVG with everything escaped that is not ours, and a box for them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from markupsafe import Markup, escape

WIDTH = 760


def tag(name: str, content: Any = "", **attributes: Any) -> Markup:
    """An element; what is not ours is escaped. `class_` and `stroke_width` lose and turn their underscores."""
    given = "".join(f' {_named(key)}="{_written(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{given}>{escape(content)}</{name}>")


@cache
def _named(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _written(value: Any) -> Any:
    """What is not ours is escaped; a number has nothing to escape, and pictures are made of thousands."""
    return short(value) if isinstance(value, int | float) else escape(value)


def drawing(parts: Iterable[Markup], height: int, title: str, kind: str, width: int = WIDTH) -> Markup:
    """A picture with its title for those who do not see it, in a box that scrolls where the screen is narrow."""
    body = Markup("").join(parts)
    svg = Markup('<svg viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>').format(
        width, height, title, body
    )
    return Markup('<div class="chart {}" tabindex="0" role="group" aria-label="{}">{}</div>').format(
        kind, title, svg
    )


def short(value: Any) -> Any:
    """A number as short as a picture needs it."""
    return f"{value:.1f}" if isinstance(value, float) else value
