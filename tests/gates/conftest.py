"""A small pipeline's stored data, as a gate sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from ballast.gates import StaticContext


@pytest.fixture
def stored() -> Callable[..., StaticContext]:
    """The stored data of a pipeline, to be filled: ``stored(stage="weigher", stored_ids={"train": ids})``."""
    return partial(
        StaticContext, asset="digits/stage", stage="source", id="image_id", label="digit", label_required=True
    )
