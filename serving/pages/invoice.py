"""One invoice: how likely it is to be late, why, what is recommended and why, and what was decided."""

from __future__ import annotations

import math
from typing import Any

from features.reasons import REASON_CODES
from serving.api.decisions import decided
from serving.api.listing import invoice_facts
from serving.desk import Flaw, RecordError, Writing
from serving.earlier_scores import moved
from serving.languages import formats, gettext, ngettext
from serving.languages.formats import chance
from serving.languages.retelling import words
from serving.office import Answer
from serving.pages.behind import Look
from serving.pages.names import names_of
from serving.pages.paths import invoice_path
from serving.pages.routing import Page, Pages, Visit, after
from serving.scoring import NotOpenError, UnknownIdError
from training.model import Explanation

MOST_STEPS = 8
"""Reasons drawn one by one; the smaller ones are one step together."""
QUESTIONS = {
    "p_late": "more than the policy's few days late",
    "p_late_30": "more than 30 days late",
    "p_late_90": "more than 90 days late",
}


def add(pages: Pages) -> None:
    """The page, and the form that decides."""
    page = Page("/invoices/{invoice_id:path}", "read:scores", "invoice.html", view)
    pages.form("/invoices/{invoice_id:path}/decisions", "write:decisions", decide, page)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """The invoice of the address, with its score where it is open."""
    invoice_id, live = visit.parameters["invoice_id"], visit.live
    facts = invoice_facts(live, invoice_id, None)
    score, explained, why_not, evidence = None, None, "", _NOTHING_MORE
    try:
        look = Look.of(visit, invoice_id)
        score, explained = look.score, _explained(look.explanation)
        evidence = {
            "reasons": [_named(each) for each in look.reasons],
            **(_past(visit, look) if explained else {}),
        }
    except NotOpenError:
        why_not = gettext("It is settled: there is nothing left to be late.")
    except UnknownIdError:
        why_not = gettext("It came in today: it is scored from tomorrow on, with what is known then.")
    taken = visit.office.desk.find("decisions", invoice_ids=[invoice_id])
    return {
        "invoice": facts | {"days_past_due": (live.as_of - facts["due_on"]).days},
        "customer_name": names_of(live, [facts["customer_id"]])[facts["customer_id"]],
        "score": score,
        "explained": explained,
        **(_NOTHING_MORE | evidence),
        "why_not_scored": why_not,
        "late_after_days": live.whole.model.rule.horizons["p_late"],
        "actions": sorted(live.whole.policy.parts.actions),
        "decisions": [
            {"decided_by": each.changed_by, "changed_at": each.changed_at, **_taken(each.content)}
            for each in reversed(taken)
        ],
    }


_NOTHING_MORE: dict[str, Any] = {"reasons": [], "similar": None, "earlier": None}


def _past(visit: Visit, look: Look) -> dict[str, Any]:
    """How such scores turned out, and what was said of this invoice before."""
    past, earlier = visit.office.past, visit.office.earlier
    target, chance_now = look.explanation.target, look.explanation.probability
    day, model = visit.live.as_of, look.scorer.model
    # outcomes are read in the whole book: a part holds some customers only
    found = past.near(visit.live.whole.facts, model, target, chance_now, day)
    told = found.as_dict() | {"agrees": found.agrees} if found else None
    replay = look.replay
    said = [each.as_dict() for each in earlier.of(look.invoice_id, target, day)]
    points = said or [
        {"as_of": on, "chance": float(p), "model_version": model.version}
        for on, p in zip(replay.days[:-1], replay.chances[:-1].tolist(), strict=True)
        if p < 1
    ]
    points.append({"as_of": day, "chance": chance_now, "model_version": model.version})
    return {
        "similar": told,
        "earlier": {
            "source": "log" if said else "replay",
            "points": _placed(points),
            "models": len({each["model_version"] for each in points}),
            "change": moved(replay),
        },
    }


def _named(reason: dict[str, Any]) -> dict[str, Any]:
    """A reason with the name of what it is about."""
    code = reason["code"]
    return reason | {"label": gettext(REASON_CODES[code].label) if code in REASON_CODES else words(code)}


def _placed(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points with their places from the first day (0) to the last (1), and what each says."""
    first, last = points[0]["as_of"], points[-1]["as_of"]
    return [
        each
        | {
            "at": (each["as_of"] - first).days / max((last - first).days, 1),
            "text": f"{formats.day(each['as_of'])}: {chance(each['chance'])}",
            "day": formats.day(each["as_of"]),
        }
        for each in points
    ]


def _taken(content: dict[str, Any]) -> dict[str, Any]:
    names = (
        "decided_on",
        "recommended",
        "chosen",
        "why",
        "override_reason",
        "tier",
        "status",
        "model_version",
    )
    return {name: content.get(name) for name in (*names, "policy_version")}


def _explained(explanation: Explanation) -> dict[str, Any] | None:
    """From the base rate through each reason to the chance, in log-odds; None where it is decided already."""
    if not explanation.contributions:
        return None
    parts = {code: part for code, part in explanation.contributions.items() if part and code != "calibration"}
    order = sorted(parts, key=lambda code: -abs(parts[code]))
    steps = [(gettext(REASON_CODES[code].label), parts[code]) for code in order[:MOST_STEPS]]
    if rest := order[MOST_STEPS:]:
        steps.append((_smaller(len(rest)), sum(parts[code] for code in rest)))
    steps.append((gettext(REASON_CODES["calibration"].label), explanation.contributions["calibration"]))
    at = explanation.base
    told = [_step(gettext("Base rate"), at, at, "base", at)]
    for label, part in steps:
        told.append(_step(label, at, at + part, "raises" if part > 0 else "lowers", at + part))
        at += part
    told.append(_step(gettext("This invoice"), at, at, "result", at))
    return {
        "target": explanation.target,
        "question": gettext(QUESTIONS[explanation.target]),
        "probability": explanation.probability,
        "base_rate": 1 / (1 + math.exp(-explanation.base)),
        "steps": told,
        "most": max((abs(part) for part in parts.values()), default=1.0),
    }


def _smaller(count: int) -> str:
    return ngettext("%(num)s smaller reason", "%(num)s smaller reasons", count) % {"num": count}


def _step(label: str, begin: float, end: float, kind: str, odds: float) -> dict[str, Any]:
    share = _share(odds)
    text = gettext("to %(chance)s") % {"chance": share} if kind in ("raises", "lowers") else share
    return {"label": label, "from": begin, "to": end, "kind": kind, "text": text, "share": share}


def _share(odds: float) -> str:
    return chance(1 / (1 + math.exp(-odds)))


def decide(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """A decision on the invoice, as recommended or not; the service writes down what it was taken on."""
    chosen, why = given.get("chosen"), given.get("why")
    if not chosen or chosen not in visit.live.whole.policy.parts.actions:
        raise RecordError("decisions", [Flaw("/chosen", "choose one of the policy's steps")])
    invoice_id = visit.parameters["invoice_id"]
    content: dict[str, Any] = {"invoice_id": invoice_id, "chosen": chosen}
    if chosen != visit.live.score_of(invoice_id)["action"] and not why:
        raise RecordError("decisions", [Flaw("/why", "this is not what is recommended: say why")])
    whole = decided(visit.office, visit.live, writing, content)
    whole |= {"override_reason": why} if chosen != whole["recommended"] else {"why": why} if why else {}
    writing.add("decisions", whole)
    return after(invoice_path(invoice_id), "decision")
