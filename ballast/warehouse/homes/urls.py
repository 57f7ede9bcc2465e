"""URLs of warehouses: what they mean, and how they are shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit, urlunsplit

from ballast.errors import WarehouseError

_VALID = (
    "'duckdb:///folder/name.duckdb' (relative), 'duckdb:////folder/name.duckdb' (absolute), "
    "'ducklake:sqlite:///folder/name.sqlite' and "
    "'ducklake:postgresql://user@host:5432/database?data_path=/shared/folder'"
)


_SECRET = frozenset({"password", "passfile", "sslpassword"})


def secrets(uri: str) -> set[str]:
    """Gives the passwords in a URI, as they are written there and as they are meant."""
    parts = urlsplit(uri)
    said = [] if parts.password is None else [parts.password]
    said += [value for key, value in parse_qsl(parts.query) if key.casefold() in _SECRET]
    return {form for text in said if text for form in (text, unquote(text), quote(text), quote_plus(text))}


def without_password(url: str) -> str:
    """Gives a URL as it may be shown and logged."""
    inner = url.removeprefix("ducklake:")
    try:
        parts = urlsplit(inner)
    except ValueError:  # it is not a URL: show only what cannot hold a password
        return f"{url.partition('://')[0]}://..."
    query = [(key, "***" if key.casefold() in _SECRET else value) for key, value in parse_qsl(parts.query)]
    if parts.password is None and not any(value == "***" for _, value in query):
        return url
    user, _, host = parts.netloc.rpartition("@")
    place = f"{user.partition(':')[0]}:***@{host}" if parts.password is not None else parts.netloc
    shown = urlunsplit(parts._replace(netloc=place, query=urlencode(query, safe="*/:")))
    return url[: len(url) - len(inner)] + shown


def parsed(url: str) -> tuple[str, str, str | None]:
    """Gives the kind of home ("duckdb", "sqlite" or "postgres"), its place, and the lake's data path if one is given.

    As SQLAlchemy reads it: three slashes before a relative path, four before an absolute. The place is an absolute
    path or, of Postgres, a URI.
    """
    lake = url.startswith("ducklake:")
    inner = url.removeprefix("ducklake:")
    scheme, separator, rest = inner.partition("://")
    if "\0" in url:
        raise WarehouseError(f"warehouse url {url!r} holds a NUL; valid are {_VALID}")
    kinds = {"sqlite": "sqlite", "postgresql": "postgres", "postgres": "postgres"} if lake else {"duckdb": "duckdb"}
    if not separator or scheme not in kinds:
        raise WarehouseError(f"warehouse url {without_password(url)!r} is not supported; valid are {_VALID}")
    kind = kinds[scheme]
    if kind == "duckdb":
        return kind, _file(url, rest), None
    try:
        parts = urlsplit(inner)
    except ValueError as error:
        raise WarehouseError(
            f"warehouse url {without_password(url)!r} is not one: {error}; valid are {_VALID}"
        ) from error
    query = dict(parse_qsl(parts.query))
    data = _folder(url, query.pop("data_path", None))
    if kind == "sqlite":
        return kind, _file(url, rest.partition("?")[0]), data
    if len(parts.path) < 2:
        raise WarehouseError(f"warehouse url {without_password(url)!r} names no database; valid are {_VALID}")
    if data is None:
        raise WarehouseError(
            f"warehouse url {without_password(url)!r} does not say where the tables' files go; "
            "add ?data_path=/shared/folder (or s3://bucket/folder)"
        )
    return kind, urlunsplit(parts._replace(query=urlencode(query))), data


def _file(url: str, rest: str) -> str:
    if not rest.startswith("/") or not rest[1:] or rest[1:].endswith("/") or rest[1:].startswith(":memory:"):
        raise WarehouseError(f"warehouse url {url!r} names no file; valid are {_VALID}")
    return _absolute(url, rest[1:])


def _folder(url: str, data: str | None) -> str | None:
    """Gives a lake's folder as it stays whatever the current folder becomes; a bucket as it is."""
    return data if data is None or "://" in data else _absolute(url, data)


def _absolute(url: str, path: str) -> str:
    try:
        return str(Path(path).expanduser().resolve())
    except (RuntimeError, OSError) as error:  # the home of a user that does not exist, a loop of links
        raise WarehouseError(f"warehouse url {without_password(url)!r} names no place: {error}") from error
