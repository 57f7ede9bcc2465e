"""A fitted model over the rows of a table: encoded, embedded and predicted a part at a time, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.columns import canonical
from ballast.methods.common.blocks import BLOCK, in_blocks

ROWS = 64 * BLOCK
"""Rows that are encoded at once: their matrix is all that is in memory beside the table and what is predicted."""


def predicted(
    calls: Sequence[Callable[[np.ndarray], np.ndarray]],
    rows: pd.DataFrame,
    encoder: Any,
    embedder: Any = None,
    where: str = "the table",
) -> list[np.ndarray]:
    """Gives what each of an estimator's calls, such as ``predict``, says of a table's rows.

    A row's values are the same to the bit whatever rows are beside it. ``where`` is what errors call the table.
    """
    parts = [[in_blocks(call, X) for call in calls] for X in _encoded(rows, encoder, embedder, where)]
    return [np.concatenate(of_call) for of_call in zip(*parts, strict=True)]


def _encoded(rows: pd.DataFrame, encoder: Any, embedder: Any, where: str) -> Iterable[np.ndarray]:
    for start in range(0, max(len(rows), 1), ROWS):
        part = rows.iloc[start : start + ROWS]
        width = len(encoder.get_feature_names_out())
        X = encoder.transform(part, where) if len(part) else np.zeros((0, width), dtype=np.float32)
        yield X if embedder is None else in_blocks(embedder.embed, X)


def probability_columns(classes: Iterable[Any]) -> list[str]:
    """Gives the column of each class's probability, ``p_<class>``, told apart where SQL would not tell them apart.

    SQL ignores case, so that of ``Yes`` and ``yes`` the second is ``p_yes_2``.

    >>> probability_columns(["no", "Yes", "yes"])
    ['p_no', 'p_Yes', 'p_yes_2']
    """
    names = [f"p_{label}" for label in classes]
    taken = {name.casefold() for name in names}
    found: list[str] = []
    used: set[str] = set()
    for name in names:
        made, number = name, 2
        while made.casefold() in used or (made != name and made.casefold() in taken):
            made, number = f"{name}_{number}", number + 1
        used.add(made.casefold())
        found.append(made)
    return found


def unseen(rows: pd.DataFrame, categories: Mapping[str, Iterable[str]]) -> dict[str, np.ndarray]:
    """Gives by column (n,) bool: which rows hold a value that is none of the training rows'; a blank is not one."""
    found = {}
    for name, known in categories.items():
        among = {*known, None}
        of, values = pd.factorize(rows[name])  # -1 where blank, which is the last of what follows
        hit = np.array([*(text not in among for text in canonical(pd.Series(values))), False])[of]
        if hit.any():
            found[name] = hit
    return found


def reasons(doubts: Mapping[str, np.ndarray], n: int) -> pa.Array:
    """Gives (n,) texts: what speaks against each row's prediction, null where nothing does."""
    if not doubts or not n:
        return pa.nulls(n, pa.string())
    kinds, of = np.unique(np.column_stack([*doubts.values()]), axis=0, return_inverse=True)
    texts = ["; ".join(compress(doubts, kind)) or None for kind in kinds]  # rows differ little in what is said of them
    return pa.array(texts, type=pa.string()).take(pa.array(of.ravel()))
