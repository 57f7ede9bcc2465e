"""Files at an address, read through DuckDB's extensions from a server on this machine; what is said without them."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.errors import DataError, WarehouseError
from ballast.orchestration.read.sources import conversions, read_batches, read_table, schema_of
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse.homes.extensions import load

ROWS = pa.table(
    {
        "id": pa.array(range(5), pa.int64()),
        "x": [0.5, None, 1.5, -0.0, 1e300],
        "t": ["ü", "a,b", None, "1", "x"],
    }
)


class Server(SimpleHTTPRequestHandler):
    """Serves a folder's files, and parts of them as a bucket does; keeps what it was asked for, and as whom."""

    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        if part is None or not file.is_file():
            return super().do_GET()
        whole, (first, last) = file.read_bytes(), map(int, part.groups())
        found = whole[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(found) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)
        return None

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append((self.path, self.headers.get("Authorization", "")))


@pytest.fixture
def httpfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips where the extension is not installed; DuckDB keeps its secrets in the test's folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    try:
        load(duckdb.connect(), "httpfs")
    except WarehouseError as error:
        pytest.skip(str(error))


@pytest.fixture
def server(tmp_path: Path, httpfs: None) -> Iterator[str]:
    """Gives the host and port of a server of the files rows.csv, more.csv, rows.json and rows.parquet."""
    folder = tmp_path / "served" / "bucket"
    folder.mkdir(parents=True)
    with duckdb.connect() as con:
        con.register("rows", ROWS)
        for ending in ("csv", "json", "parquet"):
            con.execute(f"COPY (FROM rows) TO '{folder}/rows.{ending}'")
        con.execute(f"COPY (SELECT id + 5 AS id, x, t FROM rows) TO '{folder}/more.csv'")
    Server.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder.parent))) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{served.server_port}"
        finally:
            served.shutdown()
            thread.join()


def read(folder: Path, path: str | list[str] | None = None, **keys) -> pa.Table:
    spec = DataSpec(id="id", path=path, types={"t": "text"}, **keys)
    return read_table(spec, where="defs.yaml: data.test", folder=folder)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_file_at_an_address_gives_its_rows(tmp_path: Path, server: str, ending: str):
    path = f"http://{server}/bucket/rows.{ending}"
    assert read(tmp_path, path).equals(ROWS)
    spec = DataSpec(id="id", path=path, types={"t": "text"})
    assert schema_of(spec, where="defs.yaml: data.test", folder=tmp_path) == ROWS.schema
    with read_batches(spec, where="defs.yaml: data.test", folder=tmp_path, columns=["x"]) as batches:
        assert batches.read_all().equals(ROWS.select(["x"]))


def test_files_at_several_addresses_are_read_in_their_order(tmp_path: Path, server: str):
    table = read(tmp_path, [f"http://{server}/bucket/{name}.csv" for name in ("more", "rows")])
    assert table["id"].to_pylist() == [*range(5, 10), *range(5)]


def test_query_reads_a_file_at_an_address(tmp_path: Path, server: str):
    assert read(tmp_path, query=f"SELECT id, t FROM 'http://{server}/bucket/rows.parquet' WHERE id > 2").num_rows == 2


@pytest.mark.parametrize("key", ["path", "query"])
def test_nanoseconds_that_are_cut_at_an_address_are_told(tmp_path: Path, server: str, key: str):
    deep = pa.array([[{"at": 1001}]], pa.list_(pa.struct([("at", pa.time64("ns"))])))
    table = pa.table({"id": [1], "deep": deep, "x": pa.array([1001], pa.timestamp("ns", "UTC")), "y": [1.5]})
    pq.write_table(table, tmp_path / "served" / "bucket" / "fine.parquet")
    file = f"http://{server}/bucket/fine.parquet"
    spec = DataSpec(id="id", **{key: file if key == "path" else f"FROM '{file}'"})
    told = conversions(read_table(spec, where="defs.yaml: data.test", folder=tmp_path))
    assert told == {
        "deep": f"converted: time64[ns] of column 'deep' in '{file}' to microseconds",
        "x": f"converted: timestamp[ns, tz=UTC] of column 'x' in '{file}' to microseconds",
    }


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_bucket_is_read_with_the_keys_that_duckdb_keeps(tmp_path: Path, server: str, ending: str):
    with duckdb.connect() as con:
        load(con, "httpfs")
        con.execute(
            f"CREATE PERSISTENT SECRET (TYPE s3, KEY_ID 'key', SECRET 'secret', REGION 'eu-central-1', "
            f"ENDPOINT '{server}', URL_STYLE 'path', USE_SSL false)"
        )
    assert read(tmp_path, f"s3://bucket/rows.{ending}").equals(ROWS)
    assert any(path == f"/bucket/rows.{ending}" and "Credential=key/" in signed for path, signed in Server.asked)


def test_file_that_is_not_at_its_address_is_refused_with_the_address(tmp_path: Path, server: str):
    with pytest.raises(DataError, match=rf"data.test.path: cannot read 'http://{server}/bucket/gone.csv': .*404"):
        read(tmp_path, f"http://{server}/bucket/gone.csv")


def test_secret_in_an_address_stays_out_of_its_error(tmp_path: Path, server: str):
    with pytest.raises(DataError) as refused:
        read(tmp_path, f"http://user:hunter2@{server}/bucket/gone.csv?signature=hunter3")
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "extension"), [("s3://bucket/rows.parquet", "httpfs"), ("az://box/rows.csv", "azure")]
)
def test_address_without_its_extension_says_what_to_install(tmp_path: Path, monkeypatch, path: str, extension: str):
    (tmp_path / "home").write_text("")  # where no extension is installed, and none can be
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setitem(sys.modules, f"duckdb_extension_{extension}", None)
    with pytest.raises(
        DataError, match=rf"data.test.path: {path[:2]}://.* cannot be read: DuckDB's extension {extension}"
    ) as refused:
        read(tmp_path, path)
    assert str(refused.value).endswith("install it with: pip install 'dagster-ballast[remote]'")
