"""What the gates say: those that are closed or warn as a line each, the open ones folded."""

from __future__ import annotations

from ballast.reporting.page.html import Markup, chip, code, join, number, table, tag
from ballast.reporting.page.lineage import anchor
from ballast.reporting.snapshot import Snapshot, Step
from ballast.warehouse import Verdict
from ballast.words import plural

HEAD = ("step", "gate", "version", "verdict", "says", "figures", "")


def gates(snapshot: Snapshot) -> Markup:
    judged = [(step, v) for step in snapshot.steps.values() for v in step.verdicts]
    told = sorted((pair for pair in judged if not pair[1].passed), key=lambda pair: pair[1].severity == "warn")
    still_open = [pair for pair in judged if pair[1].passed]
    if not judged:
        return _card(tag("p", "No gate has judged anything yet.", class_="muted"))
    parts: list[Markup] = []
    if told:
        parts.append(table(HEAD, map(_row, told), numeric=(2,), label="gates that are closed or warn"))
    else:
        parts.append(tag("p", "No gate is closed, and none warns.", class_="muted"))
    if still_open:
        title = tag("summary", f"{plural(len(still_open), 'gate')} open")
        parts.append(tag("details", title, table(HEAD, map(_row, still_open), numeric=(2,), label="open gates")))
    return _card(join(parts))


def _card(content: Markup) -> Markup:
    return tag("div", tag("div", content, class_="body"), class_="card")


def _row(pair: tuple[Step, Verdict]) -> tuple[object, ...]:
    step, v = pair
    verdict = (
        chip("open", "good") if v.passed else chip("closed", "bad") if v.severity == "error" else chip("warns", "warn")
    )
    forced = chip("forced", "warn") if v.forced else ""
    name = tag("a", step.node.name, href=f"#{anchor(step.node)}")
    return name, code(v.gate), v.version, verdict, v.message, number(v.observed), forced
