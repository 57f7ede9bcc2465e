"""Alerts: what closed and what failed is posted once a version, to a server that does not always answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest
import yaml

from ballast.errors import BallastError, SpecError
from ballast.orchestration.graph.alerts import TRIES, post
from ballast.orchestration.projects.find import find
from tests.orchestration.conftest import CLOSED
from tests.orchestration.projects import Project, spec


class Server:
    """A webhook on this machine that refuses the first posts, and keeps the others."""

    def __init__(self) -> None:
        self.refuses = 0
        self.asked = 0
        self.taken: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.asked > outer.refuses:
                    outer.taken.append(json.loads(body))
                self.send_response(200 if outer.asked > outer.refuses else 503)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/secret"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever)
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def tick(project: Project, cursor: str | None) -> str | None:
    """Evaluates the sensor of the alerts and gives its cursor."""
    sensor = project.definitions.resolve_sensor_def("demo_alerts")
    context = dg.build_sensor_context(project.instance, cursor=cursor, resources={"ballast": project.resource})
    return sensor.evaluate_tick(context).cursor or cursor


def test_what_closed_is_told_once_a_version_though_the_server_fails_twice(stopped: Project, server: Server):
    server.refuses = 2
    alerts = {"webhook": server.url, "on": ["closed"]}
    stopped.attributes = spec(gates=CLOSED, alerts=alerts, report_url="https://reports.example/r/")
    cursor = tick(stopped, None)
    assert server.asked == 3
    (message,) = server.taken
    (alert,) = message["alerts"]
    assert (message["pipeline"], alert["event"]) == ("demo", "closed")
    assert (alert["asset"], alert["version"]) == ("demo/density", 1)
    (gate,) = alert["gates"]
    assert gate["gate"] == "expect_effective_sample_size"
    assert gate["message"]
    assert all(isinstance(number, int | float) for number in gate["numbers"].values())
    assert gate["numbers"]
    assert alert["report"] == "https://reports.example/r/demo.html"
    assert tick(stopped, cursor) == cursor
    assert server.asked == 3
    assert not stopped.run("density", fresh=True).success
    tick(stopped, cursor)
    assert [a["version"] for a in server.taken[-1]["alerts"]] == [2]


def test_message_that_never_arrives_is_told_at_the_next_tick(stopped: Project, server: Server):
    server.refuses = TRIES
    stopped.attributes = spec(gates=CLOSED, alerts={"webhook": server.url, "on": ["closed"], "form": "slack"})
    with pytest.raises(Exception, match=f"127.0.0.1 did not take the message in {TRIES} tries") as refused:
        tick(stopped, None)
    assert "secret" not in str(refused.value)
    tick(stopped, None)
    (message,) = server.taken
    assert ":no_entry: *demo/density* version 1: a gate is closed" in message["text"]
    assert "`expect_effective_sample_size`" in message["text"]


def test_failed_run_is_told_once(stopped: Project, server: Server):
    """The run that the gate stopped has failed; what was left to run has not."""
    (project, job) = stopped, stopped.definitions.resolve_job_def("demo")
    project.attributes = spec(gates=CLOSED, alerts={"webhook": server.url, "on": ["failed"]})
    run = job.execute_in_process(instance=project.instance, raise_on_error=False)
    assert not run.success
    cursor = tick(project, None)
    assert [(a["event"], a["run"]) for a in server.taken[0]["alerts"]] == [("failed", run.run_id)]
    tick(project, cursor)
    assert len(server.taken) == 1


def test_nothing_is_told_of_a_pipeline_whose_gates_are_open(ran: Project, server: Server):
    ran.attributes = spec(alerts={"webhook": server.url, "on": ["closed"]})
    tick(ran, None)
    assert server.asked == 0


def test_server_that_is_not_there_is_an_error_without_the_address_path():
    waits: list[float] = []
    with pytest.raises(BallastError) as refused:
        post("http://127.0.0.1:9/secret", {}, waits.append)
    assert "secret" not in str(refused.value)
    assert len(waits) == TRIES - 1


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ({"webhook": "ftp://secret"}, "alerts.webhook: an address is needed"),
        ({"webhook": "https://secret", "on": ["clossed"]}, "alerts.on.0: input should be 'closed' or 'failed'"),
        ({"webhook": "https://secret", "on": []}, "alerts.on: nothing would be told"),
        ({"webhok": "https://secret"}, "alerts.webhok: unknown key, did you mean 'webhook'?"),
        ("https://secret", "alerts: "),
    ],
)
def test_alerts_that_cannot_be_meant_are_refused_without_showing_the_address(project: Project, alerts: Any, said: str):
    file = project.folder / "defs.yaml"
    file.write_text(yaml.safe_dump({"type": "ballast.Pipeline", "attributes": spec(alerts=alerts)}))
    with pytest.raises(SpecError) as refused:
        find(str(file)).plan()
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_report_asset_shows_a_row_a_step_and_the_figures_and_links_where_it_is_served(project: Project):
    project.attributes = spec(report_url="https://reports.example")
    assert project.run().success  # the figures are those of the steps' last records
    event = project.instance.get_latest_materialization_event(dg.AssetKey(["demo", "report"]))
    assert event is not None
    assert event.asset_materialization is not None
    shown = event.asset_materialization.metadata
    assert str(shown["path"].value).endswith("demo.html")
    assert shown["report"].value == "https://reports.example/demo.html"
    table = shown["steps"]
    assert isinstance(table, dg.TableMetadataValue)
    steps = {record.data["step"]: record.data for record in table.records}
    assert {"train", "density", "verdict"} <= set(steps)
    assert str(steps["density"]["gates"]).endswith("open") or "warning" in str(steps["density"]["gates"])
    figures = str(shown["figures"].value)
    assert "**verdict**" in figures
    assert "(data:image/svg+xml;base64," in figures
    assert "file:" not in "".join(str(entry.value) for entry in shown.values())
