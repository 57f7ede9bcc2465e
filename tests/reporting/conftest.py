"""An empty warehouse for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(f"duckdb:///{tmp_path / 'ballast.duckdb'}")
