"""How much memory there is, in containers too, and as somebody writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.compute.memory import default_budget, in_bytes, in_words, machine_memory
from ballast.errors import ParameterError


@pytest.mark.parametrize(
    ("written", "size"),
    [("4GiB", 2**32), ("4 gib", 2**32), ("500MB", 500_000_000), ("1.5K", 1500), ("64Mi", 2**26), (1000, 1000)],
)
def test_memory_when_written_as_people_do_then_it_is_understood(written: str | int, size: int) -> None:
    assert in_bytes(written) == size


@pytest.mark.parametrize("written", ["", "much", "-1GB", "0", "4 GiBs", "1e9", "GiB"])
def test_memory_when_it_is_no_amount_then_the_error_shows_how_to_write_it(written: str) -> None:
    with pytest.raises(ParameterError, match=r"BALLAST_MEMORY: .* is not an amount of memory; write it as in 4GiB"):
        in_bytes(written, "BALLAST_MEMORY")


def test_words_when_bytes_are_many_then_the_unit_fits() -> None:
    assert [in_words(n) for n in (12, 2048, 5 * 2**20, 3 * 2**29, 2**41)] == [
        "12 bytes", "2.0 KiB", "5.0 MiB", "1.5 GiB", "2.0 TiB",
    ]  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemFree: 5 kB\nMemTotal:       24000 kB\n")
    (tmp_path / "proc/self/cgroup").write_text("0::/jobs/mine\n")
    (tmp_path / "sys/fs/cgroup/jobs/mine").mkdir(parents=True)
    return tmp_path


def test_machine_when_nothing_limits_it_then_all_of_its_memory_counts(machine: Path) -> None:
    (machine / "sys/fs/cgroup/jobs/mine/memory.max").write_text("max\n")
    assert machine_memory(machine) == 24_000 * 1024


@pytest.mark.parametrize(
    "file", ["memory.max", "memory/memory.limit_in_bytes", "jobs/memory.max", "jobs/mine/memory.max"]
)
def test_machine_when_a_container_limits_it_then_the_least_limit_counts(machine: Path, file: str) -> None:
    (machine / "sys/fs/cgroup" / file).parent.mkdir(exist_ok=True)
    (machine / "sys/fs/cgroup" / file).write_text("1000000\n")
    assert machine_memory(machine) == 1_000_000


def test_budget_when_nothing_is_said_then_it_is_half() -> None:
    assert default_budget() == machine_memory() // 2
