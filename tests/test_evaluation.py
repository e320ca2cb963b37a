"""Are the figures of an evaluation right, against scikit-learn, brute force and cases done by hand?"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from training.evaluation import (
    Difference,
    Estimate,
    Evaluation,
    RowGroup,
    TargetEvaluation,
    as_decimal,
    as_percent,
    calibration_bins,
    capacity_curve,
    evaluate,
    verdict,
)
from training.measures import MEASURES, Ranking

HORIZONS = {"p_late": 5, "p_late_30": 30}


def scored_frame(rows: int = 1500, customers: int = 150, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    customer = rng.integers(customers, size=rows)
    risk = rng.beta(1, 5, size=customers)[customer] * rng.uniform(0.3, 1.5, rows)
    risk = np.clip(risk, 0.005, 0.95)
    frame = pd.DataFrame(
        {
            "invoice_id": [f"I{number:05d}" for number in rng.permutation(rows)],
            "customer_id": [f"C{number:03d}" for number in customer],
            "as_of": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 90, rows), unit="D"),
            "money_unit": np.where(rng.random(rows) < 0.8, "EUR", "JPY"),
            "money_amount": rng.lognormal(9, 1, rows).astype("int64"),
            "is_cold": rng.random(rows) < 0.1,
        }
    )
    for target, share in (("p_late", 1.0), ("p_late_30", 0.5)):
        frame[f"outcome_{target}"] = (rng.random(rows) < risk * share).astype(float)
        frame[f"{target}__model"] = risk * share
        frame[f"{target}__customer_rate"] = np.round(risk * share + rng.normal(0, 0.1, rows), 1).clip(
            0.1, 0.9
        )
    frame.loc[frame.index % 10 == 0, "outcome_p_late"] = np.nan
    return frame


def measured(
    p: Sequence[float],
    late: Sequence[float],
    money: Sequence[int] | None = None,
    weights: Sequence[int] | None = None,
) -> dict[str, float]:
    amounts = np.array(money or [1] * len(p), dtype=np.int64)
    ranking = Ranking(np.array(p), np.array(late, dtype=float), amounts, np.ones(len(p), dtype=bool))
    found = ranking.measures(np.array([weights or [1] * len(p)], dtype=float))
    assert set(found) == set(MEASURES)
    return {name: float(values[0]) for name, values in found.items()}


class TestMeasures:
    def test_agree_with_scikit_learn_under_whole_number_weights_and_ties(self) -> None:
        rng = np.random.default_rng(7)
        for _ in range(40):
            rows = int(rng.integers(4, 60))
            p = rng.integers(1, 8, rows) / 8
            late = np.concatenate([[0, 1], rng.integers(0, 2, rows - 2)]).astype(float)
            weights = np.concatenate([[1, 1], rng.integers(0, 4, rows - 2)])
            found = measured(list(p), list(late), weights=list(weights))
            repeated_p, repeated_late = np.repeat(p, weights), np.repeat(late, weights)
            assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(repeated_late, repeated_p))
            assert found["average_precision"] == pytest.approx(
                metrics.average_precision_score(repeated_late, repeated_p)
            )
            assert found["brier"] == pytest.approx(metrics.brier_score_loss(repeated_late, repeated_p))
            assert found["log_loss"] == pytest.approx(
                metrics.log_loss(repeated_late, repeated_p, labels=[0, 1])
            )
            assert found["bias"] == pytest.approx(repeated_p.mean() - repeated_late.mean())

    def test_auc_is_the_share_of_pairs_in_the_right_order(self) -> None:
        p, late = [0.9, 0.5, 0.5, 0.5, 0.1], [1, 1, 0, 0, 1]
        pairs = [
            1.0 if a > b else 0.5 if a == b else 0.0
            for a, was_late in zip(p, late, strict=True)
            for b, other_late in zip(p, late, strict=True)
            if was_late and not other_late
        ]
        assert measured(p, late)["roc_auc"] == pytest.approx(sum(pairs) / len(pairs))

    def test_top_tenth_by_hand(self) -> None:
        # 20 rows: the list holds 2. By probability rows 0 and 1; by probability × money rows 19 and 2.
        p = [0.9, 0.8, 0.7] + [0.1] * 17
        late = [1, 0, 1] + [0] * 16 + [1]
        money = [10, 10, 200] + [10] * 16 + [5000]
        found = measured(p, late, money)
        assert found["precision_top_10"] == 0.5
        assert found["late_money_top_10"] == pytest.approx(5200 / 5210)

    def test_a_row_drawn_twice_takes_two_places_in_the_list(self) -> None:
        # Total weight 21: the list holds 3 places, two for row 0 (late) and one for row 1 (prompt).
        p, late = [0.9, 0.8] + [0.1] * 18, [1, 0] + [0] * 17 + [1]
        assert measured(p, late, weights=[2] + [1] * 19)["precision_top_10"] == pytest.approx(2 / 3)

    def test_rows_of_equal_rank_keep_their_order(self) -> None:
        late = [0] * 19 + [1]
        assert measured([0.5] * 20, late)["precision_top_10"] == 0.0
        assert measured([0.5] * 20, late[::-1])["precision_top_10"] == 0.5

    def test_list_of_thirty_is_three_long_whatever_binary_fractions_say(self) -> None:
        assert measured([0.9] * 4 + [0.1] * 26, [1, 1, 1] + [0] * 27)["precision_top_10"] == 1.0

    def test_credit_invoices_are_no_money_to_collect(self) -> None:
        money = [-500] + [10] * 10
        assert measured([0.9] + [0.2] * 10, [1] * 11, money)["late_money_top_10"] == pytest.approx(2 / 10)

    def test_undefined_is_nan_and_silent(self) -> None:
        found = measured([0.1, 0.2, 0.3], [0, 0, 0])
        assert np.isnan(found["roc_auc"]) and np.isnan(found["late_money_top_10"])
        assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.09) / 3)


class TestCalibrationBins:
    def test_by_hand(self) -> None:
        found = calibration_bins([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 0], bins=2)
        assert found.to_dict("list") == {
            "rows": [2, 2],
            "predicted": pytest.approx([0.15, 0.35]),
            "observed": [0.0, 0.5],
        }

    def test_equal_predictions_stay_together(self) -> None:
        found = calibration_bins([0.1] * 70 + [0.2] * 30, [0.0] * 50 + [1.0] * 50)
        assert found["rows"].tolist() == [70, 30]
        assert found["predicted"].tolist() == pytest.approx([0.1, 0.2])

    def test_without_ties_the_groups_are_equal(self) -> None:
        p = np.random.default_rng(0).permutation(200) / 200
        assert calibration_bins(p, np.zeros(200))["rows"].tolist() == [20] * 10

    def test_the_error_is_their_weighted_mean_distance(self) -> None:
        rows = scored_frame().dropna()
        bins = calibration_bins(rows["p_late__customer_rate"], rows["outcome_p_late"])
        by_hand = ((bins["predicted"] - bins["observed"]).abs() * bins["rows"]).sum() / bins["rows"].sum()
        figures = evaluate(rows, {"p_late": 5}, resamples=0).targets["p_late"].overall.models
        assert figures["customer_rate"]["calibration_error"].value == pytest.approx(by_hand)


class TestCapacityCurve:
    def test_by_hand(self) -> None:
        found = capacity_curve([0.5, 0.9, 0.1, 0.2], [1, 0, 0, 1], [100, 10, 10, 300], points=5)
        assert found["contacted"].tolist() == [0, 0.25, 0.5, 0.75, 1]
        assert found["caught"].tolist() == [0, 0.75, 1, 1, 1]

    def test_no_late_money_is_nan(self) -> None:
        assert capacity_curve([0.5, 0.2], [0, 0], [1, 1])["caught"].isna().all()

    def test_nothing_beats_the_perfect_list(self) -> None:
        rows = scored_frame()
        late, money = rows["outcome_p_late_30"], rows["money_amount"]
        perfect = capacity_curve(late, late, money)["caught"]
        assert (perfect >= capacity_curve(rows["p_late_30__model"], late, money)["caught"] - 1e-12).all()


class TestEvaluate:
    def test_point_figures_agree_with_scikit_learn_on_known_outcomes(self) -> None:
        frame = scored_frame()
        found = evaluate(frame, HORIZONS, resamples=0).targets["p_late"]
        known = frame[frame["outcome_p_late"].notna()]
        assert found.overall.rows == len(known) and found.rows_not_yet_known == len(frame) - len(known)
        for model in ("model", "customer_rate"):
            expected = metrics.roc_auc_score(known["outcome_p_late"], known[f"p_late__{model}"])
            assert found.overall.models[model]["roc_auc"].value == pytest.approx(expected)

    def test_names_of_longer_horizons_are_not_models_of_shorter_ones(self) -> None:
        found = evaluate(scored_frame(), HORIZONS, resamples=0)
        assert list(found.targets["p_late"].overall.models) == ["model", "customer_rate"]

    def test_order_of_rows_does_not_matter(self) -> None:
        frame = scored_frame(400, 40)
        shuffled = frame.sample(frac=1, random_state=1)
        assert evaluate(frame, HORIZONS, 30).as_dict() == evaluate(shuffled, HORIZONS, 30).as_dict()

    def test_seed_decides_the_interval(self) -> None:
        frame = scored_frame(400, 40)
        assert evaluate(frame, HORIZONS, 30, seed=1) == evaluate(frame, HORIZONS, 30, seed=1)
        assert evaluate(frame, HORIZONS, 30, seed=1) != evaluate(frame, HORIZONS, 30, seed=2)

    def test_interval_counts_customers_and_not_rows(self) -> None:
        """Ten copies of every row are no more evidence about customers, so no interval may shrink."""
        frame = scored_frame(400, 40)
        copies = [frame.assign(invoice_id=frame["invoice_id"] + f"-{copy}") for copy in range(10)]
        once, often = (
            evaluate(rows, {"p_late_30": 30}, 60).targets["p_late_30"].overall.models["model"]
            for rows in (frame, pd.concat(copies))
        )
        for measure in ("roc_auc", "brier", "log_loss", "mean_prediction"):
            assert often[measure].low == pytest.approx(once[measure].low)
            assert often[measure].high == pytest.approx(once[measure].high)

    def test_interval_is_that_of_drawing_customers_by_hand(self) -> None:
        frame = scored_frame(600, 60)
        groups = [part for _, part in frame.groupby("customer_id")]
        rng = np.random.default_rng(99)
        drawn = []
        for _ in range(300):
            sample = pd.concat([groups[pick] for pick in rng.integers(len(groups), size=len(groups))])
            drawn.append(metrics.roc_auc_score(sample["outcome_p_late_30"], sample["p_late_30__model"]))
        found = (
            evaluate(frame, {"p_late_30": 30}, 2000).targets["p_late_30"].overall.models["model"]["roc_auc"]
        )
        assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.05, 0.95]), abs=0.015)

    def test_difference_is_paired_and_against_the_best_baseline(self) -> None:
        frame = scored_frame()
        frame["p_late__twin"] = frame["p_late__model"]
        found = evaluate(frame, {"p_late": 5}, 40).targets["p_late"].against_best_baseline
        assert set(found) == {"roc_auc", "brier", "log_loss"}
        assert all(gain == Difference("twin", 0.0, 0.0, 0.0) for gain in found.values())

    def test_few_customers_give_figures_without_an_interval(self) -> None:
        figures = evaluate(scored_frame(200, 9), HORIZONS, 50).targets["p_late"].overall.models["model"]
        assert figures["roc_auc"].value is not None
        assert figures["roc_auc"].low is None and figures["roc_auc"].high is None

    def test_slices_are_cold_warm_and_months_and_add_up(self) -> None:
        found = evaluate(scored_frame(), HORIZONS, resamples=0).targets["p_late"]
        names = [part.name for part in found.slices]
        assert names == ["cold customers", "warm customers", "2025-01", "2025-02", "2025-03"]
        assert sum(part.rows for part in found.slices[:2]) == found.overall.rows
        assert sum(part.late for part in found.slices[2:]) == found.overall.late

    def test_a_slice_too_small_says_so(self) -> None:
        frame = scored_frame()
        frame["is_cold"] = frame.index < 20
        cold = evaluate(frame, {"p_late_30": 30}, resamples=0).targets["p_late_30"].slices[0]
        assert cold.models == {} and cold.reason == "20 scores with a known outcome, fewer than 30"

    def test_one_kind_of_outcome_has_no_order_but_still_a_mean(self) -> None:
        overall = (
            evaluate(scored_frame().assign(outcome_p_late=0.0), {"p_late": 5}, 30).targets["p_late"].overall
        )
        assert overall.reason == "0 of 1500 scores turned out late, too few of one kind to judge an order"
        assert overall.models["model"]["roc_auc"] == Estimate(None)
        assert overall.models["model"]["mean_prediction"].value is not None

    def test_money_is_counted_in_one_unit(self) -> None:
        frame = scored_frame()
        found = evaluate(frame, {"p_late_30": 30}, resamples=0).targets["p_late_30"]
        yen = frame["money_unit"] == "JPY"
        assert found.money_unit == "EUR" and found.money_units_left_out == {"JPY": int(yen.sum())}
        dearer_yen = frame.assign(money_amount=frame["money_amount"].where(~yen, 10**12))
        again = evaluate(dearer_yen, {"p_late_30": 30}, resamples=0).targets["p_late_30"]
        assert again.overall == found.overall

    def test_no_rows_is_an_answer(self) -> None:
        found = evaluate(scored_frame().iloc[:0], HORIZONS)
        assert found.targets["p_late"].overall.rows == 0
        assert verdict(found).startswith("There is too little evidence to judge the model: 0 scores")

    @pytest.mark.parametrize("rows", [0, 1, 29, 30, 60])
    def test_json_never_holds_nan(self, rows: int) -> None:
        json.dumps(evaluate(scored_frame().iloc[:rows], HORIZONS, 20).as_dict(), allow_nan=False)

    def test_all_problems_are_named_at_once(self) -> None:
        frame = scored_frame(50, 20)
        frame.loc[3, "p_late__model"] = np.nan
        frame.loc[4, "p_late_30__customer_rate"] = 1.2
        frame.loc[5, "outcome_p_late_30"] = 0.5
        frame.loc[7, ["invoice_id", "as_of"]] = frame.loc[6, ["invoice_id", "as_of"]]
        with pytest.raises(ValueError) as error:
            evaluate(frame, HORIZONS)
        lines = str(error.value).splitlines()[1:]
        assert [line.split()[1] for line in lines] == [
            "1",
            "p_late__model",
            "outcome_p_late_30",
            "p_late_30__customer_rate",
        ]
        assert "first 1.2 of invoice" in lines[3]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda frame: frame.drop(columns=["is_cold", "p_late_30__model"]),
                "missing: is_cold, p_late_30__model",
            ),
            (lambda frame: frame.assign(as_of="2025-01-01"), "as_of must hold days"),
        ],
    )
    def test_a_frame_of_another_shape_is_refused(
        self, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            evaluate(change(scored_frame(40, 20)), HORIZONS)

    def test_importing_it_does_not_import_the_charts(self) -> None:
        code = "import sys, training.evaluation; sys.exit('matplotlib' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def found_with(
    auc: float,
    other: float,
    gain: tuple[float | None, float | None],
    mean: float,
    rate: float,
    rows: int = 1000,
) -> Evaluation:
    blank = dict.fromkeys(MEASURES, Estimate(None))
    bias = Estimate(mean - rate, mean - rate - 0.01, mean - rate + 0.01)
    own = {**blank, "roc_auc": Estimate(auc), "mean_prediction": Estimate(mean), "bias": bias}
    models = {"model": own, "customer_rate": {**blank, "roc_auc": Estimate(other)}}
    group = RowGroup("all", rows, round(rows * rate), rate, rate * (1 - rate), None, models)
    against = {"roc_auc": Difference("customer_rate", auc - other, *gain)}
    return Evaluation(200, 0, 0.9, {"p_late": TargetEvaluation(5, 99, 0, "EUR", {}, group, against, [])})


class TestVerdict:
    @pytest.mark.parametrize(
        ("found", "sentence"),
        [
            (
                found_with(0.884, 0.866, (0.01, 0.03), 0.108, 0.111),
                "The model ranks late payers better than each customer's own late rate (AUC .884 "
                "against .866) "
                "and its probabilities are right on average (10.8 % predicted, 11.1 % late).",
            ),
            (
                found_with(0.870, 0.866, (-0.01, 0.02), 0.108, 0.111),
                "The model ranks late payers no better than each customer's own late rate (AUC "
                ".870 against .866, "
                "a difference within chance) but its probabilities are right on average "
                "(10.8 % predicted, 11.1 % late).",
            ),
            (
                found_with(0.700, 0.866, (-0.2, -0.1), 0.205, 0.111),
                "The model ranks late payers worse than each customer's own late rate (AUC .700 "
                "against .866) "
                "and its probabilities are too high on average (20.5 % predicted, 11.1 % late).",
            ),
            (
                found_with(0.884, 0.866, (0.01, 0.03), 0.012, 0.020),
                "On thin evidence (20 late of 1000), the model ranks late payers better than "
                "each customer's own "
                "late rate (AUC .884 against .866) but its probabilities are too low on average "
                "(1.2 % predicted, 2.0 % late), which may be chance.",
            ),
            (
                found_with(0.884, 0.866, (None, None), 0.108, 0.111),
                "The model cannot be told from each customer's own late rate in ranking late "
                "payers (AUC .884 "
                "against .866, too few customers to be sure) but its probabilities are right on average "
                "(10.8 % predicted, 11.1 % late).",
            ),
        ],
        ids=["better", "within chance", "worse", "thin", "few customers"],
    )
    def test_sentence(self, found: Evaluation, sentence: str) -> None:
        assert verdict(found) == sentence

    def test_without_baselines_it_claims_no_victory(self) -> None:
        frame = scored_frame().drop(columns=["p_late__customer_rate"])
        assert "beside no baseline" in verdict(evaluate(frame, {"p_late": 5}, 20))

    def test_too_little_evidence(self) -> None:
        found = found_with(0.9, 0.8, (0.1, 0.2), 0.1, 0.1)
        target = found.targets["p_late"]
        thin = replace(
            target, overall=replace(target.overall, reason="12 scores with a known outcome, fewer than 30")
        )
        assert verdict(replace(found, targets={"p_late": thin})) == (
            "There is too little evidence to judge the model: 12 scores with a known outcome, fewer than 30."
        )


@pytest.mark.parametrize(
    ("value", "decimal", "percent"),
    [
        (0.8841, ".884", "88.4 %"),
        (-0.0123, "-.012", "-1.2 %"),
        (1.0, "1.000", "100.0 %"),
        (0.9999, "1.000", "100.0 %"),
        (10.5, "10.500", "1050.0 %"),
        (None, "–", "–"),
    ],
)
def test_figures_are_quoted_as_the_field_quotes_them(value: float | None, decimal: str, percent: str) -> None:
    assert (as_decimal(value), as_percent(value)) == (decimal, percent)
