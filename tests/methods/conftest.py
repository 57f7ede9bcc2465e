"""Makes the asserts of the conformance suite's helpers say what they compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.methods.conformance_cases", "tests.methods.conformance_contracts")
