"""Expectations on weight tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ballast.gates import Features, Judgement, default_suite, judge, parse_suite


def table(weights: object, ids: object = None) -> pd.DataFrame:
    values = np.asarray(weights, dtype=np.float64)
    return pd.DataFrame({"sample_id": np.arange(len(values)) if ids is None else ids, "weight": values})


def one(entry: object, frame: pd.DataFrame, context: object) -> Judgement:
    (found,) = judge(parse_suite([entry], where="gates"), frame, context)  # type: ignore[arg-type]
    return found


@pytest.fixture
def weigher(stored) -> object:
    return stored(stage="weigher", id=None, label=None)


def test_effective_sample_size_of_uniform_weights_is_the_row_count(weigher) -> None:
    found = one({"expect_effective_sample_size": {"min_share": 1, "min_size": 10}}, table(np.ones(10)), weigher)
    assert found.passed
    assert found.observed == {"effective_sample_size": 10.0, "effective_sample_share": 1.0, "rows": 10}
    assert "10.0 of 10 rows (100 %), minimum share 1 and size 10" in found.message


def test_effective_sample_size_below_its_share_says_the_figures_and_the_remedy(weigher) -> None:
    found = one({"expect_effective_sample_size": {"min_share": 0.2}}, table([10.0] + [0.0] * 9), weigher)
    assert not found.passed
    assert found.message.startswith("effective sample size 1.0 of 10 rows (10 %) is below the minimum share 0.2: ")
    assert "max_weight" in found.message


def test_effective_sample_size_misses_either_of_its_bounds(weigher) -> None:
    weights = table([2.0] * 5 + [0.0] * 5)
    assert one({"expect_effective_sample_size": {"min_share": 0.5, "min_size": 5}}, weights, weigher).passed
    found = one({"expect_effective_sample_size": {"min_share": 0.5, "min_size": 6}}, weights, weigher)
    assert not found.passed
    assert "below the minimum size 6:" in found.message


@pytest.mark.parametrize(
    ("bounds", "passed"),
    [
        ({"min": 0}, True),
        ({"max": 3}, True),
        ({"max": 2.9}, False),
        ({"min": 0.6}, False),
        ({"min": 0.5, "max": 3}, True),
    ],
)
def test_weight_range_includes_its_bounds(weigher, bounds: dict, passed: bool) -> None:
    found = one({"expect_weight_range": bounds}, table([0.5, 1, 3]), weigher)
    assert found.passed is passed
    assert found.observed["outside"] == (0 if passed else 1)


def test_negative_weights_are_counted(weigher) -> None:
    found = one({"expect_weight_range": {"min": 0}}, table([-1, 1, 3]), weigher)
    assert "weights from -1 to 3: 1 of 3 outside [0, inf]" in found.message


@pytest.mark.parametrize(("scale", "passed"), [(1, True), (1.0005, True), (1.002, False), (0.5, False)])
def test_mean_weight_is_judged_within_its_tolerance(weigher, scale: float, passed: bool) -> None:
    assert one("expect_mean_weight", table([0.5 * scale, 1.5 * scale]), weigher).passed is passed


@pytest.mark.parametrize(
    "entry",
    [
        {"expect_effective_sample_size": {"min_share": 0.01}},
        {"expect_weight_range": {"min": 0}},
        "expect_mean_weight",
        "expect_balance",
    ],
)
def test_weights_that_are_nan_or_none_at_all_close_every_gate(weigher, entry: object) -> None:
    bad = one(entry, table([1, np.nan, np.inf]), weigher)
    assert not bad.passed
    assert "2 of 3 weights are NaN, null or infinite" in bad.message
    assert "the table has no rows" in one(entry, table([]), weigher).message
    missing = one(entry, pd.DataFrame({"sample_id": [1], "wieght": [1.0]}), weigher)
    assert not missing.passed
    assert "did you mean 'wieght'?" in missing.message


def shifted(stored, n: int = 4000, ids: np.ndarray | None = None) -> tuple[object, np.ndarray]:
    """Gives a context whose target prefers rows with a high first feature, and the right weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    ratio = np.exp(X[:, 0] - 0.5)
    target = X + np.array([1, 0, 0], np.float32)
    ids = np.arange(n) if ids is None else ids
    names = ["age", "height", "weight"]
    features = {"train": Features(ids, X, names), "target": Features(ids, target, names)}
    return stored(stage="weigher", id=None, stored_features=features), ratio / ratio.mean()


def test_balance_holds_under_the_right_weights_and_not_under_uniform_ones(stored) -> None:
    context, right = shifted(stored)
    good = one("expect_balance", table(right), context)
    assert good.passed
    assert good.observed["max_standardized_difference_before"] == pytest.approx(1, abs=0.05)
    bad = one("expect_balance", table(np.ones(len(right))), context)
    assert not bad.passed
    assert bad.observed["worst_feature"] == "age"
    assert bad.observed["features_over"] == 1
    assert "2 of 3 features within 0.1" in bad.message
    assert one({"expect_balance": {"min_share_of_features": 0.6}}, table(np.ones(len(right))), context).passed


def test_improved_balance_warns_of_weights_that_bring_the_rows_no_nearer(stored) -> None:
    context, right = shifted(stored)
    entry = {"expect_improved_balance": {"severity": "warn"}}
    good = one(entry, table(right), context)
    assert good.passed
    assert good.observed["max_standardized_difference"] < 0.1 < good.observed["max_standardized_difference_before"]
    for useless in (np.ones(len(right)), 1 / right):
        found = one(entry, table(useless), context)
        assert not found.passed
        assert not found.closes
        assert "(age) after weighting" in found.message
        assert "do not bring the training rows nearer to the target" in found.message


def test_improved_balance_asks_nothing_where_the_samples_are_alike(stored, drawn) -> None:
    same = Features(np.arange(len(drawn)), drawn, [f"f{k}" for k in range(drawn.shape[1])])
    context = stored(stage="weigher", id=None, stored_features={"train": same, "target": same})
    assert one("expect_improved_balance", table(np.ones(len(drawn))), context).passed


def test_balance_aligns_weights_and_features_by_id(stored) -> None:
    context, right = shifted(stored)
    order = np.random.default_rng(1).permutation(len(right))
    straight = one("expect_balance", table(right), context)
    shuffled = one("expect_balance", table(right[order], ids=order), context)
    assert shuffled.observed["max_standardized_difference"] == pytest.approx(
        straight.observed["max_standardized_difference"], rel=1e-6
    )


def test_balance_of_rows_without_features_closes(stored) -> None:
    context, right = shifted(stored)
    found = one("expect_balance", table(right, ids=np.arange(len(right)) + 1), context)
    assert not found.passed
    assert "1 of 4000 weighted rows (such as 4000) have no features" in found.message


def test_balance_before_the_features_are_stored_closes(weigher) -> None:
    found = one("expect_balance", table([1, 1]), weigher)
    assert not found.passed
    assert "not both stored" in found.message


def test_balance_of_a_feature_constant_in_either_sample_is_zero_where_equal_and_over_where_not(stored) -> None:
    train, target = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 2.0], [1.0, 2.0]])
    features = {
        "train": Features(np.arange(2), train, ["a", "b"]),
        "target": Features(np.arange(2), target, ["a", "b"]),
    }
    found = one("expect_balance", table([1, 1]), stored(stage="weigher", id=None, stored_features=features))
    assert not found.passed
    assert (found.observed["features_over"], found.observed["worst_feature"]) == (1, "b")


def test_default_gate_of_weighers_lets_sound_weights_pass_and_closes_on_spoilt_ones(weigher) -> None:
    suite = default_suite("weigher")
    rng = np.random.default_rng(0)
    sound = rng.exponential(size=500)
    assert all(j.passed for j in judge(suite, table(sound / sound.mean()), weigher))
    one_row = np.zeros(500)
    one_row[0] = 500
    assert {j.type for j in judge(suite, table(one_row), weigher) if j.closes} == {"expect_effective_sample_size"}
    assert {j.type for j in judge(suite, table(sound * 2), weigher) if j.closes} == {"expect_mean_weight"}


def balance(stored, train: np.ndarray, target: np.ndarray, weights: object = None) -> Judgement:
    names = [f"f{i}" for i in range(train.shape[1])]
    features = {
        "train": Features(np.arange(len(train)), train, names),
        "target": Features(np.arange(len(target)), target, names),
    }
    context = stored(stage="weigher", id=None, stored_features=features)
    return one("expect_balance", table(np.ones(len(train)) if weights is None else weights), context)


@pytest.fixture
def drawn() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(100, 3))


@pytest.mark.parametrize("spoilt", ["train", "target"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_balance_of_features_that_are_not_finite_cannot_be_judged(stored, drawn, spoilt: str, value: float) -> None:
    train, target = drawn.copy(), drawn.copy()
    {"train": train, "target": target}[spoilt][:2, 1] = value
    found = balance(stored, train, target)
    assert not found.passed
    assert found.message.startswith(f"cannot be judged: the features of {spoilt} hold NaN or infinite values (2 in f1)")


def test_balance_against_a_target_without_rows_cannot_be_judged(stored, drawn) -> None:
    found = balance(stored, drawn, drawn[:0])
    assert not found.passed
    assert found.message.startswith("cannot be judged: the features of target have 0 rows and 3 columns")


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1.0, 1e30, 1e200])
def test_balance_is_the_same_in_every_unit(stored, drawn, scale: float) -> None:
    assert balance(stored, drawn * scale, drawn * scale).passed
    shifted = balance(stored, drawn * scale, (drawn + 0.5) * scale)
    assert not shifted.passed
    assert shifted.observed["max_standardized_difference"] == pytest.approx(
        balance(stored, drawn, drawn + 0.5).observed["max_standardized_difference"]
    )


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([0, 0, 0], "all 3 weights are zero"),
        ([5, -5, 1], "1 of 3 weights are below zero"),
        ([np.inf, 1, 1], "1 of 3 weights are NaN, null or infinite"),
    ],
)
@pytest.mark.parametrize("gate", ["expect_balance", {"expect_effective_sample_size": {"min_share": 0.01}}])
def test_weights_that_carry_nothing_cannot_be_judged(stored, drawn, gate: object, weights: list, words: str) -> None:
    features = dict.fromkeys(("train", "target"), Features(np.arange(3), drawn[:3], ["a", "b", "c"]))
    found = one(gate, table(weights), stored(stage="weigher", id=None, stored_features=features))
    assert not found.passed
    assert found.message.startswith(f"cannot be judged: {words}")


def test_effective_sample_size_at_its_bound_holds_whatever_the_sums_round_to(weigher) -> None:
    weights = [0.1] * 3 + [0.0] * 7
    assert one({"expect_effective_sample_size": {"min_share": 0.3, "min_size": 3}}, table(weights), weigher).passed
