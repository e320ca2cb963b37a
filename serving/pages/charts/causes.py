"""Where does late money begin? One bar from zero for each mark of late invoices, and who of ours could mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.pages.charts.drawing import WIDTH, drawing, tag

NAMES, FIGURES, TALL = 270, 160, 28


def causes(rows: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """`rows` have label, share (0 to 1), text, and mender ('' where it is not ours to mend, which is drawn lighter)."""
    most = max((row["share"] for row in rows), default=0) or 1
    wide, pieces = WIDTH - NAMES - FIGURES, []
    for n, row in enumerate(rows):
        y, long = n * TALL, wide * row["share"] / most
        pieces.append(tag("text", row["label"], x=NAMES - 12, y=y + 17, text_anchor="end"))
        kind = "ours" if row["mender"] else "theirs"
        pieces.append(
            tag("rect", class_=f"cause {kind}", x=NAMES, y=y + 4, width=max(long, 1.0), height=18, rx=2)
        )
        pieces.append(tag("text", row["text"], class_="value", x=NAMES + long + 8, y=y + 17))
    return drawing(pieces, TALL * max(len(rows), 1), title, "causes")
