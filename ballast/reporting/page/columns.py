"""The columns of training and target: the distributions of the most shifted, and a table of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ballast.methods.frame.reports import OVERALL
from ballast.reporting.columns import ColumnShift, Comparison
from ballast.reporting.columns.shapes import Shape, shapes
from ballast.reporting.columns.words import moment
from ballast.reporting.figures import p_text
from ballast.reporting.page.html import Markup, Sorted, breakable, chip, join, table, tag
from ballast.reporting.page.lineage import anchor
from ballast.reporting.pictures.overlay import overlaid_histograms, paired_bars
from ballast.reporting.pictures.theme import as_svg, themed
from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import in_words, listed, one_line, plural

Cell = Callable[[ColumnShift], object]
"""Gives what stands in a cell of the table."""

MOST_PICTURES, LEAST_PICTURES = 6, 2
"""Columns that are drawn: those that stand out, and a few where none does."""

MOST_LISTED = 5_000
"""Columns that the table lists."""


@dataclass(frozen=True)
class Tested:
    """What a test of the pipeline says of one column."""

    step: Step
    statistic: float
    p_value: float
    rejected: bool


def columns_section(snapshot: Snapshot, comparison: Comparison) -> Markup:
    pictures = tag("div", *_pictures(comparison), class_="grid")
    return join([tag("p", *_lead(comparison)), pictures, _table(snapshot, comparison)])


def _lead(comparison: Comparison) -> Iterator[str]:
    sides, n = comparison.sides, len(comparison.columns)
    rows = f"training ({sides.train.row_count:,} rows) and target ({sides.target.row_count:,} rows)"
    if not n:
        yield f"None of the columns of {rows} can be compared."
        return
    moved = len(comparison.standing_out)
    how = f"{moved:,} differ" if moved != 1 else "1 differs"
    yield f"Of {plural(n, 'column')} that {rows} share, {how} by more than the farthest of them would by chance. "
    if thinned := [side for side in (sides.train, sides.target) if sides.one_in(side) > 1]:
        of = in_words(f"{side.node.name} (1 row in {sides.one_in(side)})" for side in thinned)
        yield f"Of large tables some rows are compared, the same ones each time: of {of}. "
    if sides.weights is not None and any(c.weighted is not None for c in comparison.columns):
        yield f"The weighted rows are those of {sides.weights.node.name}."
    elif sides.weights is not None:
        yield f"The weights of {sides.weights.node.name} are of other rows than these and are not shown."


def _pictures(comparison: Comparison) -> Iterator[Markup]:
    n = min(max(len(comparison.standing_out), LEAST_PICTURES), MOST_PICTURES)
    order = [shift.column for shift in comparison.columns[:n]]
    drawn = {shift.column: (shift, shape) for shift, shape in shapes(comparison, comparison.columns[:n])}
    for j, column in enumerate(name for name in order if name in drawn):
        yield _picture(comparison, *drawn[column], key=f"column-{j}")


def _picture(comparison: Comparison, shift: ColumnShift, shape: Shape, *, key: str) -> Markup:
    sides = comparison.sides
    samples = [sides.train.node.name, sides.target.node.name]
    if len(shape.shares) > 2 and sides.weights is not None:
        samples.append(f"{samples[0]} weighted by {sides.weights.node.name}")
    if shape.edges is None:
        figure = paired_bars(shape.shares, shape.names, samples)
    else:
        label = "the outer bars hold what lies beyond" if shape.beyond else ""
        written = (lambda at: [moment(value) for value in at]) if shift.kind == "times" else None
        figure = overlaid_histograms(shape.shares, shape.edges, samples, label=label, written=written)
    kind = "Shares of the categories" if shape.edges is None else "Histogram"
    described = f"{kind} of {shift.column} in {in_words(samples)}: {shift.change or 'no change of the middle'}"
    changed = tag("p", tag("b", shift.change)) if shift.change else None
    return tag(
        "div",
        tag("div", breakable("h3", one_line(shift.column, 120)), chip(shift.kind), class_="head"),
        tag("figure", Markup(themed(as_svg(figure, described), key))),
        tag(
            "div",
            changed,
            tag("p", _sizes(shift), class_="small"),
            class_="body",
        ),
        class_="card",
    )


def _sizes(shift: ColumnShift) -> str:
    parts = [f"{shift.measure} {shift.distance:.3f} (by chance about {shift.by_chance:.2g})"]
    if shift.weighted is not None:
        parts.append(f"{shift.weighted:.3f} with the weights")
    if shift.standardized is not None:
        parts.append(f"means {abs(shift.standardized):.2f} standard deviations apart")
    return "; ".join(parts)


def _table(snapshot: Snapshot, comparison: Comparison) -> Markup:
    """Every column, the farthest beyond chance first."""
    shown = comparison.columns[:MOST_LISTED]
    tested = _tested(snapshot, comparison)
    weighted = any(c.weighted is not None for c in shown)
    told = _told(tested, weighted=weighted, missing=any(any(c.missing) for c in shown))
    name = f"All {plural(len(comparison.columns), 'column')}"
    listing = table(
        [head for head, _, _ in told],
        ([cell(c) for _, _, cell in told] for c in shown),
        numeric=[j for j, (_, is_number, _) in enumerate(told) if is_number],
        label=name,
        class_="columns",
    )
    return tag(
        "div",
        tag("div", tag("h3", name), class_="head"),
        tag("div", tag("p", _meaning(weighted, bool(tested)), class_="small"), *_rest(comparison), class_="body"),
        listing,
        class_="card",
    )


def _told(tested: Mapping[str, Tested], *, weighted: bool, missing: bool) -> list[tuple[str, bool, Cell]]:
    """Gives what the table tells of a column: the head, whether it is a number, and what stands in the cell."""
    told: list[tuple[str, bool, Cell]] = [
        ("column", False, lambda c: breakable("b", c.column)),
        ("change", False, lambda c: c.change),
        ("distance", True, lambda c: _figure(c.distance)),
        ("by chance", True, lambda c: _figure(c.by_chance)),
    ]
    if weighted:
        told.append(("with weights", True, lambda c: _figure(c.weighted)))
    told.append(("means apart", True, lambda c: _figure(c.standardized)))
    if missing:
        told.append(("missing", False, _missing))
    if tested:
        told += [
            ("statistic", True, lambda c: _figure(tested[c.column].statistic) if c.column in tested else None),
            ("p-value", True, lambda c: _p_value(tested[c.column]) if c.column in tested else None),
            ("tested by", False, lambda c: _link(tested[c.column].step) if c.column in tested else ""),
        ]
    return told


def _figure(value: float | None) -> float | None:
    return None if value is None else round(value, 3) + 0.0  # never -0


def _missing(shift: ColumnShift) -> str:
    before, after = shift.missing
    return f"{before:.1%} → {after:.1%}" if before or after else ""


def _p_value(tested: Tested) -> Sorted:
    p = p_text(tested.p_value).removeprefix("p = ").removeprefix("p ")
    return Sorted(chip(p, "bad") if tested.rejected else tag("span", p), tested.p_value)


def _link(step: Step) -> Markup:
    return tag("a", step.node.name, href=f"#{anchor(step.node)}")


def _meaning(weighted: bool, tested: bool) -> str:
    said = (
        "Distance, from 0 (alike) to 1 (disjoint): of numbers the largest gap between the shares of rows up to a value "
        "(Kolmogorov-Smirnov), of categories the share of rows that would have to be of another one (total variation). "
        "By chance: its mean for two samples of these sizes from one distribution. Means apart: target less training, "
        "in standard deviations."
    )
    said += " With weights: the distance that the weighted training rows keep." if weighted else ""
    if not tested:
        return f"{said} No test of the pipeline tells of single columns; kolmogorov_smirnov and chi_squared do."
    return f"{said} The p-values, corrected for the number of columns, are the tests' own; a marked one is rejected."


def _rest(comparison: Comparison) -> Iterator[Markup]:
    if more := len(comparison.columns[MOST_LISTED:]):
        yield tag("p", f"{more:,} more columns differ by less than the last one here.", class_="small")
    by_reason: dict[str, list[str]] = {}
    for column, reason in comparison.left_out.items():
        by_reason.setdefault(reason, []).append(one_line(column, 60))
    for reason, names in by_reason.items():
        yield tag("p", f"Not compared: {listed(names, 8)} ({reason}).", class_="small")


def _tested(snapshot: Snapshot, comparison: Comparison) -> Mapping[str, Tested]:
    """Gives what the first test that has a p-value for a column says of it, of tests that read just these two roles."""
    roles = {comparison.sides.train.node.asset, comparison.sides.target.node.asset}
    found: dict[str, Tested] = {}
    for step in snapshot.of("test"):
        if step.table is None or not roles <= set(step.node.upstream):
            continue
        p_values = step.table["adjusted_p_value"].fillna(step.table["p_value"])
        told = step.table.assign(p=p_values)[(step.table["feature"] != OVERALL) & p_values.notna()]
        for name, statistic, p, rejected in zip(
            told["feature"], told["statistic"], told["p"], told["rejected"], strict=True
        ):
            found.setdefault(str(name), Tested(step, float(statistic), float(p), bool(rejected)))
    return found
