"""The terminal that the commands write to."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import suppress
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal does not print but obeys: control characters and turns of the writing's direction."""


def harmless(text: str) -> str:
    """Gives a text whose characters a terminal prints; those that it would obey are written as escapes."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Terminal(Console):
    """A console on which data can do nothing but be read, and that goes on when nobody reads it any more."""

    def __init__(self, *, stderr: bool = False, file: TextIO | None = None) -> None:
        super().__init__(stderr=stderr, file=file, emoji=False)

    def render_str(self, text: str, **settings: Any) -> Text:
        return super().render_str(harmless(text), **settings)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        abandon(self.file)


out = Terminal()
err = Terminal(stderr=True)


def write_out(text: str) -> None:
    """Writes a text for programs as it is, in UTF-8; on a terminal its characters are made harmless."""
    stream = sys.stdout
    if stream is None:
        return
    try:
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.flush()
            stream.buffer.write(text.encode())
        else:
            stream.write(harmless(text))
        stream.flush()
    except BrokenPipeError:
        abandon(stream)


def abandon(stream: TextIO | Any) -> None:
    """Lets what is still to be written to a stream go nowhere."""
    with suppress(OSError, ValueError):  # a stream without a file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
