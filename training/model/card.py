"""What should somebody know of a model before they rely on it? Its card, under the headings of SR 26-2.

The card inside an artefact holds what follows from the model alone. How it did when rehearsed depends on the
champion it was held against, and would give one model several versions: so the card beside the training report
(training/documents.py) has the same text with that section and the change log filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEADINGS = (
    "Purpose",
    "Data",
    "Conceptual soundness",
    "Limitations",
    "Outcomes analysis",
    "Monitoring",
    "Change log",
)
"""The headings of every model card, in order."""
NOT_HERE = (
    "How the recipe did on invoices it had not seen stands beside the training report "
    "(`reports/model-card-VERSION.md` and `reports/training-VERSION.html`), for it depends on the champion of that day."
)


def model_card(card: dict[str, Any], outcomes: Sequence[str] = (), changes: Sequence[str] = ()) -> str:
    """The card of a model as Markdown: no clock, no path, so that the same model always has the same card."""
    sections = (
        _purpose(card),
        _data(card),
        _soundness(card),
        _limitations(card),
        list(outcomes) or [NOT_HERE],
        _monitoring(card),
        list(changes) or [f"Trained on facts before {card['trained_on_facts_before']}."],
    )
    lines = ["# Model card"]
    for heading, section in zip(HEADINGS, sections, strict=True):
        lines += ["", f"## {heading}", *section]
    return "\n".join(lines) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a Markdown table; nothing is a dash."""
    cells = [["–" if cell in (None, "") else str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [list(header), ["---"] * len(header), *cells]]


def _purpose(card: dict[str, Any]) -> list[str]:
    roll = "printed due dates" if card["calendar_days"] else "due dates rolled to the next working day"
    days = ", ".join(str(row["days"]) for row in card["horizons"].values())
    return [
        f"How likely every open invoice is to be settled more than so many days late ({days}; {roll}), and why, so",
        "that customers are helped early. It ranks a team's work and chooses the kind of help.",
        "",
        "It is not a probability of default, and no ground for refusing anybody credit or for a harsher tone; about",
        "sole traders and other natural persons a person decides.",
    ]


def _data(card: dict[str, Any]) -> list[str]:
    header = ("target", "days", "kind", "invoices", "of them late", "rows", "late rate", "asked from", "to")
    keys = ("days", "kind", "invoices", "late_invoices", "rows", "late_rate", "from", "to")
    rows = [(name, *(_cell(key, row[key]) for key in keys)) for name, row in card["horizons"].items()]
    return [
        f"Facts known before {card['trained_on_facts_before']}; an outcome counts only where its horizon had passed",
        "by then, also for invoices already paid. A row is an invoice on its day of issue, and on each later week it",
        "was still open; the late rate weights a row by 1 / (weeks open + 1).",
        "",
        *table(header, rows),
        "",
        f"{card['features']} features (fingerprint `{card['feature_fingerprint']}`), each described by `duecourse",
        f"features`. Data fingerprint `{card.get('data_fingerprint', 'not recorded')}`. What the ledger holds and",
        "lacks stands in the data sheet of the training.",
    ]


def _cell(key: str, value: object) -> object:
    if key == "late_rate" and isinstance(value, float):
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else value


def _soundness(card: dict[str, Any]) -> list[str]:
    settings = card["settings"]
    header = ("target", "made by", "rounds", "slope", "shift")
    rows = [
        (
            name,
            row["note"],
            row["rounds"] or None,
            f"{row['calibration']['slope']:.3f}" if row["rounds"] else None,
            f"{row['calibration']['shift']:+.3f}" if row["rounds"] else None,
        )
        for name, row in card["horizons"].items()
    ]
    return [
        "Gradient-boosted trees per horizon (LightGBM) on dated facts of how the customer paid before; nothing known",
        "on or after the as-of day reaches a feature. Features whose effect has a known sign are held to it.",
        f"Calibrated (Platt) on {settings['folds']} blocks of time, each predicted by a model of the others; the",
        f"latest outcomes count most (half-life {settings['calibration_half_life_days']:g} days). A longer horizon",
        "is never likelier than a shorter one. Reasons are exact Shapley values and add up to the log-odds.",
        "",
        *table(header, rows),
        "",
        "Ranges: Venn-Abers predictors of each past block of time, from the lowest to the highest answer.",
        *_recalibration(settings),
        *_timing(card.get("timing")),
    ]


def _recalibration(settings: dict[str, Any]) -> list[str]:
    """What the card says about following a shift without training again."""
    if not settings.get("recalibrates", False):
        return ["Not recalibrated after training."]
    return [
        "Every Monday the level of each horizon with trees follows outcomes that matured since training, of questions",
        f"asked in the last {settings['recalibration_asked_within_days']} days; "
        f"{settings['recalibration_prior_rows']:g} rows hold it where it was.",
    ]


def _timing(told: dict[str, Any] | None) -> list[str]:
    """What the card says about payment dates, where the model gives any."""
    if told is None:
        return []
    source = {
        "boosted": "chances of being settled period by period, learned by gradient-boosted trees",
        "empirical": "the customer's own frequencies drawn towards the book's, not a model of its own",
    }[told["kind"]]
    return [
        "",
        f"Payment dates: {source} ({told['note']}). At each horizon the distribution equals the probability above.",
        f"Mean wait of invoices past every horizon: {told['tail_days']:.0f} days.",
    ]


def _limitations(card: dict[str, Any]) -> list[str]:
    without = [
        f"* `{name}` {_instead(row['kind'])}: {row['note']}."
        for name, row in card["horizons"].items()
        if row["kind"] != "boosted"
    ]
    return [
        "* A customer without history is scored from its segment and the invoice alone (`evidence: none`).",
        *without,
        "* It knows what the ledger tells. What is said on the phone and not written down, it does not know.",
        "* A range says what past months gave; a change unlike all of them lies outside.",
        "* Association is not cause: that a reason raises the risk does not mean that changing it lowers the risk.",
        "* Where people act on its scores, the late payments they prevent look like mistakes of the model.",
        f"* The first outcomes of a change arrive {min(row['days'] for row in card['horizons'].values())} days after "
        "due dates: until then it goes on as before.",
    ]


def _instead(kind: str) -> str:
    if kind == "prior":
        return "is the shipped model, learned from simulated ledgers alone"
    return "has no model of its own"


def _monitoring(card: dict[str, Any]) -> list[str]:
    return [
        "`duecourse retrain` trains again as outcomes mature and promotes only what holds against the champion;",
        "`duecourse monitor` compares the rows scored with the sample kept in the artefact, estimates how the model",
        "does before outcomes arrive, and says how it did once they have. `duecourse backtest` repeats the past.",
        "After new terms, a new market or a new billing system, look again as soon as its first outcomes are known.",
    ]
