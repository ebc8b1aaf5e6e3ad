"""What surrounds the code says what the code does: workflows, metadata, changelog, contributing."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from rzen_eval import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def steps(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_every_part_of_ci_is_a_job_that_calls_it_and_nothing_else_checks():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    usage = subprocess.run([ROOT / ".ci/run", "?"], capture_output=True, text=True, check=False)
    assert usage.returncode == 2
    parts = set(re.findall(r"\.ci/run (\w+)", usage.stdout))
    assert {name: steps(job)[-1] for name, job in jobs.items()} == {part: f".ci/run {part}" for part in parts}


def test_the_versions_of_python_that_are_tested_are_those_that_are_promised():
    matrix = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["tests"]["strategy"]["matrix"]
    promised = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if "Python :: 3." in name]
    assert matrix["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_the_citation_is_of_this_version_and_its_authors():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]
    assert citation["license"] == PROJECT["license"]


@pytest.mark.parametrize("file", [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml"])
def test_what_other_programs_read_can_be_read(file: Path):
    assert isinstance(yaml.safe_load(file.read_text()), dict)


def test_what_is_wrong_with_a_score_is_asked_with_command_and_result_file():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/wrong_score.yml").read_text())
    needed = [field["id"] for field in form["body"] if field.get("validations", {}).get("required")]
    assert {"command", "result"} <= set(needed)


def test_what_changed_or_was_fixed_says_whether_it_moves_a_score():
    text = (ROOT / "CHANGELOG.md").read_text()
    newest = text.split("\n## ")[1]
    parts = dict(part.split("\n", 1) for part in newest.split("\n### ")[1:])
    assert list(parts) == ["Added", "Changed", "Fixed"]
    for name in ("Changed", "Fixed"):
        for line in re.split(r"^\* ", parts[name], flags=re.MULTILINE)[1:]:
            assert re.search(r"Moves\s+a\s+score:\s+(yes|no)", line), line


def test_contributing_names_every_place_of_the_package():
    table = (ROOT / "CONTRIBUTING.md").read_text()
    places = {path.name for path in (ROOT / "rzen_eval").iterdir() if path.suffix == ".py"}
    places |= {f"{path.parent.name}/" for path in (ROOT / "rzen_eval").glob("*/__init__.py")}
    assert [place for place in sorted(places) if f"`{place}`" not in table] == []


def test_the_lowest_versions_are_printed_as_constraints():
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts" / "lowest.py"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [line.partition("==")[0] for line in printed] == [
        re.split("[><]", need)[0] for need in PROJECT["dependencies"]
    ]
    assert "hydra-core==1.3.2" in printed
