"""What the benchmark is made of, read without Hydra."""

from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import OmegaConf

from rzen_eval.benchmark import declared
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, config_dir, folders
from rzen_eval.config import compose
from rzen_eval.errors import ConfigError

OWN = ("name", "modality", "group", "versions", "metric", "pool", "n_queries", "n_candidates")
OF_DATASET = ("repo", "config", "revision", "language")
EVERYTHING = ("mmeb_v2", "mmeb_v2_0", "variants", "vidore_v3", "vidore_v3_1", "mmeb_v3_new", "mmeb_v3_new_wemm")


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    """Every task as Hydra itself composes it, one suite after the other."""
    tasks: dict[str, Any] = {}
    with hydra.initialize_config_dir(config_dir=str(config_dir()), version_base="1.3"):
        for word in EVERYTHING:
            found = hydra.compose(config_name="config", overrides=[f"task={word}"])
            tasks |= OmegaConf.to_container(found.tasks, resolve=True)  # type: ignore[operator]
    return tasks


def test_the_manifest_says_what_hydra_composes_field_by_field_and_in_order(composed: dict[str, Any]):
    found = manifest().entries
    assert list(found) == list(composed)
    for name, task in composed.items():
        expected = {"id": name} | {field: task.get(field) for field in OWN}
        expected |= {field: task["dataset"].get(field) for field in OF_DATASET}
        expected["versions"] = tuple(task.get("versions", ()))
        assert {field: getattr(found[name], field) for field in expected} == expected
        assert found[name].path.endswith(f"/{name}")


def test_a_task_is_read_as_hydra_composes_it(composed: dict[str, Any]):
    for entry in manifest().entries.values():
        assert declared.declaration("task", entry.path, [config_dir()]) == composed[entry.id]


def test_every_task_that_is_shipped_is_in_the_manifest():
    places = [config_dir()]
    shipped = {path for name in choices("task", places) for path in declared.tasks(name, places)}
    assert {entry.path for entry in manifest().entries.values()} == shipped


@pytest.mark.parametrize("version", manifest().versions)
def test_a_version_is_made_of_the_tasks_that_its_word_chooses(version: str):
    found = manifest()
    assert [*found.versions[version].members] == list(compose.load([found.versions[version].word]).tasks)


@pytest.mark.parametrize("version", [version for version in manifest().versions if version != "2.0.1"])
def test_a_version_is_made_of_the_tasks_that_say_they_belong_to_it(version: str):
    told = [entry.id for entry in manifest().entries.values() if version in entry.versions]
    assert sorted(manifest().versions[version].members) == sorted(told)


def test_the_columns_of_all_versions_average_tasks_of_the_same_names():
    of_mmeb = [version.name for version in manifest().benchmarks["mmeb_v2"].versions]
    first, *others = [manifest().columns(version) for version in of_mmeb]
    assert all({column: set(names) for column, names in first.items()} ==
               {column: set(names) for column, names in other.items()} for other in others)  # fmt: skip


def test_a_suite_beside_mmeb_has_its_own_columns_and_is_in_none_of_mmebs():
    found = manifest()
    columns = found.columns("vidore-3")
    assert list(columns) == [
        "Public",
        *("FinanceEn", "Industrial", "ComputerScience", "Pharmaceuticals", "Hr", "FinanceFr", "Physics", "Energy"),
        *("English", "French", "German", "Italian", "Portuguese", "Spanish"),
    ]
    assert [len(names) for names in columns.values()] == [48, *[6] * 8, *[8] * 6]
    assert columns["French"][0] == "Vidore3FinanceEnRetrieval/french"
    assert not set(columns["Public"]) & {name for names in found.columns().values() for name in names}


def test_a_task_without_public_data_has_a_name_and_is_in_no_column():
    private = manifest().benchmarks["vidore_v3"].private
    assert len(private) == 2 * 2 * 6
    assert private <= manifest().names
    columns = [manifest().columns(version) for version in ("vidore-3", "vidore-3.1")]
    assert not private & {name for made_of in columns for names in made_of.values() for name in names}


@pytest.mark.parametrize("name", choices("model"))
def test_a_models_declaration_is_what_hydra_composes(name: str):
    raw = declared.declaration("model", name, folders())
    own = {"custom": {"family": "qwen2_vl", "checkpoint": "x"}, "python": {"class": "a:B"},
           "sentence_transformers": {"name": "x", "checkpoint": "x"},
           "openai": {"endpoint": "http://x", "remote": "y"}}.get(name, {})  # fmt: skip
    words = [f"model={name}", *(f"model.{key}={value}" for key, value in own.items())]
    composed = compose.load(words, need_tasks=False).model
    assert type(composed).model_validate(raw | own) == composed


def test_a_suite_of_a_folder_of_your_own_stands_for_its_tasks(tmp_path):
    (tmp_path / "task" / "visdoc").mkdir(parents=True)
    (tmp_path / "task/mine.yaml").write_text("# @package _global_\ndefaults: [visdoc/vidore_arxivqa, visdoc/own]\n")
    (tmp_path / "task/visdoc/own.yaml").write_text("# @package tasks.own\nname: Own\n")
    found = list(declared.tasks("mine", [config_dir(), tmp_path]))
    assert found == ["visdoc/vidore_arxivqa", "visdoc/own"]


@pytest.mark.parametrize("text", [
    "defaults: [override /data: hub]", "defaults: [{/data: hub}]", "name: ${oc.env:HOME}", "defaults: [/family/x@a.b]",
])  # fmt: skip
def test_what_only_hydra_can_compose_is_refused(text, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/own.yaml").write_text(text)
    with pytest.raises(declared.NotPlainError, match=r"own\.yaml"):
        declared.declaration("model", "own", [tmp_path])


def test_a_declaration_that_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match=r"no task/visdoc/nothing.yaml"):
        declared.declaration("task", "visdoc/nothing", [config_dir()])


def test_yaml_is_read_as_omegaconf_reads_it(tmp_path: Path):
    (tmp_path / "odd.yaml").write_text("""\
dates: [2025-11-01, 2025-11-01 10:00:00]
numbers: [1e3, 1E-3, 1.5e3, -2e+4, .5, 1_000, 0x1F, 0o17, 010, 1:30, .inf, +1e3, 1., 1e, e3]
words: [yes, No, on, null, ~, "1e3", '2025-11-01', True]
nested: {a: {b: [1, {c: d}]}, 1: one}
text: |
  two
  lines
""")
    expected = OmegaConf.to_container(OmegaConf.load(tmp_path / "odd.yaml"))
    assert repr(declared.content(tmp_path / "odd.yaml")) == repr(expected)


def test_a_key_that_is_there_twice_is_an_error(tmp_path: Path):
    (tmp_path / "twice.yaml").write_text("a: 1\nb: {c: 1, c: 2}\n")
    with pytest.raises(ConfigError, match=r"twice\.yaml: found duplicate key c"):
        declared.content(tmp_path / "twice.yaml")
