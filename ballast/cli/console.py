"""The terminal that the commands write to, and the exit codes that they end with."""

from __future__ import annotations

from rich.console import Console

out = Console()
err = Console(stderr=True)

CLOSED, FAILED, INTERRUPTED = 1, 2, 130
"""Exit codes: a gate is closed; something could not be done; stopped by Ctrl-C."""
