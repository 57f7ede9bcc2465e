"""What a long step says in Dagster's log: how far it is, and not too often."""

from __future__ import annotations

from ballast.compute.progress import listening, tell
from ballast.methods.learners import TorchMLP
from ballast.orchestration.graph.spoken import sparing
from tests.orchestration.projects import rows


def test_log_has_a_line_a_minute_at_most():
    now, lines = [0.0], []
    with listening(sparing(lines.append, "demo/net", lambda: now[0])):
        for epoch in range(1, 41):
            tell("epoch", epoch, 40)
            now[0] += 7.0
    assert lines == [f"demo/net: epoch {n} of 40" for n in (10, 19, 28, 37)]


def test_network_says_of_each_epoch_when_it_begins_and_nobody_need_listen():
    table, heard = rows(40, seed=1), []
    X, y = table[["height", "width"]].to_numpy(), table["kind"].to_numpy()
    network = TorchMLP(hidden=(4,), max_epochs=3, patience=None, random_state=0)
    with listening(lambda *told: heard.append(told)):
        network.fit(X, y)
    assert heard == [("epoch", 1, 3), ("epoch", 2, 3), ("epoch", 3, 3)]
    alone = TorchMLP(hidden=(4,), max_epochs=3, patience=None, random_state=0).fit(X, y)
    assert (alone.predict_proba(X) == network.predict_proba(X)).all()
    assert len(heard) == 3
