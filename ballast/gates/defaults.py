"""The gates that stand after every stage, whether or not a pipeline names any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ballast.errors import SpecError, nearest
from ballast.gates.suite import Expectation, Severity, parse_suite, unique_names
from ballast.stages import GATED, STAGES


def _held_to_train(leakage: Severity) -> tuple[Expectation, ...]:
    like = {"with": ["train"]}
    return (
        Expectation("expect_no_shared_ids", like, severity=leakage),
        Expectation("expect_same_schema", like),
        Expectation("expect_known_categories", like),
        Expectation("expect_known_labels", like),
    )


_ROLES: Mapping[str, tuple[Expectation, ...]] = {
    "train": (
        Expectation("expect_class_count_at_least", {"classes": 2}),
        Expectation("expect_no_shared_ids", {"with": ["test"]}),
        Expectation("expect_no_shared_ids", {"with": ["target"]}, severity="warn"),
    ),
    "test": _held_to_train("error"),
    "target": _held_to_train("warn"),
    "reference": _held_to_train("warn")[1:],
}
"""Sources only: rows shared by train and test are leakage; by train and target they may be wanted."""


def default_suite(stage: str, role: str | None = None) -> tuple[Expectation, ...]:
    """Gives the expectations that stand after a stage by themselves; ``role`` is the data role of a source."""
    if stage not in GATED:
        raise SpecError(f"no stage {stage!r}{nearest(stage, GATED)} (the stages: {', '.join(GATED)})")
    suite = parse_suite(STAGES[stage].gates, where=f"the gates of a {stage}", stage=stage)
    return suite + (_ROLES.get(role or "", ()) if stage == "source" else ())


def with_defaults(defaults: Iterable[Expectation], own: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """Gives the defaults and then the user's own; an own one takes the place of the default of the same name."""
    own = tuple(own)
    names = {e.name for e in own}
    return unique_names([*(d for d in defaults if d.name not in names), *own])


def mirrored(suites: Mapping[str, Sequence[Expectation]]) -> dict[str, tuple[Expectation, ...]]:
    """Gives the suites of data roles such that, where that is mutual, a role is held against all held against it.

    Either may be stored last, and only the later one sees the other.
    """
    found = {role: list(suite) for role, suite in suites.items()}
    for role, suite in suites.items():
        for expectation in (e for e in suite if e.is_mutual):
            for other in expectation.roles & found.keys():
                if not any(e.type == expectation.type and role in e.roles for e in found[other]):
                    found[other].append(Expectation(expectation.type, {"with": [role]}, expectation.severity))
    return {role: unique_names(suite) for role, suite in found.items()}
