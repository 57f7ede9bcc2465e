"""The gates that stand after every stage, whether or not a pipeline names any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ballast.errors import SpecError, nearest
from ballast.gates.suite import Expectation, unique_names

_SOME_ROWS = Expectation("expect_row_count_at_least", {"rows": 1})
_UNIQUE_IDS = Expectation("expect_unique_ids")


def _finite(*columns: str) -> Expectation:
    return Expectation("expect_finite_values", {"columns": list(columns)})


_STAGES: Mapping[str, tuple[Expectation, ...]] = {
    "source": (
        _SOME_ROWS,
        _UNIQUE_IDS,
        Expectation("expect_no_null_labels"),
        Expectation("expect_no_empty_columns", severity="warn"),
        Expectation("expect_no_constant_columns", severity="warn"),
    ),
    "features": (_SOME_ROWS, _UNIQUE_IDS, _finite("features")),
    "test": (_SOME_ROWS, Expectation("expect_overall_result")),
    "scorer": (_SOME_ROWS, _UNIQUE_IDS, _finite("score")),
    "weigher": (
        _SOME_ROWS,
        _UNIQUE_IDS,
        Expectation("expect_weight_range", {"min": 0}),
        Expectation("expect_mean_weight"),
        Expectation("expect_effective_sample_size", {"min_share": 0.01}),
    ),
    "sampler": (_SOME_ROWS, Expectation("expect_parents_exist")),
    "learner": (_SOME_ROWS,),
    "assessor": (_SOME_ROWS, _finite("value")),
}

STAGES: tuple[str, ...] = tuple(_STAGES)
"""The kinds of stage that a gate can stand after."""

_ROLES: Mapping[str, tuple[Expectation, ...]] = {
    "train": (
        Expectation("expect_class_count_at_least", {"classes": 2}),
        Expectation("expect_no_shared_ids", {"with": ["test"]}),
        Expectation("expect_no_shared_ids", {"with": ["target"]}, severity="warn"),
    ),
    "test": (Expectation("expect_no_shared_ids", {"with": ["train"]}),),
    "target": (Expectation("expect_no_shared_ids", {"with": ["train"]}, severity="warn"),),
}
"""Sources only: rows shared by train and test are leakage; by train and target they may be wanted."""


def default_suite(stage: str, role: str | None = None) -> tuple[Expectation, ...]:
    """Gives the expectations that stand after a stage by themselves; ``role`` is the data role of a source."""
    if stage not in _STAGES:
        raise SpecError(f"no stage {stage!r}{nearest(stage, STAGES)} (the stages: {', '.join(STAGES)})")
    return _STAGES[stage] + (_ROLES.get(role or "", ()) if stage == "source" else ())


def with_defaults(defaults: Iterable[Expectation], own: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """Gives the defaults and then the user's own; an own one takes the place of the default of the same name."""
    own = tuple(own)
    names = {e.name for e in own}
    return unique_names([*(d for d in defaults if d.name not in names), *own])


def mirrored(suites: Mapping[str, Sequence[Expectation]]) -> dict[str, tuple[Expectation, ...]]:
    """Gives the suites of data roles such that a role is held against all that are held against it.

    Either may be stored last, and only the later one sees the other.
    """
    found = {role: list(suite) for role, suite in suites.items()}
    for role, suite in suites.items():
        for expectation in suite:
            for other in expectation.roles & found.keys():
                if not any(role in e.roles for e in found[other]):
                    found[other].append(Expectation(expectation.type, {"with": [role]}, expectation.severity))
    return {role: unique_names(suite) for role, suite in found.items()}
