"""The command line: ``ballast run | check | catalog | sql | report | init``."""

from ballast.cli.app import app

__all__ = ["app"]
