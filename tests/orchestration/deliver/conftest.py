"""The kinds of target that hold several partitions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests import postgres
from tests.warehouse.conftest import process  # noqa: F401

TABLES = ("duckdb", "postgres")


def target_of(kind: str, request: pytest.FixtureRequest) -> Any:
    if kind == "folder":
        return "scores/"
    if kind == "duckdb":
        return {"database": "shop.duckdb", "table": "scores"}
    address = postgres.new_database(request.getfixturevalue("postgres_server"), uuid4().hex)
    return {"postgres": address, "table": "public.scores"}


@pytest.fixture(params=["folder", *TABLES])
def to(request: pytest.FixtureRequest) -> Any:
    """A target that is not there yet, of each kind that holds partitions."""
    return target_of(request.param, request)


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest) -> dict[str, str]:
    """A table that is not there yet, in each database."""
    return target_of(request.param, request)
