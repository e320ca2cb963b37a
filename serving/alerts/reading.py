"""What does the section `alerts` of a policy say? Which rules run, how grave they are, and their thresholds.

    alerts:
      limit_breach: {severity: urgent, raised_at: 1.1}
      invoice_not_sent: off

Rules that are not named run as shipped; so does every rule where the section is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.alerts.alert import SEVERITIES
from serving.alerts.rules import RULES, AlertSettings, RuleSetting, default_settings

if TYPE_CHECKING:
    from serving.policy.fields import Fields

SECTION = "alerts"


def read_alerts(fields: Fields) -> AlertSettings:
    """The settings of a policy text; what is wrong is reported with its line."""
    from serving.conditions import nearest

    given = fields.mapping((SECTION,))
    for code in sorted(given.keys() - RULES.keys()):
        fields.report((SECTION, code), f"unknown alert rule '{code}'", nearest(code, RULES))
    settings = dict(default_settings().rules)
    for code in [code for code in RULES if code in given]:
        if given[code] is False:
            del settings[code]
        else:
            settings[code] = _rule(fields, code, given[code], settings[code])
    return AlertSettings(settings)


def _rule(fields: Fields, code: str, entry: Any, shipped: RuleSetting) -> RuleSetting:
    here = (SECTION, code)
    if not isinstance(entry, dict):
        fields.report(here, f"'{entry}' is no setting", "write {severity: warning}, or off")
        return shipped
    fields.keys(here, set(), {"severity", *RULES[code].numbers})
    fields.choice((*here, "severity"), entry, SEVERITIES)
    numbers = dict(shipped.numbers)
    for name in [name for name in numbers if name in entry]:
        numbers[name] = _number(fields, code, name, entry[name])
    if "closed_below" in numbers and numbers["closed_below"] > numbers["raised_at"]:
        fields.report(
            (*here, "closed_below"), "lies above raised_at", "an alert would be over when it is raised"
        )
    return RuleSetting(str(entry.get("severity", shipped.severity)), numbers)


def _number(fields: Fields, code: str, name: str, value: Any) -> float:
    limits = RULES[code].numbers[name]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not limits.least <= value <= limits.most
    ):
        mend = f"a number from {limits.least:g} to {limits.most:g}: {limits.meaning}"
        fields.report((SECTION, code, name), f"'{value}' cannot be '{name}'", mend)
        return limits.default
    return float(value)


def changed_alerts(settings: AlertSettings) -> dict[str, Any]:
    """The section as plain data, with what differs from the rules as shipped; empty where nothing does."""
    shipped = default_settings().rules
    section: dict[str, Any] = {}
    for code, rule in shipped.items():
        own = settings.of(code)
        if own is None:
            section[code] = False
        elif own != rule:
            section[code] = {"severity": own.severity, **own.numbers}
    return {SECTION: section} if section else {}
