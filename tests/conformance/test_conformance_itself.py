"""The conformance suite catches what it says it catches: one method a check, each broken in one way."""

from __future__ import annotations

import pytest

from ballast.methods.frame.base import Method
from ballast.testing import checks_of
from ballast.testing.registry import CHECKS
from tests.conformance.broken import (
    AcceptsOneClass,
    AsksForMore,
    CaresForOrder,
    ChangesParameters,
    ChangesTheOther,
    CountsNothing,
    CountsRows,
    CountsTowns,
    CountsWeightless,
    DividesBySpread,
    DrawsGlobally,
    FailsUnnamed,
    ForgetsOverall,
    ForgetsToFit,
    ForgetsWhatItReported,
    IgnoresColumns,
    IgnoresWeights,
    KeepsAFunction,
    KeepsTheLastBatch,
    LearnsOneClass,
    LosesDigits,
    LosesMergedBatches,
    LosesWhatIsMerged,
    MergesAnything,
    MislabelsRows,
    NeedsLabels,
    NeedsPairs,
    NeedsTwoFeatures,
    NumbersOnly,
    Overflows,
    Overwrites,
    PartsUnits,
    ReadsTheIndex,
    Remembers,
    ReportsTheLastBatch,
    ScalesByTheLastBatch,
    SortsUnits,
    Sound,
    SoundStream,
    TakesAnything,
    Widens,
    WorksInInit,
)

BROKEN: list[tuple[str, type[Method]]] = [
    ("role_contract", ForgetsOverall),
    ("role_contract", CountsNothing),
    ("role_contract", MislabelsRows),
    ("required_arguments_alone", NeedsLabels),
    ("default_parameters", WorksInInit),
    ("every_choice", FailsUnnamed),
    ("deterministic", DrawsGlobally),
    ("fitted_again", Remembers),
    ("clone", ChangesParameters),
    ("frame_equals_array", ReadsTheIndex),
    ("inputs_unchanged", Overwrites),
    ("float32_kept", Widens),
    ("float32_near_float64", LosesDigits),
    ("rows_permuted", CaresForOrder),
    ("weights_equal_repetition", IgnoresWeights),
    ("weightless_rows_change_nothing", CountsWeightless),
    ("units_are_names", SortsUnits),
    ("parted_rows_take_units", PartsUnits),
    ("one_unit", CountsRows),
    ("text_labels", NumbersOnly),
    ("bad_arguments_named", TakesAnything),
    ("other_columns_refused", IgnoresColumns),
    ("not_fitted", ForgetsToFit),
    ("one_class", LearnsOneClass),
    ("one_feature", NeedsTwoFeatures),
    ("few_rows", AsksForMore),
    ("group_of_one_row", NeedsPairs),
    ("constant_features", DividesBySpread),
    ("features_of_any_scale", Overflows),
    ("survives_store", KeepsAFunction),
    ("extreme_row", Overflows),
    ("columns_without_values", CountsTowns),
    ("batches_equal_fit", KeepsTheLastBatch),
    ("batches_equal_fit", LosesWhatIsMerged),
    ("batches_equal_fit", ChangesTheOther),
    ("batches_equal_fit", MergesAnything),
    ("batches_equal_fit", ScalesByTheLastBatch),
    ("batches_equal_fit", AcceptsOneClass),
    ("batches_equal_fit", ReportsTheLastBatch),
    ("batches_equal_fit", ForgetsWhatItReported),
    ("batches_equal_fit", LosesMergedBatches),
]


@pytest.mark.parametrize(("name", "cls"), BROKEN, ids=[f"{cls.name}-{name}" for name, cls in BROKEN])
def test_broken_method_when_checked_then_caught(name, cls):
    check = dict(checks_of(cls))[name]
    with pytest.raises((Exception, pytest.fail.Exception)):
        check()


@pytest.mark.parametrize("name_and_check", checks_of(Sound) + checks_of(SoundStream), ids=lambda pair: pair[0])
def test_sound_method_when_checked_then_passes(name_and_check):
    _, check = name_and_check
    check()


def test_checks_when_listed_then_each_is_shown_to_catch_something():
    assert set(CHECKS) - {name for name, _ in BROKEN} == {"gpu_equals_cpu"}  # needs a device
