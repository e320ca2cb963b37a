"""What stands in the report behind the figures: what carries them, whether reasons last, and how to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from markupsafe import Markup

from features.reasons import REASON_CODES
from training import charts
from training.choice import Choice
from training.choice import verdict as choice_verdict
from training.comparisons import as_fine_decimal, span
from training.contenders import WITHOUT
from training.evaluation import Difference, as_decimal, as_percent, model_title, signed
from training.forest import Line, forest
from training.importance import Carried, Importance
from training.payment_dates import RULES, DateFigures
from training.stability import Refit
from training.stability import verdict as stability_verdict


@dataclass(frozen=True)
class Table:
    """A table of texts; the first cell of a row names it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    names_are_code: bool = False


@dataclass(frozen=True)
class Chapter:
    """One section of the report, and what the JSON twin says under `key`."""

    key: str
    title: str
    sentence: str
    content: Any
    tables: Sequence[Table] = ()
    charts: Sequence[Markup] = field(default_factory=list)


def importance_chapter(
    importance: Importance | None, ablation: Mapping[str, Mapping[str, Difference]]
) -> Chapter | None:
    """What each family, reason code and leading feature carries; None where nothing was asked or known.

    `ablation` is the model against others by name: those without a family count.
    """
    left_out = {
        name.removeprefix(WITHOUT): gains["log_loss"]
        for name, gains in ablation.items()
        if name.startswith(WITHOUT) and "log_loss" in gains
    }
    if importance is None and not left_out:
        return None
    content: dict[str, Any] = importance.as_dict() if importance else {}
    content["without_family"] = {name: vars(gain) for name, gain in left_out.items()}
    tables, drawn = [], []
    if importance:
        tables += [_codes_table(importance), _features_table(importance)]
        drawn.append(_carried_chart(importance))
    if left_out:
        drawn.append(_left_out_chart(left_out))
    return Chapter("importance", "Which features carry the result?", _carried_in_words(importance, left_out),
                   content, tables, drawn)  # fmt: skip


def stability_chapter(refits: Sequence[Refit]) -> Chapter | None:
    """How reasons and scores move from one refit to the next; None where there was none to compare."""
    if not refits:
        return None
    rows = [
        [
            refit.at,
            f"{refit.questions:,}",
            as_percent(refit.same_top_reason),
            as_decimal(refit.reason_rank_correlation),
            as_decimal(refit.score_rank_correlation),
            f"{refit.mean_size_of_change:.2f}",
            signed(refit.mean_probability_change),
        ]
        for refit in refits
    ]
    columns = ("Refit", "Invoices scored by both", "Same strongest reason", "Rank correlation of reasons",
               "Rank correlation of scores", "Mean change in log-odds", "Mean change in probability")  # fmt: skip
    note = (
        "Each model and the one before it explain the same invoices. Reasons are ranked by their signed "
        "contributions, all codes but calibration, invoice by invoice."
    )
    told = [refit.as_dict() for refit in refits]
    table = Table("From one refit to the next", columns, rows, note)
    return Chapter("stability", "Do the reasons last?", stability_verdict(list(refits)), told, [table])


def dates_chapter(dates: DateFigures | None) -> Chapter | None:
    """How far off expected payment dates were, and whether their ranges held; None where nothing was judged."""
    if dates is None:
        return None
    errors = [
        [RULES[rule], f"{error['median']:.1f}", f"{error['mean']:.2f}", as_percent(error["within_3_days"])]
        for rule, error in dates.errors.items()
    ]
    ranges = [
        [row["segment"], f"{row['invoices']:,}", *(as_percent(row[share]) for share in ("held", "early", "late")),
         f"± {as_percent(row['chance'])}", f"{row['median_days']:.0f}", f"{row['undecided']:,}"]
        for row in [dates.overall | {"segment": "all"}, *dates.segments]
    ]  # fmt: skip
    brier = [
        [target, as_fine_decimal(found["model"]), as_fine_decimal(found["hazards_alone"])]
        for target, found in dates.brier.items()
    ]
    tables = [
        Table("How many days lie between the expected and the actual payment?",
              ("Rule", "Median", "Mean", "Within 3 days"), errors,
              f"{dates.judged:,} scores of invoices due for more than two weeks by the end of what is known; "
              f"{dates.still_open:,} were still open and count as paid on that day, which favours every rule."),
        Table("Does the range hold eight payments in ten?",
              ("Scores", "Rows", "Held", "Paid earlier", "Paid later", "Chance alone", "Median days wide", "Undecided"),
              ranges,
              "Segments of at least 1,000 scores. Undecided: still open, and the range has not passed; left out "
              "of the shares."),
        Table("Do the hazards need the horizons' probabilities?", ("Brier score", "As scored", "Hazards alone"),
              brier),
    ]  # fmt: skip
    return Chapter("payment_dates", "When is it paid?", dates.verdict(), dates.as_dict(), tables)


def choice_chapter(choice: Choice | None) -> Chapter | None:
    """How well choosing among the candidates would have worked; None where there was nothing to choose."""
    if choice is None:
        return None
    rules = [
        [
            rule.title,
            as_fine_decimal(rule.mean_regret),
            as_fine_decimal(rule.worst_regret),
            ", ".join(f"{model_title(name)} × {len(list(run))}" for name, run in groupby(rule.choices)),
        ]
        for rule in choice.rules
    ]
    periods = [
        [model_title(name), *(as_fine_decimal(figure) for figure in figures)]
        for name, figures in sorted(choice.candidates.items(), key=lambda item: sum(item[1]))
    ]
    tables = [
        Table("What would each way of choosing have cost?",
              ("Rule", "Mean regret", "Worst period", "Chosen, period by period"), rules,
              "Regret is log loss per score lost against the best candidate of the period, which nobody could "
              "know. A rule looks only at outcomes that had matured when the period began; until there are any, "
              "the model stays."),
        Table("Log loss of each candidate", ("Candidate", *choice.periods), periods),
    ]  # fmt: skip
    drawn = [_regret_chart(choice)]
    return Chapter(
        "choice", "Which model should be in charge?", choice_verdict(choice), choice.as_dict(), tables, drawn
    )


def _carried_in_words(importance: Importance | None, left_out: Mapping[str, Difference]) -> str:
    told = []
    if importance:
        first = importance.families[0]
        rise = first.log_loss_rise.value or 0.0
        told.append(
            f"Shuffling the {first.name} features raises the log loss of {importance.questions:,} later scores "
            f"from {as_decimal(importance.log_loss)} by {as_decimal(rise)}, more than any other family."
        )
    needed = [name for name, gain in left_out.items() if gain.high is not None and gain.high < 0]
    if left_out:
        told.append(
            f"Trained without it, the model is clearly worse for {', '.join(needed)}."
            if needed
            else "Trained without any one family, the model is no worse than chance allows: families stand in for "
            "each other."
        )
    return " ".join(told)


def _codes_table(importance: Importance) -> Table:
    rows = [
        [
            REASON_CODES[code.name].label,
            as_percent(code.share_of_reasons),
            signed(code.log_loss_rise.value),
            span(code.log_loss_rise, signed),
            signed(code.auc_drop),
        ]
        for code in sorted(importance.codes, key=lambda code: -(code.share_of_reasons or 0.0))
    ]
    rest = 1 - sum(code.share_of_reasons or 0.0 for code in importance.codes)
    columns = ("Reason", "Share of all contributions", "Log loss rises by", "90 % range", "AUC falls by")
    note = (
        "Contributions are those people read as reasons, by size; the rise is what shuffling its features costs. "
        f"The remaining {as_percent(rest)} of all contributions is calibration."
    )
    return Table("By reason code", columns, rows, note)


def _features_table(importance: Importance) -> Table:
    rows = [
        [
            found.name,
            signed(found.log_loss_rise.value),
            span(found.log_loss_rise, signed),
            signed(found.auc_drop),
        ]
        for found in importance.features
    ]
    note = "The features of the largest contributions, one at a time; a feature with a close twin looks idle."
    columns = ("Feature", "Log loss rises by", "90 % range", "AUC falls by")
    return Table("By feature", columns, rows, note, names_are_code=True)


def _carried_chart(importance: Importance) -> Markup:
    def lines(groups: Sequence[Carried]) -> list[Line]:
        return [
            Line(f"{found.name} ({found.features})", found.log_loss_rise.value or 0.0,
                 found.log_loss_rise.low, found.log_loss_rise.high)
            for found in groups
        ]  # fmt: skip

    figure = charts.new_figure(8.4, 1.2 + 0.3 * len(importance.families))
    title = "What is lost when a family of features is shuffled?"
    label = "rise of the log loss per score; in brackets the number of features"
    forest(figure.subplots(), [("", lines(importance.families))], title, label, is_lower_better=False)
    return Markup(charts.figure_to_svg(figure, "Rise of the log loss by feature family, with 90 % ranges"))


def _left_out_chart(left_out: Mapping[str, Difference]) -> Markup:
    lines = [Line(name, gain.value or 0.0, gain.low, gain.high) for name, gain in left_out.items()]
    figure = charts.new_figure(8.4, 1.2 + 0.3 * len(lines))
    title = "Is the model better for having the family?"
    label = "log loss per score, all features minus trained without the family: left is better"
    forest(figure.subplots(), [("", sorted(lines, key=lambda line: line.value))], title, label)
    return Markup(charts.figure_to_svg(figure, "Difference in log loss when trained without a family"))


def _regret_chart(choice: Choice) -> Markup:
    figure = charts.new_figure(8.4, 1.2 + 0.36 * len(choice.rules))
    ax = figure.subplots()
    for row, rule in enumerate(choice.rules):
        ax.barh(row, rule.mean_regret, height=0.55, color=charts.STRONG if row == 0 else charts.LOWERS)
        words = as_fine_decimal(rule.mean_regret)
        ax.annotate(
            words, (rule.mean_regret, row), (5, 0), textcoords="offset points", fontsize=8, va="center"
        )
    ax.set_yticks(range(len(choice.rules)), [rule.title for rule in choice.rules])
    ax.set_ylim(len(choice.rules) - 0.4, -0.7)
    ax.set_xlim(0, 1.15 * max([rule.mean_regret for rule in choice.rules] + [1e-4]))
    charts._finish(ax, "How much does each way of choosing lose?", "mean regret: log loss per score", "")
    return Markup(charts.figure_to_svg(figure, "Mean regret of each rule for choosing"))
