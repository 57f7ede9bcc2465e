"""The files of a Dagster project of several pipelines."""

from pathlib import Path

PYPROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "{name}"
defs_module = "{name}.defs"
code_location_target_module = "{name}.definitions"
"""
DEFINITIONS = """
from pathlib import Path

import dagster as dg
import pandas as pd

from ballast import BallastResource

@dg.asset(deps=[dg.AssetKey(["made", "drift"])])
def pool() -> pd.DataFrame:
    return pd.DataFrame()

@dg.asset
def spring() -> pd.DataFrame:
    return pd.DataFrame()

@dg.definitions
def defs():
    own = dg.Definitions(assets=[pool, spring], resources={"ballast": BallastResource(folder="/nowhere")})
    return dg.Definitions.merge(dg.load_from_defs_folder(path_within_project=Path(__file__).parent), own)
"""
DECLARED = """
type: ballast.Pipeline
attributes:
  name: {name}
  data: {{train: {{{source}, id: id}}, target: {{path: target.csv, id: id}}}}
  steps:
    drift: {{use: kolmogorov_smirnov}}
"""
PLAIN = DECLARED.format(name="plain", source="path: a.csv")


def file(shop: Path, pipeline: str) -> Path:
    return next(shop.glob(f"*/defs/{pipeline}")) / "defs.yaml"
