"""The model store under faults: killed processes, a full disk, several writers of one model."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from ballast.warehouse import ModelStore

HOUR = 3600

# Forks children that save 4 MB without pause. One in three dies when its file is written and has no name yet; the
# others are killed when it is there, half of them a random while later. Ballast and torch are loaded once, before.
# Prints how many files were left unfinished.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from ballast.methods.learners.torch_mlp import TorchMLP
from ballast.warehouse import ModelStore
store, unfinished = ModelStore(sys.argv[1]), Path(sys.argv[1], ".unfinished")
model = TorchMLP(hidden=(1000, 1000), max_epochs=1).fit(np.eye(4, dtype=np.float32), np.arange(4) % 2)
store.save("digits/model", 0, model)
rng = random.Random(0)
for turn in range(1, int(sys.argv[2]) + 1):
    known = set(unfinished.iterdir())
    child = os.fork()
    if child == 0:
        version = turn * 1000
        if turn % 3 == 0:
            os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        while True:
            store.save("digits/model", version := version + 1, model)
    if turn % 3 == 0:
        os.waitpid(child, 0)
        continue
    while set(unfinished.iterdir()) <= known and os.waitpid(child, os.WNOHANG) == (0, 0):
        pass
    time.sleep(max(0.0, rng.uniform(-0.005, 0.005)))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
print(len(list(unfinished.iterdir())))
"""

# Stores a model, then with room for files of so many bytes alone, as on a full disk, a larger one.
FULL = """
import resource, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from ballast.errors import ModelStoreError
from ballast.warehouse import ModelStore
store = ModelStore(sys.argv[1])
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
first = store.save("digits/model", 1, model)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
model.coef_ = np.random.default_rng(0).normal(size=(1, 100_000))
try:
    store.save("digits/model", 1, model)
except ModelStoreError as error:
    print(error)
assert store.load(first).coef_.shape == (1, 1)
"""

# Forks children that wait for each other and then save and load one model, again and again.
TOGETHER = """
import os, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from ballast.warehouse import ModelStore
store = ModelStore(sys.argv[1])
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
model.coef_ = np.random.default_rng(0).normal(size=(1, 10_000))
start, go = os.pipe()
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        try:
            os.close(go)
            os.read(start, 1)
            for _ in range(20):
                stored = store.save("digits/model", 1, model)
                assert (store.load(stored).coef_ == model.coef_).all()
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    children.append(pid)
os.close(go)
print(sum(os.waitpid(pid, 0)[1] != 0 for pid in children), "failed")
"""


def _fitted() -> LogisticRegression:
    return LogisticRegression().fit([[0.0], [1.0]], [0, 1])


def _models(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".unfinished"]


@pytest.mark.parametrize("kills", [9, pytest.param(60, marks=pytest.mark.full)])
def test_process_when_killed_while_saving_then_no_model_is_half_there(tmp_path, process, kills):
    store = ModelStore(tmp_path / "models")
    told, errors = process(KILLED, store.folder, kills).communicate(timeout=300)
    left = int(told) if told else errors
    assert isinstance(left, int), errors
    assert left >= kills // 3  # those that died amid their writing, and perhaps some of the others
    models = _models(store.folder)
    assert models
    for path in models:
        assert path.stem.split("-")[1] == hashlib.sha256(path.read_bytes()).hexdigest()[:16]

    unfinished = sorted((store.folder / ".unfinished").iterdir())
    for path in unfinished[1:]:
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 2 * HOUR))
    store.save("digits/other", 1, _fitted())
    assert list((store.folder / ".unfinished").iterdir()) == unfinished[:1]  # which somebody may still be writing
    assert len(_models(store.folder)) == len(models) + 1


def test_disk_when_full_then_told_so_and_the_old_model_is_kept(tmp_path, process):
    store = ModelStore(tmp_path / "models")
    child = process(FULL, store.folder)
    told, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors
    assert f"cannot write the model to {store.folder}/digits/model/1-" in told
    assert "File too large" in told
    assert "the disk has room" in told
    assert len(_models(store.folder)) == 1
    assert not list((store.folder / ".unfinished").iterdir())


def test_processes_when_they_save_one_model_at_once_then_all_succeed(tmp_path, process):
    store = ModelStore(tmp_path / "models")
    child = process(TOGETHER, store.folder)
    told, errors = child.communicate(timeout=300)
    assert told.strip() == "0 failed", errors
    [path] = _models(store.folder)
    assert path.stem.split("-")[1] == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert not list((store.folder / ".unfinished").iterdir())


def test_save_when_done_then_the_file_and_every_new_folders_entry_are_on_the_disk(tmp_path, monkeypatch):
    store = ModelStore(tmp_path / "new" / "models")
    synced: dict[tuple[int, int], list[str]] = {}
    real = os.fsync

    def watched(descriptor: int) -> None:
        real(descriptor)
        status = os.fstat(descriptor)
        synced[status.st_dev, status.st_ino] = os.listdir(descriptor) if stat.S_ISDIR(status.st_mode) else []

    monkeypatch.setattr(os, "fsync", watched)
    stored = store.save("digits/model", 1, _fitted())
    path = store.folder / stored.path
    for child in (path, *list(path.parents)[:5]):
        status = child.parent.stat()
        assert child.name in synced[status.st_dev, status.st_ino], child
        if child.parent == tmp_path:
            break
    assert (path.stat().st_dev, path.stat().st_ino) in synced


def test_save_when_something_abandoned_cannot_be_removed_then_saved_all_the_same(tmp_path):
    store = ModelStore(tmp_path / "models")
    store.save("digits/model", 1, _fitted())
    stray = store.folder / ".unfinished" / "folder"
    stray.mkdir()
    os.utime(stray, (0, 0))
    assert store.load(store.save("digits/model", 2, _fitted())).coef_.shape == (1, 1)
    assert list((store.folder / ".unfinished").iterdir()) == [stray]
