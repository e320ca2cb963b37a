"""What would a credit manager say of the figures aloud? One sentence for the money unit with the most open."""

from __future__ import annotations

from collections.abc import Sequence

from features.days import to_date
from features.ledger import written_amount
from serving.kpis.asked import Asked
from serving.kpis.figure import Figure


def verdict(asked: Asked, figures: Sequence[Figure]) -> str:
    """The sentence; it says plainly where nothing is open."""
    owed = asked.splits[0].sums(asked.state.balance)
    day = to_date(asked.day)
    if not any(owed):
        return f"Nothing is open at the start of {day}."
    place = owed.index(max(owed))
    unit = asked.splits[0].names[place][1] or ""
    said = {code: _value(figures, code, unit) for code in ("overdue_share", "dso", "bpdso", "cei")}
    sentence = f"At the start of {day}, {_money(owed[place], unit)} {unit} is open"
    if said["overdue_share"] is not None:
        sentence += f", {said['overdue_share']:.0f} % of it past due"
    sentence += "."
    if said["dso"] is not None:
        sentence += f" Sales stay open for {said['dso']:.0f} days"
        sentence += f"; if all were paid when due, it would be {said['bpdso']:.0f}."
    if said["cei"] is not None:
        sentence += f" Of what could be collected in the last {asked.day - asked.begin} days, {said['cei']:.0f} % was."
    return sentence


def _value(figures: Sequence[Figure], code: str, unit: str) -> float | None:
    found = next(figure for figure in figures if figure.code == code)
    return next((v.value for v in found.values if v.by == "all" and v.money_unit == unit), None)


def _money(amount: int, unit: str) -> str:
    return f"{int(written_amount(amount, unit).partition('.')[0]):,}"
