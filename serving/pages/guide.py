"""How does a call guide stand on a page? In steps, points and words to say, so that one finds one's place in it."""

from __future__ import annotations

import re
from typing import Any

_HEADING, _POINT, _COLUMNS = re.compile(r"\d+\. \S"), "* ", re.compile(r"\S {2,}\S")
_SAID = ("“", "„", "«")
"""How sentences that are to be said aloud begin."""


def guide(text: str) -> dict[str, Any]:
    """A guide's title, its facts, and its numbered steps, each with points, words to say aloud, and text.

    The table of invoices is left out: the page shows them by itself.
    """
    title, *rest = re.split(r"\n\s*\n", text.strip())
    steps: list[dict[str, Any]] = [{"heading": "", "blocks": []}]
    for block in rest:
        found = _block(block.split("\n"))
        if found and found["kind"] == "heading":
            steps.append({"heading": found["lines"][0], "blocks": []})
        elif found:
            steps[-1]["blocks"].append(found)
    return {"title": " ".join(title.split()), "facts": steps[0]["blocks"], "steps": steps[1:]}


def _block(lines: list[str]) -> dict[str, Any] | None:
    if lines[0].startswith(_POINT):
        points = [" ".join(each.split()) for each in re.split(r"^\* ", "\n".join(lines), flags=re.MULTILINE)]
        return {"kind": "points", "lines": points[1:]}
    if any(_COLUMNS.search(line) for line in lines):
        return None
    line = " ".join(" ".join(lines).split())
    kind = "heading" if _HEADING.match(line) else "said" if line.startswith(_SAID) else "text"
    return {"kind": kind, "lines": [line]}
