"""What does a scheduler's dashboard read? The findings as Prometheus figures.

For node_exporter's textfile collector or any scraper of files. Names and units are a contract; labels come from
code (codes, kinds, names of tables and features), never from customers.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from features.days import day_number
from serving.monitoring.alarms import SEVERITIES
from serving.monitoring.watching import Findings

DAY_SECONDS = 86_400
MOST_FEATURES = 20


def prometheus_text(found: Findings) -> str:
    """The figures in Prometheus text format; what is not known has no line."""
    registry = CollectorRegistry()

    def gauge(name: str, says: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"duecourse_{name}", says, labels, registry=registry)

    gauge("monitor_as_of_timestamp_seconds", "Start of the day the figures are of.").set(
        day_number(found.as_of) * DAY_SECONDS
    )
    gauge("monitor_must_act", "1 where somebody must act, as the exit code says.").set(found.must_act)
    gauge("open_invoices", "Invoices open on the day.").set(found.open_invoices)
    _alarms(gauge("monitor_alarms", "Alarms by severity.", ("severity",)), found)
    active = gauge("monitor_alarm", "1 for each alarm.", ("severity", "kind", "code", "subject"))
    for alarm in found.alarms:
        active.labels(alarm.severity, alarm.kind, alarm.code, alarm.subject).set(1)
    model = gauge("model_trained_before_timestamp_seconds", "The model knows facts before.", ("version",))
    model.labels(found.model_version).set(day_number(found.trained_before) * DAY_SECONDS)
    _performance(gauge("performance", "Of recently matured invoices.", ("measure", "sort")), found)
    gauge("matured_invoices", "Invoices that came to their deadline in the recent weeks.").set(
        found.recent.matured
    )
    _drift(gauge, found)
    if found.replay is not None:
        rows = gauge("parity_rows", "Logged scores computed again.", ("outcome",))
        rows.labels("replayed").set(found.replay.rows)
        rows.labels("changed_facts").set(found.replay.touched - found.replay.faulty + found.replay.gone)
        rows.labels("fault").set(found.replay.faulty)
    return generate_latest(registry).decode()


def _alarms(counted: Gauge, found: Findings) -> None:
    for severity in SEVERITIES:
        counted.labels(severity).set(sum(alarm.severity == severity for alarm in found.alarms))


def _performance(measured: Gauge, found: Findings) -> None:
    for name, value in found.recent.expected.items():
        realised = found.recent.realised[name]
        told = {"expected": value, "realised": realised.value}
        told |= {"realised_low": realised.low, "realised_high": realised.high}
        for sort, figure in told.items():
            if figure is not None:
                measured.labels(name, sort).set(figure)


def _drift(gauge: object, found: Findings) -> None:
    assert callable(gauge)
    if found.drift.score is not None:
        gauge("score_drift", "Population stability index of the scores.").set(found.drift.score)
    moved = gauge("feature_drift", "Population stability index of the heaviest features.", ("feature",))
    for each in found.drift.features[:MOST_FEATURES]:
        if each.distance is not None:
            moved.labels(each.name).set(each.distance)
