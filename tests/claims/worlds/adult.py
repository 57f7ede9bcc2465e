"""Where the Adult census lies, for the claims that are measured on it; they are skipped where it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("ADULT_FOLDER", Path(__file__).parents[4] / "shared" / "data"))
absent = pytest.mark.skipif(not (FOLDER / "adult_train.parquet").exists(), reason="the Adult census is not here")
