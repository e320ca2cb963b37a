"""What did somebody else change while a form was being filled in, and what does the form hold when it is shown again?

What whoever sends the form left as they saw it becomes what it is now; what they wrote stays. So neither is lost when
the form is sent once more, and the page says what the other person did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.desk import Desk, StaleVersion
from serving.languages import formats, gettext
from serving.pages.rendering import as_date, words

CODES = ("status", "cause", "topic")
CHANGEABLE = (*CODES, "owner", "assigned_to", "snoozed_until", "position", "note")
"""What forms of a version can change; the field has the same name, but for RENAMED."""
RENAMED = {("case_states", "note"): "reason"}


def meanwhile(desk: Desk, error: StaleVersion, given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The form as it is shown again, and what is said above it."""
    versions = {each.version: each for each in desk.history(error.kind, error.record_id)}
    now = versions[max(versions)]
    seen = versions[error.expected].content if error.expected in versions else {}
    merged, told = dict(given), []
    for name in CHANGEABLE:
        field = RENAMED.get((error.kind, name), name)
        before, after = _text(seen.get(name)), _text(now.content.get(name))
        if before == after:
            continue
        told.append(f"{words(name)}: {words(after) if name in CODES else _shown(after)}")
        if given.get(field, "") == before:
            merged[field] = after
    said = gettext("%(who)s changed it meanwhile. Look at it, and send it again.")
    if told:
        said = gettext(
            "%(who)s changed it meanwhile: %(what)s. What you wrote stands below, beside what is new. "
            "Look at both, and send it again."
        )
    return merged, [said % {"who": now.changed_by, "what": "; ".join(told)}]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _shown(text: str) -> str:
    if not text:
        return "–"
    try:
        on = as_date(text) if len(text) == 10 else None
    except ValueError:
        on = None
    return formats.day(on) if on else f"“{text}”"
