"""The model card: what the warehouse holds of a model, in Markdown for whoever is handed its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ballast.bundles.schema import Schema, Threshold, described
from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.frame.reports import OVERALL
from ballast.warehouse import Commit, Verdict, Warehouse
from ballast.words import percent, plural, spaced

_MOST_SLICES = 12


def card_of(
    warehouse: Warehouse, commit: Commit, behind: Sequence[Commit], verdicts: Sequence[Verdict], schema: Schema
) -> str:
    """Gives the card of a model: `behind` are the versions it was made from, `verdicts` what gates said of these."""
    judging = _judging(warehouse, commit)
    verdicts = [*verdicts, *warehouse.verdicts_of([(c.asset, c.version) for c in judging])]
    parts = [
        [f"# {commit.asset}, version {commit.version}", _made(commit)],
        ["## How to load it", _HOW, *_loading(schema)],
        ["## Made from", *_sources(behind)],
        ["## Weights", *_weights(warehouse, commit, behind)],
        ["## How good it is", *_metrics(warehouse, commit, judging)],
        *([["## Thresholds", *_thresholds(schema)]] if schema.thresholds else []),
        ["## Gates", *_gates(verdicts)],
        ["## Limits", *_limits(schema, judging)],
        ["## Columns", *_columns(schema)],
    ]
    return "\n\n".join("\n\n".join(part) for part in parts) + "\n"


_HOW = """\
```python
import ballast

model = ballast.load("this/folder")
for remark in model.check(rows):  # what is not as in the training rows
    print(remark)
model.predict(rows)
```"""


def _loading(schema: Schema) -> Iterator[str]:
    yield (
        "It needs ballast, scikit-learn, skops, pandas and pyarrow, skrub where categories or times are encoded, and "
        "torch for networks; neither Dagster nor DuckDB. The files hold numbers and names, never code, and are refused "
        "where one was changed."
    )


def _made(commit: Commit) -> str:
    parameters = ", ".join(f"`{name}: {json.dumps(value)}`" for name, value in commit.parameters.items())
    rows = commit.summary.get("n_rows")
    classes = commit.summary.get("classes")
    told = [
        f"A `{commit.method}` ({parameters or 'default parameters'})",
        f"fitted on {plural(rows, 'row')}" if rows is not None else "",
        f"made {commit.created_at:%Y-%m-%d %H:%M} UTC by run {commit.run_id}" if commit.created_at else "",
    ]
    named = f" Its classes: {', '.join(f'`{json.dumps(c)}`' for c in classes)}." if classes else ""
    return f"{', '.join(part for part in told if part)}.{named}"


def _sources(behind: Sequence[Commit]) -> Iterator[str]:
    yield _table(
        ["table", "version", "rows", "made (UTC)", "content"],
        [
            [c.asset, c.version, c.row_count, f"{c.created_at:%Y-%m-%d %H:%M}", f"`{c.content_hash[:12]}`"]
            for c in behind
            if c.kind == "source"
        ],
    )


def _weights(warehouse: Warehouse, commit: Commit, behind: Sequence[Commit]) -> Iterator[str]:
    used = [c for c in behind if c.kind == "weigher" and commit.inputs.get(c.asset) == c.version]
    for c in used:
        weight = warehouse.read(c.asset, version=c.version)["weight"].to_numpy()
        size = effective_sample_size(weight)
        told = (
            f"`{c.asset}` version {c.version} (`{c.method}`): worth {size:.0f} of {plural(len(weight), 'row')} "
            f"({percent(size, len(weight))}), the largest weight is {weight.max():.3g}"
        )
        before, after = (c.summary.get(f"max_standardized_difference{end}") for end in ("_before", ""))
        if before is not None and after is not None:
            told += f"; the largest standardised difference of a column went from {before:.3g} to {after:.3g}"
        yield f"{told}."
    if not used:
        yield "All training rows count alike."


def metrics_of(warehouse: Warehouse, commit: Commit) -> dict[str, float]:
    """Gives what the steps that judged a model's version found of all rows, as "verdict/accuracy"."""
    found = {}
    for c in _judging(warehouse, commit):
        place = "/".join([c.asset.partition("/")[2], *([c.partition] if c.partition else [])])
        own = _own(warehouse, commit, c)
        for row in _rows(own[own["slice"] == OVERALL]):
            found[f"{place}/{row['metric']}"] = float(row["value"])
    return found


def thresholds_of(warehouse: Warehouse, commit: Commit) -> dict[str, Threshold]:
    """Gives by step the thresholds of what flagged rows beside the latest predictions of a model's version."""
    of = {(c.asset, c.version): c for c in warehouse.commits()}  # the newest first
    predicted = [c for c in of.values() if c.kind == "prediction" and c.inputs.get(commit.asset) == commit.version]
    found: dict[str, Threshold] = {}
    for c in (of[key] for p in predicted for key in p.inputs.items() if key in of):
        if c.kind == "scorer" and "threshold" in c.summary:
            told = Threshold(c.summary["threshold"], c.summary["higher"], c.version, str(c.method))
            found.setdefault(c.asset.partition("/")[2], told)
    return found


def _own(warehouse: Warehouse, commit: Commit, judging: Commit) -> pd.DataFrame:
    """Gives what a judgement's table says of a model by itself."""
    table = warehouse.read(judging.asset, version=judging.version)
    return table[table["model"].isin(["", commit.asset.partition("/")[2]]) & (table["versus"] == "")]


def _judging(warehouse: Warehouse, commit: Commit) -> list[Commit]:
    """Gives the latest judgements of the model's version, each step's and partition's."""
    found: dict[tuple[str, str | None], Commit] = {}
    for c in warehouse.commits():  # the newest first
        if c.kind == "assessor" and c.inputs.get(commit.asset) == commit.version:
            found.setdefault((c.asset, c.partition), c)
    return sorted(found.values(), key=lambda c: c.asset)


def _metrics(warehouse: Warehouse, commit: Commit, judging: Sequence[Commit]) -> Iterator[str]:
    for c in judging:
        own = _own(warehouse, commit, c)
        overall, sliced = own[own["slice"] == OVERALL], own[own["slice"] != OVERALL]
        on = sorted(name for name in c.inputs if name.endswith("/features"))
        read = ", ".join(f"`{name.removesuffix('/features')}`" for name in on)
        yield f"By `{c.asset}` version {c.version} (`{c.method}`){f' on {read}' if read else ''}:"
        yield _table(["metric", "value", "interval", "rows"], [_figure(row) for row in _rows(overall)])
        if len(sliced):
            shown = sliced.sort_values("slice", kind="stable").head(_MOST_SLICES)
            rows = [[row["slice"], *_figure(row)] for row in _rows(shown)]
            yield _table(["slice", "metric", "value", "interval", "rows"], rows)
            if len(sliced) > len(shown):
                yield f"{len(sliced) - len(shown)} more figures of slices are in the warehouse."
    if not judging:
        yield "No step has judged this version."


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _figure(row: dict[str, Any]) -> list[Any]:
    between = "" if pd.isna(row["low"]) else f"{row['low']:.4g} to {row['high']:.4g}"
    return [spaced(row["metric"]), f"{row['value']:.4g}", between, row["n"]]


def _thresholds(schema: Schema) -> Iterator[str]:
    yield (
        "Steps that flagged rows beside the pipeline's predictions of this model. They are not in this folder: what "
        "predicts here flags no row."
    )
    rows = [[f"`{step}`", of.version, f"`{of.method}`", f"{of.value:.6g}", of.higher] for step, of in
            schema.thresholds.items()]  # fmt: skip
    yield _table(["step", "version", "method", "threshold", "a higher score means"], rows)


def _gates(verdicts: Sequence[Verdict]) -> Iterator[str]:
    failed = [v for v in verdicts if not v.passed]
    yield f"{len(verdicts) - len(failed)} of {plural(len(verdicts), 'gate')} passed."
    if failed:
        rows = [[f"{v.asset} {v.version}", v.gate, _state(v), v.message] for v in failed]
        yield _table(["table", "gate", "state", "what it found"], rows)


def _state(verdict: Verdict) -> str:
    if verdict.forced:
        return "closed, forced past"
    return "**closed**" if verdict.closes else "warning"


def _limits(schema: Schema, judging: Sequence[Commit]) -> Iterator[str]:
    told = [
        f"It knows {plural(schema.rows, 'training row')}; of rows that are unlike these its figures say nothing: "
        "`check` tells blanks, types and values that training never held, and no other change.",
        "A column that has no value in a row gets the training rows' median, or no category at all.",
    ]
    if schema.categories:
        told.append(
            f"A value never seen in training counts as none of {', '.join(f'`{c}`' for c in schema.categories)}."
        )
    if not judging:
        told.append("It was never judged: nothing is known of how right it is.")
    yield "\n".join(f"- {line}" for line in told)


def _columns(schema: Schema) -> Iterator[str]:
    kinds = described(schema.types)
    values = {name: len(found) for name, found in schema.categories.items()}
    rows = [[f"`{name}`", kind, schema.missing.get(name, 0), values.get(name, "")] for name, kind in kinds.items()]
    yield _table(["column", "type", "blank in training", "values in training"], rows)
    named = [f"{what} is `{name}`" for what, name in (("the id", schema.id), ("the label", schema.label)) if name]
    if named:
        yield f"In the training rows {', '.join(named)}; rows to predict need neither."


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
