"""What changed since the list of the day before, with the names of those it is about: a calm paragraph on Today."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serving.languages import gettext
from serving.pages.names import names_of
from serving.pages.routing import Visit
from serving.since import SETTLED
from serving.worklist import LEFT_OUT, Worklist

MOST_NAMED = 50
"""Customers named of each change; how many there are is always said."""


def told_since(visit: Visit, made: Worklist) -> dict[str, Any]:
    """What changed, as plain data with names; None where nobody can know."""
    found = visit.office.since(visit.live, made)
    gone = list(found.gone.items()) if found.gone is not None else []
    moved = found.moved or []
    ids = [*(found.new or []), *dict(gone), *(each.customer_id for each in moved), *found.kept, *found.broken]
    names = names_of(visit.live, sorted(set(ids)))

    def named(case_ids: Iterable[str]) -> list[dict[str, Any]]:
        return [{"case_id": each, "name": names[each]} for each in case_ids]

    return {
        "day": found.day.isoformat(),
        "has_list": found.has_list,
        "new": None if found.new is None else named(found.new),
        "gone": None if found.gone is None else _gone(gone, named),
        "gone_count": len(gone),
        "knows_tiers": found.moved is not None,
        **{
            name: {
                "count": len(of),
                "cases": [
                    {
                        "case_id": each.customer_id,
                        "name": names[each.customer_id],
                        "old": each.old,
                        "new": each.new,
                    }
                    for each in of[:MOST_NAMED]
                ],
            }
            for name, of in (
                ("worse", [each for each in moved if each.is_worse]),
                ("better", [each for each in moved if not each.is_worse]),
            )
        },
        "kept": {"count": sum(found.kept.values()), "cases": named(list(found.kept)[:MOST_NAMED])},
        "broken": {"count": sum(found.broken.values()), "cases": named(list(found.broken)[:MOST_NAMED])},
        "money": [vars(each) for each in found.money],
        "payers": found.payers,
    }


def _gone(gone: list[tuple[str, str]], named: Any) -> list[dict[str, Any]]:
    """Who is gone, by the reason why."""
    by_reason: dict[str, list[str]] = {}
    for case_id, reason in gone:
        by_reason.setdefault(reason, []).append(case_id)
    return [
        {
            "reason": reason,
            "meaning": gettext("nothing is open any more")
            if reason == SETTLED
            else gettext(LEFT_OUT[reason]),
            "count": len(of),
            "cases": named(of[:MOST_NAMED]),
        }
        for reason, of in sorted(by_reason.items(), key=lambda each: -len(each[1]))
    ]
