"""The policy in force: read as sentences, by what they are about; and every version that was kept."""

from __future__ import annotations

from typing import Any

from serving.languages.retelling import retold
from serving.pages.policy_changes import text_in_force
from serving.pages.policy_numbers import plain_numbers
from serving.pages.policy_strategies import strategies_of
from serving.pages.routing import Page, Pages, Visit
from serving.policy.sentences import chapters


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/policy", "read:policy", "policy.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """The policy that decides now, and where it comes from."""
    policy = visit.live.whole.policy
    wanted = visit.query.get("q", "").lower().split()
    told = {
        title: [each for each in said if all(word in f"{each} {retold(each)}".lower() for word in wanted)]
        for title, said in chapters(policy.parts).items()
    }
    return {
        "policy_version": policy.version,
        "about": str(policy.as_dict().get("about", "")),
        "asked": visit.query.get("q", ""),
        **strategies_of(visit),
        "numbers": plain_numbers(text_in_force(visit)),
        "chapters": {title: said for title, said in told.items() if said},
        "versions": [vars(each) | {"text": ""} for each in reversed(visit.office.desk.policies())],
        "activations": [vars(each) for each in reversed(visit.office.desk.activations())],
    }
