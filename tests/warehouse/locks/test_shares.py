"""Tickets of other machines and containers, and folders whose file locks keep nobody out."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ballast.errors import WarehouseLockedError
from ballast.warehouse import Warehouse
from ballast.warehouse.locks.processes import new_ticket, owner, ticket_of
from ballast.warehouse.locks.shares import useless_option
from ballast.warehouse.locks.turns import Queue, _lock

FRAME = pd.DataFrame({"x": [1, 2]})


@pytest.mark.parametrize("name", ["{time}-{pid}-{thread}-0", "{time}-{pid}-0123456789ab-feed.0-elsewhere"])
def test_ticket_of_a_dead_process_with_this_ones_pid_then_cleared_away(tmp_path: Path, name: str):
    queue = Queue(tmp_path / "store")
    queue.folder.mkdir()
    left = queue.folder / name.format(time=f"{1:020d}", pid=os.getpid(), thread=12)  # as a container's PID comes again
    left.touch()
    with queue.turn(5):
        assert not left.exists()
    assert list(queue.folder.iterdir()) == []


def test_ticket_of_another_host_that_lives_then_waited_for_and_named(tmp_path: Path):
    queue = Queue(tmp_path / "store")
    queue.folder.mkdir()
    with (
        _lock(queue.folder / f"{1:020d}-{os.getpid()}-0123456789ab-feed.0-other-host.lan"),
        pytest.raises(WarehouseLockedError, match=f"held by PID {os.getpid()} of other-host.lan for all of"),
        queue.turn(0.2),
    ):
        pass


def test_files_in_the_queue_that_are_not_tickets_are_left_alone(tmp_path: Path):
    queue = Queue(tmp_path / "store")
    queue.folder.mkdir()
    silly = [queue.folder / name for name in (".nfs00000000a1b2", ".DS_Store", "notes-1.txt")]
    for path in silly:
        path.touch()
    with queue.turn(5):
        assert not queue.others(1)
    assert sorted(queue.folder.iterdir()) == sorted(silly)


def test_ticket_says_whose_it_is_also_from_another_container_of_this_host():
    mine = new_ticket(5)
    assert ticket_of(str(mine)) == mine
    assert mine.is_mine
    assert owner(mine).startswith(f"PID {os.getpid()} (")
    assert owner(mine._replace(space="0123456789ab")) == f"PID {os.getpid()} of another container on {mine.host}"
    assert not mine._replace(token="feed.0").is_mine


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_ticket_of_the_parent_is_not_its_forks(tmp_path: Path):
    mine = new_ticket(5)
    child = os.fork()
    if not child:
        os._exit(int(mine.is_mine))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


CONTAINER = """
import sys
import pandas as pd
from ballast.warehouse import Warehouse
warehouse = Warehouse(sys.argv[1], timeout=60)
if sys.argv[2] == "hold":
    with warehouse.writing():
        print("holding", flush=True)
        sys.stdin.read()
print(warehouse.commit("p/x", pd.DataFrame({"x": [1]})).version)
"""


@pytest.mark.full
@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="needs root and unshare")
def test_container_killed_while_it_holds_the_warehouse_then_the_next_of_the_same_pid_goes_on(embedded: Warehouse):
    inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*inside, sys.executable, "-c", CONTAINER, embedded.url]
    holder = subprocess.Popen([*command, "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    holder.kill()
    holder.communicate()
    done = subprocess.run([*command, "go"], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "1\n", done.stderr


# A file system in which locks succeed always, or are refused, as this process sees it.
LOCKLESS = """
import errno, fcntl, os, sys
import pandas as pd
from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
warehouse, answer = Warehouse(sys.argv[1], timeout=5), int(sys.argv[2])
def flock(descriptor, operation):
    if answer:
        raise OSError(answer, os.strerror(answer))
fcntl.flock = flock
for call in (lambda: warehouse.commit("p/x", pd.DataFrame({"x": [1]})), lambda: warehouse.read("p/x")):
    try:
        call()
    except WarehouseError as error:
        print(error)
"""


@pytest.mark.parametrize("answer", [0, errno.ENOLCK, errno.EOPNOTSUPP])
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_folder_whose_locks_do_nothing_then_refused_with_what_to_do(embedded: Warehouse, process, answer: int):
    embedded.commit("p/x", FRAME)
    output, errors = process(LOCKLESS, embedded.url, answer).communicate(timeout=120)
    told = output.splitlines()
    assert len(told) == 2, errors
    for line in told:
        assert line.startswith(f"file locks do nothing in {embedded.home.path}.queue: ")
        assert "without nolock" in line
        assert "ducklake:postgresql://" in line
    assert len(embedded.commits()) == 1
    assert list(Path(f"{embedded.home.path}.queue").iterdir()) == []


MOUNTS = """\
29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
97 29 0:52 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2,hard,local_lock=none,addr=10.0.0.1
98 29 0:53 / /scratch rw,relatime shared:3 - nfs server:/scratch rw,vers=3,nolock,local_lock=all,addr=10.0.0.1
99 29 0:54 / /lustre rw,relatime - lustre mds@tcp:/lus rw,localflock
"""


@pytest.mark.parametrize(
    ("device", "option"),
    [((8, 1), None), ((0, 52), None), ((0, 53), "nolock"), ((0, 54), "localflock"), ((0, 99), None)],
)
def test_mount_whose_locks_other_machines_do_not_see_is_known_by_its_options(device, option):
    assert useless_option(MOUNTS, os.makedev(*device)) == option
    assert useless_option("", os.makedev(*device)) is None
