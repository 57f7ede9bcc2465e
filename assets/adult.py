"""Census records of adults, a sample drawn from them by a known rule, and the population that it should stand for.

Source: the Adult table of the UCI repository (Kohavi and Becker, 1996; 48,842 records of the 1994 US census), which is
not part of this project: the folder ``$ADULT_FOLDER`` (default ``data/adult``) must hold it as ``adult_train.parquet``
and ``adult_test.parquet``, with the columns ``id``, ``age``, ``sex``, ``hours_per_week``, ``income`` and others. Where
it does not, these assets are skipped with a message, and so is what depends on them.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import numpy as np
import pandas as pd

SEED = 0
LEFT_OUT = ["fnlwgt", "education"]  # the census bureau's own weight; and what education_num says in numbers


class Adults(NamedTuple):
    """The three tables of one draw.

    Attributes
    ----------
    pool, field, field_labelled : columns adult_id (str), income ("<=50K" or ">50K"; not in field), 12 attributes and,
        in the pool alone, true_weight (mean 1). Nobody is in two of them.
    """

    pool: pd.DataFrame
    field: pd.DataFrame
    field_labelled: pd.DataFrame


def folder() -> Path:
    """Gives the folder that should hold the table."""
    return Path(os.environ.get("ADULT_FOLDER", "data/adult"))


def draw_adults(seed: int = SEED) -> Adults:
    """Draws a pool by a selection rule, and the population that it stands for; about 5,500, 16,280 and 16,281 rows.

    Half of the training file, at random, are the pool's candidates, each of whom enters it with probability

        s = 1 / (1 + exp(1.5 + 0.8 a + 0.8 h - m))

    where a is age and h hours_per_week, both standardised over the file, and m is 1 for men, 0 for women: the young,
    those who work short hours, and men answer. The true weight of a row is therefore 1 / s, scaled to mean 1. The
    other half is ``field``, and the test file ``field_labelled``.
    """
    file, labelled = (_read(name) for name in ("adult_train", "adult_test"))
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(file))
    candidates, others = file.iloc[rows[::2]], file.iloc[rows[1::2]]
    z = {c: (candidates[c] - file[c].mean()) / file[c].std(ddof=0) for c in ("age", "hours_per_week")}
    against = 1.5 + 0.8 * z["age"] + 0.8 * z["hours_per_week"] - (candidates["sex"] == "Male")
    selected = 1 / (1 + np.exp(against.to_numpy()))
    enters = rng.random(len(candidates)) < selected
    true_weight = 1 / selected[enters]
    return Adults(
        pool=candidates[enters].assign(true_weight=true_weight / true_weight.mean()).reset_index(drop=True),
        field=others.drop(columns="income").reset_index(drop=True),
        field_labelled=labelled,
    )


def _read(name: str) -> pd.DataFrame:
    table = pd.read_parquet(folder() / f"{name}.parquet").drop(columns=LEFT_OUT)
    table.insert(0, "adult_id", [f"{name}-{i:05d}" for i in table.pop("id")])
    return table


def _give(context: dg.AssetExecutionContext, table: str) -> Iterator[dg.Output[pd.DataFrame]]:
    if not (folder() / "adult_train.parquet").exists():
        context.log.warning(
            "skipped: the Adult census is not here: there is no %s; set ADULT_FOLDER to the folder that holds it",
            folder() / "adult_train.parquet",
        )
        return
    yield dg.Output(getattr(draw_adults(), table))


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"}, output_required=False)
def adult_pool(context: dg.AssetExecutionContext) -> Iterator[dg.Output[pd.DataFrame]]:
    """Adults who answered, the young and men more often, and the weight that makes up for it (seed 0)."""
    yield from _give(context, "pool")


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"}, output_required=False)
def adult_field(context: dg.AssetExecutionContext) -> Iterator[dg.Output[pd.DataFrame]]:
    """Adults of the population, without income (seed 0)."""
    yield from _give(context, "field")


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"}, output_required=False)
def adult_field_labelled(context: dg.AssetExecutionContext) -> Iterator[dg.Output[pd.DataFrame]]:
    """Other adults of the population with their income, for evaluation only (seed 0)."""
    yield from _give(context, "field_labelled")
