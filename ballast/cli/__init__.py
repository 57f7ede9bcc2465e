"""The command line: ``ballast run | check | catalog | sql | ls | prune | report | adopt | init``."""

import signal
import threading

_in_front = threading.current_thread() is threading.main_thread()
_asked = signal.signal(signal.SIGINT, signal.SIG_DFL) if _in_front else None  # Ctrl-C while this loads: no traceback

from ballast.cli.app import app  # noqa: E402

if _in_front:
    signal.signal(signal.SIGINT, _asked)

__all__ = ["app"]
