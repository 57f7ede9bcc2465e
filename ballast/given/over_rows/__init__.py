"""Learning from rows that do not fit in memory, by the parts of a table and what each comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballast.lazy import lazily

if TYPE_CHECKING:
    from ballast.compute.engines import LocalEngine, RayEngine
    from ballast.compute.rows import Rows
    from ballast.given.over_rows.arguments import Columns, Encoded
    from ballast.given.over_rows.dealing import deal
    from ballast.given.over_rows.encoding import fit_encoder
    from ballast.given.over_rows.judging import Judged
    from ballast.given.over_rows.learning import fit_weigher, predict, weigh
    from ballast.given.over_rows.pilot import pilot
    from ballast.given.over_rows.training import classes_of, fit_learner

_HOMES = {
    "LocalEngine": "ballast.compute.engines.local",
    "RayEngine": "ballast.compute.engines.cluster",
    "Rows": "ballast.compute.rows",
    "Columns": "ballast.given.over_rows.arguments",
    "Encoded": "ballast.given.over_rows.arguments",
    "deal": "ballast.given.over_rows.dealing",
    "fit_encoder": "ballast.given.over_rows.encoding",
    "Judged": "ballast.given.over_rows.judging",
    "fit_weigher": "ballast.given.over_rows.learning",
    "predict": "ballast.given.over_rows.learning",
    "weigh": "ballast.given.over_rows.learning",
    "pilot": "ballast.given.over_rows.pilot",
    "classes_of": "ballast.given.over_rows.training",
    "fit_learner": "ballast.given.over_rows.training",
}

__all__ = [
    "Columns", "Encoded", "Judged", "LocalEngine", "RayEngine", "Rows", "classes_of", "deal", "fit_encoder",
    "fit_learner", "fit_weigher", "pilot", "predict", "weigh",
]  # fmt: skip
__getattr__, __dir__ = lazily(__name__, _HOMES)
