"""What of the open money is expected never to come? Which invoices might be handed over or written down?

The provision and the queue are the API's (`GET /v1/expected-credit-loss`, `GET /v1/exits`). Following every balance
through its ages takes long on a large book: it is done once per loaded book, and the pages say so meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from serving.credit_loss import BANDS, provision_now
from serving.hand_over import exit_queue
from serving.languages import gettext, marked
from serving.languages.formats import money
from serving.live import LiveScorer
from serving.office import Office
from serving.pages.later import Waiting
from serving.pages.names import names_of
from serving.pages.routing import Page, Pages, Visit
from serving.scoring import Scorer

WORKS: dict[str, Callable[[Scorer | LiveScorer], dict[str, Any]]] = {
    "losses": lambda scorer: provision_now(scorer).as_dict(),
    "exits": lambda scorer: exit_queue(scorer).as_dict(),
}
MOST_SHOWN = 100
BAND_TITLES = {
    "current": marked("not yet due"),
    "1-30": marked("1 to 30 days"),
    "31-60": marked("31 to 60 days"),
    "61-90": marked("61 to 90 days"),
    "91-180": marked("91 to 180 days"),
    "181-360": marked("181 to 360 days"),
    "360+": marked("over 360 days"),
}
SUMMED = ("open", "expected_loss", "loss_low", "loss_high", "disputed")


def add(pages: Pages) -> None:
    """Both pages; one may see them who may see the worklist, as over the API."""
    pages.page(Page("/portfolio/losses", "read:worklist", "losses.html", losses))
    pages.page(Page("/portfolio/exits", "read:worklist", "exits.html", exits))
    pages.kept.works |= {name: partial(_of_book, make) for name, make in WORKS.items()}


def losses(visit: Visit) -> dict[str, Any]:
    """The provision of the book day: each currency with its bands, and how it is worked out."""
    found = _at_moment(visit, "losses")
    if isinstance(found, Waiting):
        return {"as_of": visit.live.as_of.isoformat(), "waiting_seconds": found.seconds(visit.office.now())}
    told = {name: found[name] for name in found if name not in ("lines", "totals", "sentence")}
    order = visit.kept.open_book(visit.office, visit.live).currencies()
    totals = sorted(found["totals"], key=lambda each: _place(order, each["currency"]))
    lines = found["lines"]
    return told | {
        "as_of": visit.live.as_of.isoformat(),
        "waiting_seconds": None,
        "sentence": sentence(totals),
        "unknown_amounts": sum(each["unknown_amounts"] for each in lines),
        "has_at_most": any(each["is_at_most"] for each in lines),
        "leans_on_others": any({"currency", "book", "ages"} & set(each["basis"]) for each in lines),
        "currencies": [_currency(total, lines) for total in totals],
    }


def _place(order: list[str], currency: str) -> int:
    """The currency of which most is open comes first, as on the page Portfolio."""
    return order.index(currency) if currency in order else len(order)


def _currency(total: Mapping[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The bands of a currency over all segments, and each segment's own lines with their rates."""
    mine = [each for each in lines if each["currency"] == total["currency"]]
    segments = list(dict.fromkeys(each["segment"] for each in mine))
    of_segments = [
        {"segment": name, "lines": [_told(each) for each in mine if each["segment"] == name]}
        for name in segments
    ]
    bands = [_band(band.name, [each for each in mine if each["band"] == band.name]) for band in BANDS]
    share = _share(total["expected_loss"], total["open"])
    return {
        **total,
        "share": share,
        "bands": [each for each in bands if each["invoices"]],
        "segments": of_segments,
    }


def _told(line: Mapping[str, Any]) -> dict[str, Any]:
    title = BAND_TITLES[line["band"]]
    return {**line, "label": gettext(title)}


def _band(name: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """One band over all segments: its money added up, and the share of it that is expected to be lost."""
    sums = {each: str(sum((Decimal(line[each]) for line in lines), Decimal(0))) for each in SUMMED}
    return {
        "band": name,
        "label": gettext(BAND_TITLES[name]),
        "invoices": sum(line["invoices"] for line in lines),
        **sums,
        "share": _share(sums["expected_loss"], sums["open"]),
        "is_at_most": any(line["is_at_most"] and Decimal(line["open"]) for line in lines),
    }


def _share(part: str, whole: str) -> float | None:
    return float(Decimal(part) / Decimal(whole)) if Decimal(whole) else None


def sentence(totals: list[dict[str, Any]]) -> str:
    """What a credit manager would say of it aloud."""
    if not totals:
        return gettext("Nothing is open, so nothing is to be set aside.")
    said = []
    for each in totals:
        names = {"loss": "expected_loss", "open": "open", "low": "loss_low", "high": "loss_high"}
        amounts = {name: money(each[of], each["currency"], False) for name, of in names.items()}
        text = (
            gettext("at most %(loss)s of %(open)s (%(low)s to %(high)s)")
            if each["is_at_most"]
            else gettext("%(loss)s of %(open)s (%(low)s to %(high)s)")
        )
        said.append(text % amounts)
    return gettext("Expected never to come: %(amounts)s.") % {"amounts": "; ".join(said)}


def exits(visit: Visit) -> dict[str, Any]:
    """The queue to decide on, those ready first, and what money of an age still brings in."""
    if visit.live.whole.policy.parts.exits is None:
        return {"as_of": visit.live.as_of.isoformat(), "has_rules": False, "waiting_seconds": None}
    found = _at_moment(visit, "exits")
    if isinstance(found, Waiting):
        waiting = found.seconds(visit.office.now())
        return {"as_of": visit.live.as_of.isoformat(), "has_rules": True, "waiting_seconds": waiting}
    listed = found["items"]
    shown = listed[:MOST_SHOWN]
    names = names_of(visit.live, sorted({each["customer_id"] for each in shown}))
    told = {name: found[name] for name in ("who", "recovery", "conditions", "policy_version")}
    return told | {
        "as_of": visit.live.as_of.isoformat(),
        "has_rules": True,
        "waiting_seconds": None,
        "total": len(listed),
        "ready": sum(each["is_prepared"] for each in listed),
        "items": [each | {"name": names[each["customer_id"]]} for each in shown],
        "more": len(listed) - len(shown),
    }


def _of_book(
    make: Callable[[Scorer | LiveScorer], dict[str, Any]], office: Office, whole: Scorer
) -> dict[str, Any]:
    return make(whole)


def _at_moment(visit: Visit, name: str) -> dict[str, Any] | Waiting:
    """What is told of the book as it is at this moment, once what takes long was done for the loaded book."""
    live, make = visit.live, WORKS[name]
    found = visit.kept.worked_out(visit.office, live, name)[name]
    if isinstance(found, Waiting) or not live.changed:
        of_whole: dict[str, Any] | Waiting = found
        return of_whole
    return visit.kept.once(live, name, lambda: make(live))
