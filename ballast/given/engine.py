"""What DuckDB says of an error, without what only its user should read."""

from __future__ import annotations

import re

from ballast.words import one_line

_SECRET = re.compile(r"(?<=://)[^/\s'\"@]*@|(?<=\?)[^\s'\"]*=[^\s'\"]*")
"""What an address may hold of a user's: a name and password before the host, and signatures behind the path."""


def said(error: Exception, query: str) -> str:
    """Gives DuckDB's message without the lines it quotes from a query, and with the query's literals left out."""
    message = _SECRET.sub("***", str(error)).strip().split("\n\nLINE ")[0].splitlines()
    message = [line for line in message if not re.match(r"LINE \d+:|\s*\^", line)]
    text = " ".join(message[:4])
    if "not utf-8 encoded" in text:
        return "it is not UTF-8: name its encoding with `options: {encoding: latin-1}` (or utf-16), or save it as UTF-8"
    if "state machine reached an invalid state" in text:
        return "its lines end in different ways, or a quote is not closed: save it with one kind of line end"
    text = text.partition("Possible fixes:")[0].partition("Possible Solution:")[0]
    if text.startswith("Parser Error"):
        return "Parser Error: it is not valid SQL" + (_place(str(error)) if query else "")
    for value in sorted({part for part in re.split(r"['\"$;]|\s", query) if len(part) > 3}, key=len, reverse=True):
        if value in _literals(query):
            text = text.replace(value, "***")
    return one_line(text, 300)


def _literals(query: str) -> str:
    return "\n".join(re.findall(r"'(?:[^']|'')*'|\$\w*\$.*?\$\w*\$", query, re.DOTALL))


def _place(message: str) -> str:
    line = re.search(r"LINE (\d+):", message)
    return f" (line {line.group(1)})" if line else ""
