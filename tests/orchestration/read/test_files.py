"""Files as people have them: what is recognised, and what is told with file, column, row and value."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ballast.errors import DataError
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read.sources import conversions, read_table, schema_of
from ballast.orchestration.spec.data import DataSpec

LIKE = pa.schema([("id", pa.int64()), ("x", pa.int64()), ("kind", pa.string())])


def read(
    folder: Path, text: str | bytes | None = None, *, name: str = "rows.csv", like: pa.Schema | None = None, **keys
):
    if text is not None:
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        keys.setdefault("path", name)
    return read_table(DataSpec(**{"id": "id", **keys}), where="defs.yaml: data.test", folder=folder, like=like)


VALUES = {
    "missing tokens": ("id,x\n1,NA\n2,1.5\n", {}, [None, 1.5]),
    "own token": ("id,x\n1,-\n2,3\n", {"missing": ["-"]}, [None, 3]),
    "no token": ("id,x\n1,NA\n2,a\n", {"missing": []}, ["NA", "a"]),
    "leading zeros": ("id,x\n1,01234\n2,99999\n", {}, ["01234", "99999"]),
    "leading zeros by a type": ("id,x\n1,01234\n2,99999\n", {"types": {"x": "integer"}}, [1234, 99999]),
    "numbers as text": ("id,x\n1,1234\n2,5\n", {"types": {"x": "text"}}, ["1234", "5"]),
    "yes and no": ("id,x\n1,yes\n2,no\n", {}, ["yes", "no"]),
    "truths": ("id,x\n1,True\n2,false\n", {}, [True, False]),
    "wide integers": ("id,x\n1,12345678901234567890\n2,5\n", {}, [Decimal(12345678901234567890), Decimal(5)]),
    "decimals": ("id,x\n1,1.25\n2,3.125\n", {"types": {"x": "decimal"}}, [Decimal("1.250"), Decimal("3.125")]),
    "hexadecimal": ("id,x\n1,0x1F\n2,0x2F\n", {}, ["0x1F", "0x2F"]),
    "decimal comma": ("id;x\n1;1,5\n2;2,25\n", {}, [1.5, 2.25]),
    "decimal comma by option": ("id;x\n1;1,500\n2;2,250\n", {"options": {"decimal": ","}}, [1.5, 2.25]),
    "date format": ("id,x\n1,13/02/2024\n", {"options": {"date_format": "%d/%m/%Y"}}, [date(2024, 2, 13)]),
    "latin-1": ("id,x\n1,Müller\n".encode("latin-1"), {"options": {"encoding": "latin-1"}}, ["Müller"]),
    "UTF-16": ("id;x\n1;1,5\n".encode("utf-16"), {}, [1.5]),
    "byte order mark": ("id,x\n1,ü\n".encode("utf-8-sig"), {}, ["ü"]),
    "no value": ("id,x\n1,\n2,NA\n", {}, [None, None]),
    "blanks around numbers": ("id,x\n1, 5\n2,6 \n", {}, [5, 6]),
    "own token that is a number": ("id,x\n1,-999\n2,5.5\n", {"missing": ["-999", "-"]}, [None, 5.5]),
    "a number beyond floats as text": ("id,x\n1,1e400\n", {"types": {"x": "text"}}, ["1e400"]),
    "whole numbers as wide as can be": (f"id,x\n1,{10**38 - 1}\n2,5\n", {}, [Decimal(10**38 - 1), Decimal(5)]),
    "rows that begin with a hash": ("x,id\n#5,1\n#6,2\n", {}, ["#5", "#6"]),
    "line ends of old": ("id,x\r1,2\r", {}, [2]),
    "quotes and line ends within": ('id,x\n1,"a\n""b"""\n', {}, ['a\n"b"']),
}


@pytest.mark.parametrize(("text", "keys", "values"), VALUES.values(), ids=VALUES)
def test_column_of_csv_has_the_narrowest_type_that_keeps_every_text(tmp_path: Path, text, keys, values):
    table = read(tmp_path, text, **keys)
    assert table["x"].to_pylist() == values
    assert table["id"].to_pylist() == list(range(1, len(values) + 1))
    assert schema_of(DataSpec(id="id", path="rows.csv", **keys), where="w", folder=tmp_path) == table.schema


@pytest.mark.parametrize(("last", "values"), [("abc", ["0", "abc"]), ("1.5", [0.0, 1.5]), ("NA", [0, None])])
def test_column_of_csv_is_typed_by_its_last_row_as_well(tmp_path: Path, last: str, values):
    rows = "".join(f"{i},{i}\n" for i in range(30_000))
    table = read(tmp_path, f"id,x\n{rows}30000,{last}\n")
    assert [table["x"][0].as_py(), table["x"][30_000].as_py()] == values


IDS = {
    "leading zeros": ("00123\n00124", ["00123", "00124"]),
    "powers": ("1e5\n2e5", ["1e5", "2e5"]),
    "20 digits": ("12345678901234567890\n1", ["12345678901234567890", "1"]),
    "plus": ("+1\n2", ["+1", "2"]),
    "names of missing values": ("NA\nnull", ["NA", "null"]),
    "dates": ("2024-01-02\n2024-01-03", ["2024-01-02", "2024-01-03"]),
    "negative": ("-5\n2", [-5, 2]),
}


@pytest.mark.parametrize(("texts", "ids"), IDS.values(), ids=IDS)
def test_ids_of_csv_are_the_users_own(tmp_path: Path, texts: str, ids: list):
    assert read(tmp_path, "id\n" + texts + "\n")["id"].to_pylist() == ids


TYPED_IDS = {
    "HUGEINT that fits": ("sum(3)", [3]),
    "HUGEINT that does not": ("12345678901234567890::HUGEINT", ["12345678901234567890"]),
    "DECIMAL(38, 0)": ("9007199254740993::DECIMAL(38, 0)", [9007199254740993]),
    "UBIGINT": ("18446744073709551615::UBIGINT", ["18446744073709551615"]),
    "UUID": ("'6b5f1c1e-0000-4000-8000-000000000000'::UUID", ["6b5f1c1e-0000-4000-8000-000000000000"]),
    "whole float": ("7::DOUBLE", [7]),
    "bytes": ("'ab'::BLOB", ["ab"]),
}


@pytest.mark.parametrize(("sql", "ids"), TYPED_IDS.values(), ids=TYPED_IDS)
def test_ids_of_every_type_are_whole_numbers_or_text(tmp_path: Path, sql: str, ids: list):
    assert read(tmp_path, query=f"SELECT {sql} AS id")["id"].to_pylist() == ids


@pytest.mark.parametrize(
    "sql", ["1.5::DOUBLE", "1.5", "1e17::DOUBLE", "true", "DATE '2024-01-01'", "[1]", "'inf'::FLOAT"]
)
def test_ids_that_are_neither_whole_numbers_nor_text_are_refused(tmp_path: Path, sql: str):
    with pytest.raises(DataError, match=r"data.test.id: column 'id' holds .*an id is a whole number or a text"):
        read(tmp_path, query=f"SELECT {sql} AS id")


REFUSED = {
    "value of another type": (
        "id,x\n1,1\n2,5.5\n3,abc\n",
        {"like": LIKE},
        "'rows.csv', column 'x', row 2: '5.5' is DOUBLE, and the column is BIGINT in the training rows (and 1 more",
    ),
    "zeros that a number loses": ("id,x\n1,007\n", {"like": LIKE}, "row 1: '007' is text"),
    "ids of another type": ("id,x\nA1,1\n", {"like": LIKE}, "text (such as 'A1') and those of the training rows whole"),
    "digits that a decimal loses": (
        "id,x\n1,3.125\n",
        {"types": {"x": "decimal(10, 2)"}},
        "'3.125' is DOUBLE, and the column is DECIMAL(10,2) by `types:`",
    ),
    "digits that a float loses": (
        "id,x\n1,12345678901234567890\n2,1.5\n",
        {},
        "a float would change some (such as 12345678901234567890)",
    ),
    "thousands or decimals": ("id;x\n1;1,500\n2;2,250\n", {}, "it may part thousands"),
    "points and commas": ("id;x;y\n1;1,5;1.5\n", {}, "others have a decimal comma"),
    "quoted decimal comma": ('id,x\n1,"1,5"\n', {}, "a comma parts the columns as well"),
    "not UTF-8": ("id,x\n1,Müller\n".encode("latin-1"), {}, "`options: {encoding: latin-1}`"),
    "UTF-16 the other way": (b"\xfe\xff" + "id,x\n".encode("utf-16-be"), {}, "save it as UTF-8"),
    "unknown encoding": ("id,x\n1,a\n", {"options": {"encoding": "cp1252"}}, "encodings: utf-8, utf-16, latin-1"),
    "names that differ in capitals": ("id,x,X\n1,2,3\n", {}, "occur more than once: x, X"),
    "unknown column of types": ("id,x\n1,2\n", {"types": {"y": "text"}}, "data.test.types: column 'y'"),
    "numbers beyond floats": ("id,x\n1,1.5\n2,1e400\n", {}, "a float would change some (such as 1e400)"),
    "numbers that a float makes 0": ("id,x\n1,1.5\n2,1e-400\n", {}, "a float would change some (such as 1e-400)"),
    "infinite by a type": (
        "id,x\n1,1e400\n",
        {"types": {"x": "double"}},
        "column 'x', row 1: '1e400' is text, and the column is DOUBLE by `types:`",
    ),
    "row that is too short": ("id,x,y\n1,2,3\n4,5\n", {}, "CSV Error on Line: 3 Original Line: 4,5 Expected Number"),
    "row that is too long": ("id,x\n1,2\n4,5,6\n", {"options": {"delimiter": ","}}, "CSV Error on Line: 3"),
    "row that is a remark": ("id,x\n# remark\n1,2\n", {}, "CSV Error on Line: 2"),
    "line ends of two kinds": ("id,x\r\n1,2\n3,4\r\n", {}, "its lines end in different ways"),
    "an empty line before the header": ("\n\nid,x\n1,2\n", {}, "'rows.csv' begins with an empty line"),
    "nothing at all": ("", {}, "'rows.csv' is empty; check what feeds it"),
    "UTF-16 without its mark": ("id,x\n1,2\n".encode("utf-16-le"), {}, "`options: {encoding: utf-16}`"),
    "packed without the ending": (gzip.compress(b"id,x\n1,2\n"), {}, "give its name the ending .gz as well"),
    "names that occur twice": ("id,x,x\n1,2,3\n", {}, "occur more than once: x"),
    "JSON keys that differ in capitals": (
        '{"id": 1, "x": 2}\n{"id": 2, "X": 3}\n',
        {"name": "rows.json"},
        "keys x occur in capitals and in small letters",
    ),
    "JSON without objects": ("[1, 2]", {"name": "rows.json"}, "rows.json holds no objects"),
    "mixed JSON within an object": (
        '{"id": 1, "x": {"a": 1}}\n{"id": 2, "x": {"a": "q"}}\n',
        {"name": "rows.json"},
        "column 'x' holds a field, \"a\", that mixes numbers (such as 1 in 'rows.json', row 1) and texts (such as "
        "\"q\" in 'rows.json', row 2)",
    ),
    "mixed JSON within a list": (
        '{"id": 1, "x": [{"a": [1, true]}]}\n',
        {"name": "rows.json"},
        "mixes truths (such as true in 'rows.json', row 1) and numbers (such as 1",
    ),
    "mixed JSON": (
        '[{"id": 1, "x": 1}, {"id": 2, "x": "a"}]',
        {"name": "rows.json"},
        "mixes numbers (such as 1 in 'rows.json', row 1)",
    ),
    "JSON ids of two types": ('[{"id": 1}, {"id": "1"}]', {"name": "rows.json"}, "column 'id' mixes numbers"),
    "JSON ids that are truths": ('[{"id": true}]', {"name": "rows.json"}, "holds truths, which cannot be ids"),
}


@pytest.mark.parametrize(("text", "keys", "said"), REFUSED.values(), ids=REFUSED)
def test_text_that_cannot_be_kept_is_refused_with_the_way_out(tmp_path: Path, text, keys, said: str):
    with pytest.raises(DataError) as raised:
        read(tmp_path, text, **keys)
    assert said in str(raised.value)


def test_role_has_the_types_of_the_training_rows_and_not_those_of_its_own_file(tmp_path: Path):
    table = read(tmp_path, "id,x,kind\n1,1.0,yes\n2,5,no\n", like=LIKE)
    assert table.schema == LIKE
    assert table["x"].to_pylist() == [1, 5]


def test_parquet_files_whose_types_differ_get_one_that_keeps_every_value(tmp_path: Path):
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT 1 AS id, 5::BIGINT AS price) TO '{tmp_path}/a1.parquet'")
        con.execute(f"COPY (SELECT 0.25::DOUBLE AS price, 2 AS id) TO '{tmp_path}/a2.parquet'")
        con.execute(f"COPY (SELECT 3 AS id, 'x' AS price) TO '{tmp_path}/b.parquet'")
        con.execute(f"COPY (SELECT 3 AS id, 9007199254740993 AS price) TO '{tmp_path}/d.parquet'")
    assert read(tmp_path, path="a*.parquet")["price"].to_pylist() == [5.0, 0.25]
    for other, said in (
        ("b", "column 'price' is BIGINT in 'a1.parquet' and VARCHAR in 'b.parquet'"),
        ("d", "column 'price' is BIGINT in 'd.parquet' and DOUBLE in 'a2.parquet', and DOUBLE cannot hold all"),
    ):
        with pytest.raises(DataError, match=said):
            read(tmp_path, path=["a1.parquet", "a2.parquet", f"{other}.parquet"])


@pytest.mark.parametrize("name", ["proj[1]", "data*", "what?", "a,b"])
def test_folder_of_the_pipeline_is_never_a_pattern(tmp_path: Path, name: str):
    other = {"proj[1]": "proj1", "data*": "data_old", "what?": "whatx", "a,b": "a"}[name]
    for folder, who in ((name, "mine"), (other, "other")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.csv").write_text(f"id\n{who}\n")
    for keys in ({"path": "rows.csv"}, {"path": "*.csv"}, {"query": "FROM 'rows.csv'"}, {"query": "FROM '*.csv'"}):
        assert read(tmp_path / name, **keys)["id"].to_pylist() == ["mine"], keys


def test_folders_of_the_form_key_value_are_columns_only_where_asked_for(tmp_path: Path):
    (tmp_path / "x=7").mkdir()
    for ending in ("csv", "parquet"):
        with duckdb.connect() as con:
            con.execute(f"COPY (SELECT 1 AS id, 2 AS y) TO '{tmp_path}/x=7/rows.{ending}'")
        assert read(tmp_path, path=f"x=7/rows.{ending}").column_names == ["id", "y"]
        assert read(tmp_path, path=f"x=*/rows.{ending}", hive=True)["x"].to_pylist() == [7]
    with pytest.raises(DataError, match="would be read for columns"):
        read(tmp_path / "x=7", path="rows.csv", hive=True)


WRITES = {
    "two statements": "SELECT 1 AS id; SELECT 2 AS id",
    "copy": "COPY (SELECT 1 AS id) TO 'made.csv'",
    "attach": "ATTACH 'made.duckdb' AS made",
    "install": "INSTALL httpfs",
    "setting": "SET threads = 1",
    "explain": "EXPLAIN ANALYZE SELECT 1",
    "logging": "FROM enable_logging(storage = 'file', storage_path = 'made')",
    "a query as text": "FROM query('FROM checkpoint()')",
    "a serialized query": "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "log": "SELECT write_log('x') AS id",
    "nothing": " ",
}


@pytest.mark.parametrize("query", WRITES.values(), ids=WRITES)
def test_query_that_does_more_than_read_is_refused(tmp_path: Path, monkeypatch, query: str):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="a query is read-only"):
        read(tmp_path, query=query)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'hunter2secret'::INT AS id",
        "SELECT 1 AS id WHERE 'hunter2secret' = ",
        "FROM nowhere WHERE key = 'hunter2secret'",
        "FROM read_csv('hunter2secret.csv')",
        "SELECT 1 AS idd, 'hunter2secret' AS key",
    ],
)
def test_text_of_a_query_stays_out_of_its_errors(tmp_path: Path, query: str):
    with pytest.raises(DataError) as raised:
        read(tmp_path, query=query)
    error: BaseException | None = raised.value
    while error is not None:
        assert "hunter2secret" not in str(error)
        error = error.__cause__ or error.__context__


def test_query_reads_named_databases_and_cannot_write_them(tmp_path: Path):
    with duckdb.connect(tmp_path / "shop.duckdb") as con:
        con.execute("CREATE TABLE sales AS SELECT 1 AS id")
    databases = {"s": "shop.duckdb"}
    assert read(tmp_path, query="FROM s.sales", databases=databases)["id"].to_pylist() == [1]
    with pytest.raises(DataError, match=r"there is no database 'gone.duckdb' .*databases.s"):
        read(tmp_path, query="FROM s.sales", databases={"s": "gone.duckdb"})


KINDS = {
    "TIMETZ": "'10:00:00+02'::TIMETZ",
    "UNION": "union_value(n := 1)",
    "BIGNUM": "1::BIGNUM",
    "UHUGEINT[]": "[1::UHUGEINT]",
    "infinite date": "'infinity'::DATE",
    "39 digits": "170141183460469231731687303715884105727::HUGEINT",
}


@pytest.mark.parametrize("sql", KINDS.values(), ids=KINDS)
def test_type_that_cannot_be_kept_exactly_is_refused_with_its_column(tmp_path: Path, sql: str):
    with pytest.raises(DataError, match=r"data.test.query: column 'x' "):
        read(tmp_path, query=f"SELECT 1 AS id, {sql} AS x")


@pytest.mark.parametrize(("ours", "theirs", "remedy"), [("1", pa.string(), "text"), ("'1'", pa.int64(), "integer")])
def test_ids_of_another_type_than_the_training_role_s_are_refused_where_the_source_has_types(
    tmp_path: Path, ours: str, theirs: pa.DataType, remedy: str
):
    spec, like = DataSpec(id="id", query=f"SELECT {ours} AS id"), pa.schema([("id", theirs)])
    with pytest.raises(DataError, match="so none could be compared") as refused:
        read_table(spec, where="defs.yaml: data.test", folder=tmp_path, like=like)
    assert f"types: {{id: {remedy}}}" in str(refused.value)
    typed = spec.model_copy(update={"types": {"id": remedy}})
    made = read_table(typed, where="defs.yaml: data.test", folder=tmp_path, like=like)
    assert made["id"].to_pylist() == ["1" if remedy == "text" else 1]


@pytest.mark.parametrize(
    ("value", "theirs", "kept"),
    [
        ("166.0::DECIMAL(5, 2)", pa.decimal128(3, 2), "decimal128(5, 2)"),
        ("1.234::DECIMAL(4, 3)", pa.decimal128(3, 2), "decimal128(4, 3)"),
        ("300::INTEGER", pa.int8(), "int32"),
        ("0.1::DOUBLE", pa.float32(), "double"),
        ("7::INTEGER", pa.int8(), "int8"),
        ("1.50::DECIMAL(5, 2)", pa.decimal128(3, 2), "decimal128(3, 2)"),
    ],
)
def test_numbers_beyond_the_room_of_the_training_type_stay_in_their_own(
    tmp_path: Path, value: str, theirs: pa.DataType, kept: str
):
    """A shift that outgrows a type is a shift, not an error."""
    spec, like = DataSpec(id="id", query=f"SELECT 'a' AS id, {value} AS x"), pa.schema([("x", theirs)])
    table = read_table(spec, where="defs.yaml: data.target", folder=tmp_path, like=like)
    assert str(table.schema.field("x").type) == kept


def test_json_column_that_mixes_types_is_read_where_it_is_dropped_or_named_text(tmp_path: Path):
    text = '{"id": 1, "x": {"a": 1}, "y": 1}\n{"id": 2, "x": {"a": "q"}, "y": "b"}\n'
    for keys in ({"drop": ["x", "y"]}, {"types": {"x": "text", "y": "text"}}):
        table = read(tmp_path, text, name="rows.json", **keys)
        assert table["x"].to_pylist() == ['{"a":1}', '{"a":"q"}']
        assert table["y"].to_pylist() == ["1", "b"]


LOOKS = {
    "day first": (["31/12/2024", "1/2/2024"], "dates written as %d/%m/%Y in 100 % of 2 rows"),
    "month first": (["12/31/2024", "1/2/2024"], "dates written as %m/%d/%Y in 100 % of 2 rows"),
    "either": (["12/11/2024", "1/2/2024"], "dates written as %d/%m/%Y or %m/%d/%Y in 100 % of 2 rows"),
    "with a time": (["31.12.2024 10:30", ""], "dates written as %d.%m.%Y %H:%M in 100 % of 1 rows"),
    "almost all": (["31/12/2024"] * 19 + ["soon"], "dates written as %d/%m/%Y in 95 % of 20 rows"),
    "thousands": (["1,234.50", "17"], "numbers with a mark between thousands in 100 % of 2 rows"),
    "half of them": (["31/12/2024", "soon"], None),
    "numbers with a leading zero": (["01234", "99999"], None),
    "telephones": (["030 123 456", "040 222 111"], None),
    "words": (["may", "a,b"], None),
}


@pytest.mark.parametrize(("texts", "said"), LOOKS.values(), ids=LOOKS)
def test_column_that_stays_text_is_told_where_it_looks_like_something_else(tmp_path: Path, texts: list, said):
    rows = "".join(f'{i},"{text}"\n' for i, text in enumerate(texts))
    table = read(tmp_path, "id,when\n" + rows)
    assert table["when"].to_pylist() == [text or None for text in texts]
    told = conversions(table)
    assert not told if said is None else told["when"].startswith(f"kept as text: looks like {said}")
    if said is not None and "dates" in said:
        assert told["when"].endswith("it is text until data.test.options.date_format names it")
    assert conversions(read(tmp_path, "id,when\n" + rows, types={"when": "text"})) == {}


def test_partition_is_read_whatever_is_wrong_in_rows_of_others(tmp_path: Path):
    like = pa.schema([("id", pa.int64()), ("x", pa.int64()), ("day", pa.date32())])
    rows = "id,x,day\n1,5,2024-01-01\n2,oops,2024-01-02\n"
    where = {"where": "defs.yaml: data.target", "folder": tmp_path, "like": like}
    (tmp_path / "rows.csv").write_text(rows)
    spec = DataSpec(id="id", path="rows.csv")
    assert read_table(spec, **where, partition={"day": Partition("2024-01-01")})["x"].to_pylist() == [5]
    with pytest.raises(DataError, match=r"'rows.csv', column 'x', row 2: 'oops'"):
        read_table(spec, **where, partition={"day": Partition("2024-01-02")})
    (tmp_path / "rows.csv").write_text(rows + "3,6,soon\n")
    with pytest.raises(DataError, match=r"'rows.csv', column 'day', row 3: 'soon'"):
        read_table(spec, **where, partition={"day": Partition("2024-01-01")})


def test_partition_with_types_of_its_own_file_has_those_of_all_its_rows(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("id,x,k\n1,5,a\n2,words,b\n")
    where = {"where": "defs.yaml: data.train", "folder": tmp_path}
    kept = read_table(DataSpec(id="id", path="rows.csv"), **where, partition={"k": Partition("a")})
    assert kept["x"].to_pylist() == ["5"]
