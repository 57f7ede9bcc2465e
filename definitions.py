"""This project's Dagster definitions: the declared pipelines, the raw data assets, the resources of the profile."""

from pathlib import Path

import dagster as dg

import assets
import resources

defs = dg.Definitions.merge(
    dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
    dg.Definitions(
        assets=dg.load_assets_from_package_module(assets),
        resources=resources.of_profile(),
        executor=dg.in_process_executor,  # of what is launched from the asset graph; starting a process takes seconds
    ),
)
