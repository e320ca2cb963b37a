"""What do the features and the reason codes mean, on pages that are read without running anything?

`duecourse documents --to .` writes them into the project; a test holds the committed pages to the code.
"""

from __future__ import annotations

from collections.abc import Sequence

from features.catalogue import CATALOGUE, FAMILIES
from features.featureset import Feature
from features.reasons import REASON_CODES

EFFECTS = {"raises": "raises the risk", "lowers": "lowers the risk", "either": "either way"}


def catalogue_page() -> str:
    """Every feature by family: its meaning, unit, value without evidence, expected effect and reason code."""
    lines = [
        "# Features",
        "",
        f"{len(CATALOGUE.features)} columns, each one small function in `features/catalogue/`. Every one is asked as",
        "of the start of a day and sees only what was known before it; the invoice's own terms belong to the question.",
        "*Without evidence* is the value where nothing is known: `missing` where the model is told so.",
        "**Held** means that a model may not learn the opposite of the expected effect.",
        "",
        "| family | features | question |",
        "|---|---|---|",
    ]
    by_family = {name: [f for f in CATALOGUE.features if f.family == name] for name in FAMILIES}
    for name, listed in by_family.items():
        lines.append(f"| [{name}](#{name}) | {len(listed)} | {_question(name)} |")
    for name, listed in by_family.items():
        lines += ["", f"## {name}", _question(name), ""]
        lines += [
            "| feature | meaning | unit | without evidence | a higher value | reason |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(feature) for feature in listed]
    return _text(lines)


def _question(family: str) -> str:
    return (FAMILIES[family].__doc__ or "").strip().splitlines()[0]


def _row(feature: Feature) -> str:
    fill = "missing" if feature.fill != feature.fill else f"{feature.fill:g}"
    effect = EFFECTS[feature.direction] + (" (**held**)" if feature.is_monotone else "")
    meaning = " ".join(feature.meaning.split()).replace("|", "\\|")
    return f"| `{feature.name}` | {meaning} | {feature.unit} | {fill} | {effect} | `{feature.reason}` |"


def reasons_page() -> str:
    """Every reason code: its name for people, the sentences it may be said in, and the features behind it."""
    lines = [
        "# Reason codes",
        "",
        "A score is explained by a few of these codes. The contributions of all, with the base rate and `calibration`,",
        "add up to the log-odds of the probability. The sentence is that of the feature that carries most of the code,",
        "with the customer's own value and a typical one. Codes are part of the API: added to, never renamed.",
    ]
    for code, described in REASON_CODES.items():
        features = [feature for feature in CATALOGUE.features if feature.reason == code]
        lines += ["", f"## {code}", f"**{described.label}.** Where nothing is known: “{described.unknown}”."]
        if features:
            lines += ["", "| feature | said as |", "|---|---|"]
            lines += [f"| `{feature.name}` | {feature.says} |" for feature in features]
        else:
            lines += ["", "Behind it stands no feature: it is what the last steps after the trees changed."]
    return _text(lines)


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
