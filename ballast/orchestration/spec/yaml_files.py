"""Reads YAML files that may be broken or hostile: bounded before they are built, refused with file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from ballast.errors import SpecError
from ballast.words import one_line

LARGEST_FILE = 2**20
"""Bytes that a YAML file may have: 1 MiB."""
MOST_VALUES = 50_000
"""Keys and values that a YAML file may hold, each alias counted as all that it stands for."""
DEEPEST = 50
"""Levels to which lists and mappings may be nested."""
LONGEST_NUMBER = 100
"""Characters that a whole number may have."""

_BOOL, _MERGE, _NULL, _TEXT, _TIMESTAMP, _WHOLE_NUMBER = (
    f"tag:yaml.org,2002:{kind}" for kind in ("bool", "merge", "null", "str", "timestamp", "int")
)


@dataclass(frozen=True)
class Document:
    """One document of a YAML file: its value, and the line of each key, such as that of "steps.density.use"."""

    value: Any
    lines: dict[str, int]


class _RefusedError(Exception):
    """What is wrong with a text, and in which line."""

    def __init__(self, message: str, mark: Any = None) -> None:
        super().__init__(message if mark is None else f"line {mark.line + 1}: {message}")


def read_text(file: Path, where: str) -> str:
    """Gives the text of a YAML file.

    Raises SpecError for what is not an ordinary file, cannot be read, is larger than `LARGEST_FILE`, or is not UTF-8.
    """
    try:
        if file.exists() and not file.is_file():
            raise SpecError(f"{where}: is a folder, a pipe or a device, not a file; put a YAML file there")
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # the latter for a name with a NUL in it
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError(f"{where}: cannot be read: {reason}; correct the path or its permissions") from error
    if len(raw) > LARGEST_FILE:
        raise SpecError(
            f"{where}: is larger than {LARGEST_FILE // 2**20} MiB, the most that is read; move what is long, "
            "such as lists of values, into tables or steps of their own"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SpecError(
            f"{where}: line {line}: is not UTF-8 text (byte 0x{raw[error.start]:02x}); save the file as UTF-8"
        ) from error


def documents(text: str, where: str) -> list[Document]:
    """Gives the documents of a YAML text; `where` ("pipelines/x/defs.yaml") opens every message.

    Raises SpecError naming the line for text that is not YAML, for one that is nested deeper than `DEEPEST` or holds
    more than `MOST_VALUES` keys and values, and for tags, keys that occur twice and keys that are not a plain value.
    """
    try:
        _check_extent(text)
        return list(_Loader(text).documents())
    except _RefusedError as refusal:
        raise SpecError(one_line(f"{where}: {refusal}")) from refusal
    except yaml.YAMLError as error:
        raise SpecError(one_line(f"{where}: cannot be read as YAML: {_problem(error, text)}")) from error


def _check_extent(text: str) -> None:
    """Follows the events of a text, of which none is kept, and counts what building it would make."""
    total = 0
    sizes: dict[str, int] = {}  # values that an anchor stands for
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and the total before it
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        if not isinstance(event, yaml.NodeEvent | yaml.DocumentStartEvent):
            continue
        if (tag := getattr(event, "tag", None)) is not None:
            raise _RefusedError(
                f"the tag {tag.replace('tag:yaml.org,2002:', '!!')!r} is not allowed; remove it, and put the value in "
                "quotes if it is text",
                event.start_mark,
            )
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                raise _RefusedError(f"the alias '*{event.anchor}' stands within its own anchor", event.start_mark)
            total += sizes.get(event.anchor, 1) - 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
        elif isinstance(event, yaml.ScalarEvent) and event.anchor is not None:
            sizes[event.anchor] = 1
        total += 1
        if len(open_nodes) > DEEPEST:
            raise _RefusedError(
                f"lists and mappings are nested more than {DEEPEST} levels deep; is a bracket not closed?",
                event.start_mark,
            )
        if total > MOST_VALUES:
            raise _RefusedError(
                f"the file holds more than {MOST_VALUES} keys and values, those that aliases (*name) stand for "
                "included; use fewer, or move them into a table",
                event.start_mark,
            )


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast


class _Loader(_Base):
    """YAML as Dagster reads it (dates stay text), its keys and values checked before it is built."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def documents(self) -> Iterator[Document]:
        while self.check_node():
            node = cast("yaml.Node", self.get_node())
            assert node is not None  # as check_node has said
            lines = {".".join(path): line for path, line in self.lines(node, ())}
            yield Document(self.construct_document(node), lines)

    def lines(self, node: yaml.Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
        """Gives the line of every key and item, and refuses keys and values that cannot be meant."""
        if isinstance(node, yaml.ScalarNode):
            self.scalar(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                at = (*path, str(position))
                yield at, item.start_mark.line + 1
                yield from self.lines(item, at)
        elif isinstance(node, yaml.MappingNode):
            seen: dict[Any, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                name = self.key(key, path)
                at = (*path, str(name))
                if name in seen:
                    raise _RefusedError(
                        f"{_dotted(at)}: this key occurs twice, in lines {seen[name]} and {line}; remove one",
                        key.start_mark,
                    )
                seen[name] = line
                yield at, line
                yield from self.lines(value, path if key.tag == _MERGE else at)

    def key(self, node: yaml.Node, path: tuple[str, ...]) -> Any:
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL:
            what = "null" if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
            raise _RefusedError(f"{_dotted(path)}: a key is {what}; put it in quotes, as text", node.start_mark)
        if node.tag == _BOOL and node.value.lower() not in ("true", "false"):
            node.tag = _TEXT  # steps have a key `on`, which YAML 1.1 takes for true
        return "<<" if node.tag == _MERGE else self.scalar(node, path)

    def scalar(self, node: yaml.ScalarNode, path: tuple[str, ...]) -> Any:
        if node.tag == _WHOLE_NUMBER and len(node.value) > LONGEST_NUMBER:
            raise _RefusedError(
                f"{_dotted(path)}: a number of {len(node.value)} characters, more than {LONGEST_NUMBER}; "
                "put it in quotes if it is text",
                node.start_mark,
            )
        try:
            return self.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:  # such as 0x_ and =
            raise _RefusedError(
                f"{_dotted(path)}: {node.value!r} is not a value that YAML knows; put it in quotes if it is text",
                node.start_mark,
            ) from error


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(one_line(part, 80) for part in path) or "the top level"


def _problem(error: yaml.YAMLError, text: str) -> str:
    """Words an error of the parser: the line, what is wrong, and while what was read."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line}: the character U+{ord(text[error.position]):04X} is not allowed; remove it"
    if not isinstance(error, yaml.MarkedYAMLError):
        return str(error)
    mark = error.problem_mark or error.context_mark
    said = ", ".join(part for part in (error.problem, error.context) if part)
    return said if mark is None else f"line {mark.line + 1}: {said}"
