"""``ballast adopt``: a pipeline's name becomes this project's, in a warehouse where another one had it."""

from __future__ import annotations

from ballast.cli.console import out
from ballast.orchestration.commands.run import resource_of
from ballast.orchestration.graph.home import within
from ballast.orchestration.graph.owners import adopt
from ballast.orchestration.projects.find import find


def adopt_pipeline(name: str) -> None:
    """Takes a pipeline's name over and prints whose it was. What is stored under it stays, older versions too."""
    declared = find(name)
    with within(declared.root):
        plan = declared.plan()
        warehouse = resource_of(declared.definitions(plan)).open()
        former = adopt(warehouse, plan.spec.name, declared.file.parent)
    told = f"{plan.spec.name} in {warehouse.url} now belongs to {declared.where}"
    told += "." if former is None else f"; it belonged to {former}, which may no longer store under the name."
    out.print(told, markup=False, highlight=False, soft_wrap=True)
