"""What a class depends on is what its imports reach, and nothing that is prose."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grimp
import pytest

import ballast
from ballast.methods.frame.closure import closure, digest_of
from ballast.methods.frame.index import index
from tests.packaging.test_layers import HEAVY, loaded_by

OWN = """
from my_methods.helpers import shifted

class Own:
    \"\"\"Weighs.\"\"\"
    name = "own"
    reference = "Somebody, somewhere, 2020"

    def fit(self, X):
        from ballast.methods.weights import DoReMi
        return shifted(X)
"""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("ballast", exclude_type_checking_imports=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package, and a user's own modules beside it."""
    shutil.copytree(Path(ballast.__path__[0]), tmp_path / "ballast", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "my_methods").mkdir()
    (tmp_path / "my_methods" / "own.py").write_text(OWN)
    (tmp_path / "my_methods" / "helpers.py").write_text("def shifted(X):\n    return X + 1\n")
    (tmp_path / "my_methods" / "unused.py").write_text("A = 1\n")
    return tmp_path


def digests(tree: Path) -> dict[str, str]:
    """Gives the digests of all methods, and of a user's own, as a new process finds them."""
    script = (
        "import json; from ballast.methods.frame.closure import digest; from ballast.methods.frame.index import index\n"
        "print(json.dumps({name: digest(name) for name in [*index(), 'my_methods.own.Own']}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tree, capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def changed_by(tree: Path, file: str, change: Callable[[str], str]) -> set[str]:
    """Gives the methods whose digest another text of a file changes."""
    before, path = digests(tree), tree / file
    text = path.read_text(encoding="utf-8")
    path.write_text(change(text), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    after = digests(tree)
    return {name for name, digest in before.items() if after[name] != digest}


@pytest.mark.parametrize("name", index())
def test_closure_when_a_method_is_followed_then_it_is_what_the_import_linter_finds(name, graph):
    module = index()[name].module
    assert closure(module) == {module, *graph.find_upstream_modules(module)}


def test_closure_when_it_is_imported_then_nothing_heavy_loads():
    modules, _ = loaded_by("from ballast.methods.frame.closure import digest; digest('kliep')")
    assert not modules & HEAVY


def test_digest_when_a_shared_helpers_constant_changes_then_its_methods_change_and_no_others(tree):
    helper = "ballast/methods/weights/mixture/_proxy.py"
    changed = changed_by(tree, helper, lambda text: text.replace("HELD_OUT_ROWS = 4096", "HELD_OUT_ROWS = 4095"))
    assert changed == {"doremi", "aioli", "group_dro", "data_mixing_law", "my_methods.own.Own"}


def test_digest_when_a_name_is_taken_from_another_module_then_changes(tree):
    """Though both modules are reached either way, and the code below says the same name."""
    own = tree / "my_methods" / "own.py"
    (tree / "my_methods" / "unused.py").write_text("def shifted(X):\n    return X + 2\n")
    own.write_text("import my_methods.unused\n" + own.read_text())
    other = changed_by(
        tree, "my_methods/own.py", lambda text: text.replace("from my_methods.helpers", "from my_methods.unused")
    )
    assert other == {"my_methods.own.Own"}


def test_digest_when_prose_changes_then_none_does(tree):
    """The docstring, the card, comments, the words of a constant and of an error, and imports for type checkers."""
    room = "ballast/methods/weights/mixture"

    def card(text: str) -> str:
        told = re.sub(r"reference = \(\n", 'reference = (\n        "Others, 1066. "\n', text).replace("Use ", "Do use ")
        return told.replace('"partly",', '"reproduced",')

    def prose(text: str) -> str:
        told = text.replace("import torch\n\n        self", "import torch  # when it is needed\n\n        self")
        return (
            told.replace('"""Rows of a domain', '"""The rows of a domain')
            .replace("    import torch\n\nMove", "    import torch\n    import os\n\nMove")
            .replace("there is nothing ", "nothing is there ")
        )

    assert card((tree / room / "doremi.py").read_text()).count("Others, 1066") == 1
    assert changed_by(tree, f"{room}/doremi.py", card) == set()
    assert changed_by(tree, f"{room}/_proxy.py", prose) == set()


def test_digest_when_a_users_own_helper_changes_then_the_users_method_does(tree):
    assert changed_by(tree, "my_methods/helpers.py", lambda text: text.replace("+ 1", "+ 2")) == {"my_methods.own.Own"}
    assert changed_by(tree, "my_methods/unused.py", lambda text: text.replace("1", "2")) == set()


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [("X + 1", "X + 2", False), ("RATE = 0.5", "RATE = 0.25", False), ("# once", "# twice", True)],
)
def test_digest_when_a_module_is_edited_after_its_import_then_is_of_what_was_imported(tree, old, new, same):
    """So that the next process, which imports the new text, finds nothing to reuse."""
    own = tree / "my_methods" / "own.py"
    known = "\n\ndef known(x):\n    return x in {'a', 'b', 'c', 'd'}\n"  # whose order differs by process
    added = "\n\nRATE = 0.5\n\n\ndef one_more(X):\n    return X + 1  # once\n"
    own.write_text(own.read_text() + added + known)
    script = f"""
import pathlib, my_methods.own
from ballast.methods.frame.closure import digest
file = pathlib.Path({str(own)!r})
if EDIT:
    file.write_text(file.read_text().replace({old!r}, {new!r}))
print(digest(my_methods.own.Own))
"""

    def printed(edit: bool) -> str:
        code = script.replace("EDIT", str(edit))
        env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "random"}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    unedited, edited_late, afterwards = printed(False), printed(True), printed(False)
    assert (edited_late == afterwards) is same
    assert (afterwards == unedited) is same


def test_digest_when_pytest_rewrites_a_modules_assertions_then_is_of_what_the_file_says():
    """Which is the same in any process, by any Python and any pytest."""
    code = f"from ballast.methods.frame.closure import digest_of; print(digest_of([{__name__!r}]))"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert sys.modules[__name__].__loader__.__class__.__name__ == "AssertionRewritingHook"
    assert done.stdout.strip() == digest_of([__name__])


def test_digest_when_code_names_a_method_then_that_method_is_reached(tree):
    """As a default does: ``learner="ridge_regression"``."""
    (tree / "my_methods" / "helpers.py").write_text('def shifted(X, learner="kliep"):\n    return X\n')
    kliep = "ballast/methods/weights/ratio/kliep.py"
    changed = changed_by(
        tree, kliep, lambda text: text.replace("def fit(", "def also(self):\n        pass\n\n    def fit(")
    )
    assert {"kliep", "my_methods.own.Own"} <= changed
    assert "doremi" not in changed


UNREADABLE = {
    "named and not Python": {
        "my_methods/helpers.py": 'KIN = "my_methods.kin.Kin"\n',
        "my_methods/kin.py": "class Kin(:\n",
    },
    "names taken in a circle": {
        "my_methods/helpers.py": "from my_circle.one import thing\n",
        "my_circle/__init__.py": "",
        "my_circle/one/__init__.py": "from my_circle.two import thing\n",
        "my_circle/two/__init__.py": "from my_circle.one import thing\n",
    },
}
"""Files of a user's that no run could use, which the digest of what names them must survive."""


@pytest.mark.parametrize("case", UNREADABLE)
def test_digest_when_a_named_file_is_of_no_use_then_given_all_the_same(case, tree):
    for file, text in UNREADABLE[case].items():
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).write_text(text)
    assert digests(tree)["my_methods.own.Own"]


def test_digest_when_the_file_of_a_loaded_module_is_gone_then_given_all_the_same(tree):
    (tree / "my_methods" / "helpers.py").write_text('KIN = "my_methods.kin.Kin"\n')
    (tree / "my_methods" / "kin.py").write_text("class Kin: ...\n")
    script = (
        "import my_methods.kin, pathlib; pathlib.Path(my_methods.kin.__file__).unlink()\n"
        "from ballast.methods.frame.closure import digest; print(digest('my_methods.own.Own'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tree, capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr
