"""What peers do with small problems whose answers are known: docs/peers.md states them with the versions.

    python benchmarks/facts.py

Each peer has the virtual environment that ``benchmarks/weights.py`` makes of it, too. Prints a line of JSON a fact.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from weights import ENVIRONMENTS, PEERS, python_of

WORKER = Path(__file__).parent / "peers" / "facts.py"
PEERS["imblearn"] = ["imbalanced-learn==0.14.2"]
FACTS = {
    "skada_direction": ("skada", "skada"),
    "ballast_direction": ("", "dagster-ballast"),
    "skada_bound": ("skada", "skada"),
    "ballast_bound": ("", "dagster-ballast"),
    "densratio_alpha": ("densratio", "densratio"),
    "ballast_alpha": ("", "dagster-ballast"),
    "imbalanced_weights": ("imblearn", "imbalanced-learn"),
    "expectations_unknown": ("", "great-expectations"),
}
"""By name, the environment ("" for this one) and the package whose version is told."""


def main() -> None:
    ENVIRONMENTS.mkdir(exist_ok=True)
    for name, (tool, package) in FACTS.items():
        done = subprocess.run([python_of(tool), str(WORKER), name, package], capture_output=True, text=True)
        print(name, done.stdout.strip() or f"failed: {done.stderr.strip().splitlines()[-1:]}", flush=True)


if __name__ == "__main__":
    main()
