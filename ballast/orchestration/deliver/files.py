"""Predictions in a Parquet or CSV file, or in a folder of Parquet with a file a partition."""

from __future__ import annotations

import filecmp
import hashlib
import re
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
from pyarrow import csv, parquet

from ballast.files import whole
from ballast.orchestration.deliver.delivery import STEP, Delivery
from ballast.orchestration.read.files import located
from ballast.words import listed, one_line

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


def place_of(path: str, folder: Path) -> Path:
    """Gives where a target's file or folder is, links followed."""
    return located(path, folder).resolve()


def file_of(partition: str) -> str:
    """Gives the name of a partition's file, which no other partition's has, on disks that ignore case neither.

    >>> file_of("2026-01-01"), file_of("at/de")
    ('2026-01-01.parquet', 'at%2Fde-1dfe0f31.parquet')
    """
    if _PLAIN.fullmatch(partition):
        return f"{partition}.parquet"
    digest = hashlib.sha256(partition.encode()).hexdigest()[:8]
    return f"{quote(partition, safe='').lstrip('.')[:100]}-{digest}.parquet"


def write_files(delivery: Delivery) -> bool:
    """Writes the rows in place of what the file held, whole or not at all; gives whether that was anything else."""
    path = place_of(str(delivery.target.path), delivery.folder)
    try:
        if not path.parent.is_dir():
            raise delivery.error(f"there is no folder {path.parent}; make it, or correct `to:`")
        if delivery.target.kind == "folder":
            path.mkdir(exist_ok=True)
            path /= file_of(str(delivery.partition))
        return _replaced(delivery, path)
    except (OSError, pa.ArrowException) as error:
        why = f"{one_line(str(error), 200)}; see that {path.parent} is a folder that can be written to, and has room"
    raise delivery.error(why)


def _replaced(delivery: Delivery, path: Path) -> bool:
    if path.exists() and not path.is_file():
        raise delivery.error("a folder, a pipe or a device is there; name a file")
    if path.exists():
        steps = _steps_in(path)
        if steps is None:
            raise delivery.error("the file there is not of rows that a step wrote; remove it, or name another one")
        if others := [step for step in steps if step != delivery.step]:
            raise delivery.error(f"the file holds the rows of {listed(others)}; remove it, or name another one")
    write = csv.write_csv if path.suffix == ".csv" else parquet.write_table
    with whole(path) as fresh:
        write(delivery.rows(), str(fresh))
        if path.exists() and filecmp.cmp(fresh, path, shallow=False):
            fresh.unlink()
            return False
    return True


def _steps_in(path: Path) -> list[str] | None:
    """Gives the steps whose rows a file holds; None of a table that no step wrote, and of what is not a table."""
    lines = csv.ParseOptions(newlines_in_values=True)
    try:
        if path.suffix == ".csv":
            if STEP not in csv.open_csv(str(path), parse_options=lines).schema.names:
                return None
            options = csv.ConvertOptions(include_columns=[STEP], column_types={STEP: pa.string()})
            column = csv.read_csv(str(path), parse_options=lines, convert_options=options).column(STEP)
        else:
            if STEP not in parquet.read_schema(str(path)).names:
                return None
            column = parquet.read_table(str(path), columns=[STEP]).column(STEP)
    except (pa.ArrowException, UnicodeDecodeError):  # cut off, or something else by that name
        return None
    except OSError as error:
        if error.errno is not None:  # the disk's word, not that of Arrow on what is in the file
            raise
        return None
    return [str(step) for step in column.unique().to_pylist()]
