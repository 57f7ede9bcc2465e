"""One pipeline name in one warehouse is one project's: others are refused, moved ones go on, adopting takes it over."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ballast.errors import OwnedError
from ballast.orchestration.graph.owners import adopt, claim
from ballast.warehouse import Owner, Warehouse
from tests.orchestration.projects import Project, rows


@pytest.fixture
def shared(tmp_path: Path) -> Warehouse:
    """A warehouse that lies in no project."""
    return Warehouse(f"duckdb:///{tmp_path}/shared/w.duckdb")


def project(root: Path, name: str = "shop") -> Path:
    """Makes a project and gives the folder of its pipeline."""
    folder = root / "pipelines" / "demo"
    folder.mkdir(parents=True)
    (root / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n[tool.dg]\n')
    return folder


def owner(warehouse: Warehouse, pipeline: str = "demo") -> Owner:
    found = warehouse.owner(pipeline)
    assert found is not None
    return found


def test_second_project_under_a_name_then_refused_with_the_owner_and_what_to_do(tmp_path: Path, shared: Warehouse):
    first, second = project(tmp_path / "a"), project(tmp_path / "b", "other")
    assert shared.owner("demo") is None
    for run in ("1", "2"):
        claim(shared, "demo", first, run)
    with pytest.raises(OwnedError) as raised:
        claim(shared, "demo", second, "3")
    for told in ("'demo'", "project 'shop'", str(first), str(second), "`ballast adopt demo`", "another name"):
        assert told in str(raised.value)
    with pytest.raises(OwnedError):  # in SQL the two would be one schema
        claim(shared, "Demo", second, "3")
    claim(shared, "other", second, "3")
    assert owner(shared).folder == str(first)


def test_two_folders_of_one_project_under_a_name_then_the_second_is_refused(tmp_path: Path):
    first = project(tmp_path)
    second = first.with_name("copy")
    second.mkdir()
    warehouse = Warehouse(f"duckdb:///{tmp_path}/.ballast/warehouse.duckdb")
    claim(warehouse, "demo", first, "1")
    with pytest.raises(OwnedError, match=f"in {first} on"):
        claim(warehouse, "demo", second, "2")
    first.rename(first.with_name("gone"))
    claim(warehouse, "demo", second, "3")
    assert owner(warehouse).folder == "pipelines/copy"


def test_project_that_moved_keeps_its_name_in_a_shared_warehouse(tmp_path: Path, shared: Warehouse):
    claim(shared, "demo", project(tmp_path / "a"), "1")
    (tmp_path / "a").rename(tmp_path / "b")
    claim(shared, "demo", tmp_path / "b/pipelines/demo", "2")
    assert owner(shared).folder == f"{tmp_path}/b/pipelines/demo"


def test_project_copied_beside_the_original_is_another_one_in_a_shared_warehouse(tmp_path: Path, shared: Warehouse):
    claim(shared, "demo", project(tmp_path / "a"), "1")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with pytest.raises(OwnedError):
        claim(shared, "demo", tmp_path / "b/pipelines/demo", "2")


@pytest.mark.parametrize("change", [shutil.copytree, lambda a, b: a.rename(b)], ids=["copied", "moved"])
def test_project_copied_or_moved_with_the_warehouse_in_it_goes_on_in_its_own(tmp_path: Path, change):
    claim(Warehouse(f"duckdb:///{tmp_path}/a/.ballast/w.duckdb"), "demo", project(tmp_path / "a"), "1")
    change(tmp_path / "a", tmp_path / "b")
    claim(Warehouse(f"duckdb:///{tmp_path}/b/.ballast/w.duckdb"), "demo", tmp_path / "b/pipelines/demo", "2")


def test_checkout_on_another_host_is_the_same_project_by_its_name(tmp_path: Path, shared: Warehouse):
    mine = project(tmp_path / "a")
    claim(shared, "demo", mine, "1")
    colleague = replace(owner(shared), host="elsewhere", folder="/home/colleague/shop/pipelines/demo")
    shared.own(colleague)
    claim(shared, "demo", mine, "2")
    assert owner(shared) == colleague  # whoever was first stays named
    shared.own(replace(colleague, project="unlike"))
    with pytest.raises(OwnedError, match="project 'unlike' in /home/colleague/shop/pipelines/demo on elsewhere"):
        claim(shared, "demo", mine, "3")
    shared.own(replace(colleague, project=None))
    with pytest.raises(OwnedError, match="belongs to a project in"):
        claim(shared, "demo", mine, "4")


def test_adopting_takes_the_name_over_and_the_former_owner_is_refused(tmp_path: Path, shared: Warehouse):
    first, second = project(tmp_path / "a"), project(tmp_path / "b", "other")
    claim(shared, "demo", first, "1")
    former = adopt(shared, "demo", second)
    assert former is not None
    assert former.project == "shop"
    assert adopt(shared, "demo", second) is None
    claim(shared, "demo", second, "2")
    with pytest.raises(OwnedError, match="project 'other'"):
        claim(shared, "demo", first, "3")


def test_two_projects_that_are_first_at_once_then_one_has_the_name(tmp_path: Path, shared: Warehouse):
    folders = [project(tmp_path / name, name) for name in "abcd"]
    refused: list[OwnedError] = []

    def claims(folder: Path) -> None:
        try:
            claim(shared, "demo", folder, folder.parts[-3])
        except OwnedError as error:
            refused.append(error)

    threads = [threading.Thread(target=claims, args=[folder]) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert owner(shared).folder in map(str, folders)


def test_warehouse_of_an_older_ballast_then_the_first_to_run_has_the_name(tmp_path: Path, shared: Warehouse):
    shared.commit("demo/train", rows(5, seed=1))
    with shared.home.writing(10, None) as con:
        con.execute('DROP TABLE ballast_store."owners"')
    assert shared.owner("demo") is None
    claim(shared, "demo", project(tmp_path / "a"), "1")
    assert owner(shared).project == "shop"
    assert len(shared.read("demo/train")) == 5


def test_run_of_a_second_project_then_nothing_is_stored_or_reported_and_the_first_goes_on(tmp_path: Path):
    made = []
    for name in "ab":
        (tmp_path / name).mkdir()
        made.append(Project(tmp_path / name, url=f"duckdb:///{tmp_path}/shared.duckdb"))
    first, second = made
    second.write("train", rows(200, seed=9))
    assert first.run("train").success
    before = first.warehouse.commits()
    refused = second.run()
    assert not refused.success
    assert refused.report is None
    assert "`ballast adopt demo`" in refused.messages["train"]
    again = second.definitions.resolve_job_def("demo").execute_in_process(
        instance=second.instance, raise_on_error=False
    )
    assert not again.success  # as Dagster's own processes run it
    assert first.warehouse.commits() == before
    assert first.run("train").success
