"""The list of mutants: each can be made of the code as it is; `make mutants` tries them."""

from __future__ import annotations

import pytest

from tests.mutants.run import ROOT, Mutant, read


@pytest.mark.parametrize("mutant", read(), ids=lambda mutant: mutant.why)
def test_mutant_when_listed_then_its_text_stands_once_and_its_test_is_there(mutant: Mutant):
    assert (ROOT / mutant.file).read_text().count(mutant.text) == 1
    assert mutant.mutant not in (mutant.text, "")
    path, *_, name = mutant.test.split("::")
    assert f"def {name}(" in (ROOT / path).read_text()
