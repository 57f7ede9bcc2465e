"""What a model's folder needs of an environment that loads it: distributions, in the versions it was written with."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, packages_distributions, version

BALLAST = "dagster-ballast"
_ALWAYS = ("numpy", "pandas", "pyarrow", "pydantic", "scikit-learn", "scipy", "skops", "threadpoolctl")
_OF_NETWORKS = ("safetensors", "torch")
_MODULE = re.compile(rb'"__module__":\s*"(\w+)')


def needed(parts: Iterable[tuple[str, bytes]]) -> str:
    """Gives the text of a requirements file for models of these formats and bytes.

    Ballast is named in a remark only: with what it requires of its own, pipelines would come, too.
    """
    lines = [pinned(package) for package in packages_of(parts)]
    head = "# What loading this model needs: pip install -r requirements.txt"
    tail = f"# and Ballast without what its pipelines need, such as Dagster: pip install --no-deps {pinned(BALLAST)}"
    return "\n".join([head, *lines, tail]) + "\n"


def packages_of(parts: Iterable[tuple[str, bytes]]) -> list[str]:
    """Gives the distributions, sorted, that hold the types in models of these formats and bytes, and their readers."""
    found, of_module = set(_ALWAYS), packages_distributions()
    for kind, data in parts:
        if kind == "safetensors":
            found |= set(_OF_NETWORKS)
            continue
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            modules = {name.decode() for name in _MODULE.findall(archive.read("schema.json"))}
        found |= {package for module in modules for package in of_module.get(module, [])}
    return sorted(package for package in found - {BALLAST} if version_of(package))


def pinned(package: str) -> str:
    """Gives the requirement of the installed version, without what tells builds of it apart, such as "+cpu"."""
    return f"{package}=={version_of(package).partition('+')[0]}"


def version_of(package: str) -> str:
    """Gives the installed version of a distribution, "" where it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
