"""A small pipeline in a real warehouse: every stage, with real methods where they are quick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ballast.methods.evaluation import AverageThresholdedConfidence, CompareModels, WeightDiagnostics
from ballast.methods.frame.reports import Assessment
from ballast.reporting import Node, Outline
from ballast.warehouse import Verdict, Warehouse

N = 200


def drift_table(names: list[str]) -> pd.DataFrame:
    rejected = [j % 2 == 0 for j in range(len(names))]
    rows = pd.DataFrame({"feature": names, "effect_size": np.linspace(0.4, 0.1, len(names)), "rejected": rejected})
    overall = pd.DataFrame({"feature": ["(all)"], "effect_size": [0.4], "rejected": [True]})
    return pd.concat([rows, overall], ignore_index=True).assign(
        statistic=0.3, p_value=0.002, adjusted_p_value=0.01, threshold=0.05, effect="Kolmogorov-Smirnov distance"
    )


def tables(names: list[str]) -> dict[str, pd.DataFrame]:
    """Gives each step's table."""
    return made(names)[0]


def made(names: list[str]) -> tuple[dict[str, pd.DataFrame], dict[str, Assessment]]:
    """Gives each step's table, and the judgements as they declare themselves."""
    rng = np.random.default_rng(0)
    X, X_target = rng.normal(size=(N, len(names))), rng.normal(0.3, 1, size=(150, len(names)))
    weight = rng.lognormal(0, 0.5, size=N)
    weight /= weight.mean()
    y = rng.integers(2, size=N)
    good, fair = (np.where(rng.random(N) < p, y, 1 - y) for p in (0.9, 0.6))
    p = np.clip(rng.normal(0.5 + 0.3 * (2 * y - 1), 0.2), 0.02, 0.98)
    probs = np.column_stack([1 - p, p])
    scores = rng.normal(size=N)
    judged = {
        "balance": WeightDiagnostics().assess({"density": weight}, X, X_target, feature_names=names),
        "estimate": AverageThresholdedConfidence(random_state=0).assess(probs, y, probs[:150]),
        "verdict": CompareModels(random_state=0).assess(y, {"baseline": fair, "reweighted": good}),
    }
    return {
        "train": pd.DataFrame(X, columns=names).assign(id=range(N), label=y, right_weight=weight),
        "drift": drift_table(names),
        "novelty": pd.DataFrame({"sample_id": range(N), "score": scores, "flagged": scores > 1.5}),
        "density": pd.DataFrame({"sample_id": range(N), "weight": weight}),
        "resampled": pd.DataFrame(
            {"row": range(N), "sample_id": rng.integers(N, size=N), "second_parent_id": None, "is_synthetic": False}
        ),
        "baseline": pd.DataFrame({"class": ["sklearn.linear_model.LogisticRegression"], "format": ["skops"]}),
        "baseline/dynamics": pd.DataFrame(
            {"sample_id": range(N), "losses": list(np.exp(-np.arange(8) / 4) * rng.exponential(size=(N, 1)))}
        ),
        **{name: assessment.table for name, assessment in judged.items()},
    }, judged


OUTLINE = Outline(
    "digits",
    "A reader of digits.",
    (
        Node("train", "digits/train", "source", "asset", notes={"id": "id", "true_weight": "right_weight"}),
        Node("drift", "digits/drift", "test", "kolmogorov_smirnov", ("digits/train",)),
        Node("novelty", "digits/novelty", "scorer", "mahalanobis", ("digits/train",)),
        Node("density", "digits/density", "weigher", "kliep", ("digits/train",), notes={"params": {"n_centers": 20}}),
        Node("resampled", "digits/resampled", "sampler", "importance_resampling", ("digits/density",)),
        Node("baseline", "digits/baseline", "learner", "logistic_regression", ("digits/train",)),
        Node("baseline/dynamics", "digits/baseline/dynamics", "dynamics", "logistic_regression", ("digits/train",)),
        Node("balance", "digits/balance", "assessor", "weight_diagnostics", ("digits/density",)),
        Node("estimate", "digits/estimate", "assessor", "average_thresholded_confidence", ("digits/baseline",),
             notes={"model": "baseline"}),
        Node("verdict", "digits/verdict", "assessor", "compare_models", ("digits/baseline", "digits/density")),
    ),
)  # fmt: skip


def fill(warehouse: Warehouse, outline: Outline = OUTLINE, *, names: list[str] | None = None, upto: int = 99) -> None:
    """Commits the first steps of the outline in order."""
    frames, judged = made(names or ["age", "income", "height"])
    summaries = {"drift": {"p_value": 0.002, "rejected": True}} | {name: a.remembered for name, a in judged.items()}
    for node in outline.nodes[:upto]:
        warehouse.commit(
            node.asset,
            frames[node.name],
            method=node.use,
            kind=node.stage,
            run_id="run-1",
            code_version="1.2.3",
            inputs=dict.fromkeys(node.upstream, 1),
            summary=summaries.get(node.name, {}),
        )


def verdict(asset: str, gate: str, *, passed: bool, **more) -> Verdict:
    base = Verdict(asset=asset, partition=None, version=1, gate=gate, passed=passed, severity="error")
    return replace(base, **more)
