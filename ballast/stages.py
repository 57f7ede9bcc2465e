"""The kinds of stage that a pipeline has: one table, from which every other part takes what it needs to know.

A new kind is a row here and a function in ``ballast.orchestration.run.stages.WORK``. A step's stage is named as the
role of its method (``ballast.methods.frame.base.ROLES``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from ballast.methods.frame.reports import ASSESSMENT_COLUMNS, TEST_COLUMNS

LABELLED, LABELLED_SHARE = "(labelled)", "labelled_share"
"""Of metrics by late labels: the slice of the labelled rows alone, and the metric that says what share they are."""


@dataclass(frozen=True)
class Stage:
    """One kind of stage.

    Attributes
    ----------
    name : in the plan, in the warehouse's ``kind`` and in messages.
    kind : what Dagster's UI calls its assets.
    colour : of its mark in the report, on light and on dark paper.
    columns : of its table, where all methods of the kind leave the same ones; optional ones included.
    gates : the suite that stands after it anyway, as a pipeline's YAML would have it; none: it has no gates of its
        own accord.
    model : whether its table is one row that says where a model's file is.
    stored : whether it leaves a table in the warehouse.
    beside : whether it stands beside a step, under that step's name.
    outside : whether it is read from outside of the warehouse, so that every run reads it anew.
    like : the stage whose colour it shares, and under whose name it stands in the report's key.
    section : the heading that it stands under in the report; none: among the lineage and the provenance alone.
    card : what the card of such a step holds beside its pictures: its "numbers", the "rows" of its table. None: the
        steps are the rows of one table.
    """

    name: str
    kind: str
    colour: tuple[str, str]
    columns: tuple[str, ...] = ()
    gates: tuple[Mapping[str, Mapping[str, Any]], ...] = ()
    model: bool = False
    stored: bool = True
    beside: bool = False
    outside: bool = False
    like: str = ""
    section: str = ""
    card: tuple[Literal["numbers", "rows"], ...] = ()


_GREY, _VIOLET, _GREEN = ("#5c6b7a", "#9aa8b6"), ("#7a6fb0", "#a79de0"), ("#009e73", "#35c79d")
_MODEL = ("path", "sha256", "format", "class_name")


def _gate(expectation: str, /, **arguments: Any) -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({expectation: MappingProxyType(arguments)})


_SOME_ROWS, _UNIQUE_IDS = _gate("expect_row_count_at_least", rows=1), _gate("expect_unique_ids")
_NO_ROWS = _gate("expect_row_count_at_least", rows=0)

_TABLE = (
    Stage(
        "source",
        kind="table",
        colour=_GREY,
        gates=(
            _SOME_ROWS,
            _UNIQUE_IDS,
            _gate("expect_no_null_labels"),
            _gate("expect_no_empty_columns", severity="warn"),
            _gate("expect_no_constant_columns", severity="warn"),
            _gate("expect_no_infinite_values", severity="warn"),
            _gate("expect_no_numbers_as_text", severity="warn"),
        ),
        outside=True,
        section="Data",
    ),
    Stage(
        "labels",
        kind="table",
        colour=_GREY,
        columns=("sample_id", "label", "state"),
        gates=(_NO_ROWS, _UNIQUE_IDS, _gate("expect_known_labels", **{"with": ["train"], "severity": "warn"})),
        outside=True,
        like="source",
    ),
    Stage("encoder", kind="scikitlearn", colour=_VIOLET, columns=_MODEL, model=True, like="features"),
    Stage(
        "features",
        kind="matrix",
        colour=_VIOLET,
        columns=("sample_id", "features"),
        gates=(_SOME_ROWS, _UNIQUE_IDS, _gate("expect_finite_values", columns=["features"])),
    ),
    Stage(
        "test",
        kind="report",
        colour=("#b3568d", "#e08cc0"),
        columns=TEST_COLUMNS,
        gates=(_SOME_ROWS, _gate("expect_overall_result")),
        section="Shift",
        card=("numbers", "rows"),
    ),
    Stage(
        "scorer",
        kind="scores",
        colour=("#2a8fa8", "#5cc1d9"),
        columns=("sample_id", "score", "flagged"),
        gates=(_SOME_ROWS, _UNIQUE_IDS, _gate("expect_finite_values", columns=["score"])),
        section="Scores",
        card=("numbers",),
    ),
    Stage(
        "weigher",
        kind="weights",
        colour=("#0072b2", "#4fb0e8"),
        columns=("sample_id", "weight"),
        gates=(
            _SOME_ROWS,
            _UNIQUE_IDS,
            _gate("expect_weight_range", min=0),
            _gate("expect_mean_weight"),
            _gate("expect_effective_sample_size", min_share=0.01),
        ),
        section="Weights",
        card=("numbers",),
    ),
    Stage("influence", beside=True, kind="matrix", colour=("#0072b2", "#4fb0e8"), like="weigher"),
    Stage(
        "sampler",
        kind="dataset",
        colour=("#7d8a00", "#b9c53a"),
        columns=("sample_id", "row", "is_synthetic", "second_parent_id", "label", "features"),
        gates=(_SOME_ROWS, _gate("expect_parents_exist")),
        section="Datasets",
        card=("numbers",),
    ),
    Stage("dynamics", beside=True, kind="matrix", colour=_GREEN, like="learner", section="Training", card=("numbers",)),
    Stage("learner", kind="model", colour=_GREEN, columns=_MODEL, gates=(_SOME_ROWS,), model=True, section="Models"),
    Stage("out_of_sample", beside=True, kind="predictions", colour=_GREEN, like="learner"),
    Stage(
        "assessor",
        kind="report",
        colour=("#c26a1a", "#f0a050"),
        columns=ASSESSMENT_COLUMNS,
        gates=(_SOME_ROWS, _gate("expect_finite_values", columns=["value"])),
        section="Judgement",
        card=("rows",),
    ),
    Stage(
        "promotion",
        kind="model",
        colour=("#a8433f", "#e58a84"),
        columns=("model", "version", "in_use", "moved", "metric", "value", "gain", "low", "high", "said"),
        gates=(_gate("expect_model_in_use"),),
        section="Promotion",
        card=("numbers", "rows"),
    ),
    Stage(
        "prediction",
        kind="predictions",
        colour=("#4a6fd0", "#8fabf5"),
        gates=(_NO_ROWS, _UNIQUE_IDS),
        section="Predictions",
        card=("numbers",),
    ),
    Stage(
        "metrics",
        beside=True,
        kind="report",
        colour=("#c26a1a", "#f0a050"),
        columns=ASSESSMENT_COLUMNS,
        gates=(_NO_ROWS, _gate("expect_finite_values", columns=["value"])),
        like="assessor",
        section="Labels",
        card=("rows",),
    ),
    Stage("report", kind="html", colour=_GREY, stored=False, like="source"),
)

STAGES: Mapping[str, Stage] = MappingProxyType({stage.name: stage for stage in _TABLE})
"""Every kind of stage by its name, in the order of a report."""

GATED: tuple[str, ...] = tuple(stage.name for stage in _TABLE if stage.gates)
"""The kinds of stage that a gate stands after anyway."""

MODEL_KINDS: tuple[str, ...] = tuple(stage.name for stage in _TABLE if stage.model)
"""The kinds of commits that are models: one row that says where the file is."""
