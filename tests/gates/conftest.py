"""A small pipeline's stored data, as a gate sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from ballast.gates import Given


@pytest.fixture
def stored() -> Callable[..., Given]:
    """The stored data of a pipeline, to be filled: ``stored(stage="weigher", stored_ids={"train": ids})``."""
    return partial(Given, asset="digits/stage", stage="source", id="image_id", label="digit", label_required=True)
