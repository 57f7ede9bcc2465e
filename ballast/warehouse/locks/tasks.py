"""What one thread of this process has at a time, and the tasks of an event loop that share their thread."""

from __future__ import annotations

import threading


class Turn:
    """Whose of this process's threads it is: one thread's at a time, and all its tasks have it together.

    A task cannot wait for another one of its thread: while it waits, the other could not go on.
    """

    def __init__(self) -> None:
        self._free = threading.Lock()
        self._thread: int | None = None
        self.users = 0

    def take(self, timeout: float) -> bool:
        """Joins the other tasks of this thread, or waits for another thread to leave; False if that takes too long.

        Whoever finds `users` at 1 is the first.
        """
        if self._thread == threading.get_ident():
            self.users += 1
            return True
        if not self._free.acquire(timeout=timeout):
            return False
        self._thread, self.users = threading.get_ident(), 1
        return True

    def take_idle(self) -> bool:
        """Takes it if nobody has it, this thread included, without waiting."""
        if not self._free.acquire(blocking=False):
            return False
        self._thread, self.users = threading.get_ident(), 1
        return True

    def leave(self) -> None:
        """Gives it back, once for each time that it was taken."""
        self.users -= 1
        if not self.users:
            self._thread = None
            self._free.release()
