"""Tasks that no word changes are read without Hydra, and are what it makes of them."""

from pathlib import Path

import hydra
import pytest
from omegaconf import OmegaConf

from rzen_eval.benchmark.places import folders
from rzen_eval.config import compose
from rzen_eval.config.unchanged import unchanged
from rzen_eval.config.words import parse
from tests.config.given import MINE, own_task

WORDS = [
    ["task=vidore_v1"],
    ["task=[vidore_v1,visrag]", "tasks.vidore_docvqa.metric=hit@1", "~tasks.visrag_chartqa"],
    ["task=vidore_v1", "tasks.vidore_docvqa.options.anything=1", "tasks.vidore_tatdqa.instruction.query=Find"],
    ["task=[vidore_docvqa,vidore_v1]", "limit=3", "frames=4", "data=mirror", "data.root=/data"],
    ["task=vidore_v1", "++tasks.vidore_docvqa.group=Other"],
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_tasks_are_what_hydra_alone_makes_of_them(words: list[str]):
    parsed = parse(words, folders())
    with hydra.initialize_config_dir(config_dir=str(folders()[0]), version_base="1.3"):
        whole = hydra.compose(config_name="config", overrides=compose.lines(parsed, folders()))
    expected = OmegaConf.to_container(whole.tasks, resolve=True)
    found = compose._with_tasks(parsed, folders())["tasks"]
    assert found == expected
    assert list(found) == list(expected)


def test_hydra_composes_those_tasks_alone_that_words_change():
    found = unchanged(parse(["task=vidore_v1", "tasks.vidore_docvqa.metric=hit@1"], folders()), folders())
    assert found is not None
    assert found.word == "task=[visdoc/vidore_docvqa]"
    assert len(found.tasks) == 9


@pytest.mark.parametrize("word", [
    "experiment=rzenembed_v2_7b", "+task=visrag", "tasks.vidore_arxiv.metric=hit@1", "~task", "tasks={}",
])  # fmt: skip
def test_what_only_hydra_knows_is_left_to_it(word: str):
    assert unchanged(parse(["task=vidore_v1", word] if word != "~task" else [word], folders()), folders()) is None


def test_a_task_with_values_that_are_worked_out_is_left_to_hydra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINE", "Find it:")
    own_task(tmp_path, MINE + "instruction: {query: '${oc.env:MINE}'}\n")
    tasks = compose.load(["task=[mine,vidore_docvqa]"], [tmp_path]).tasks
    assert list(tasks) == ["mine", "vidore_docvqa"]
    assert tasks["mine"].instruction.query == "Find it:"


def test_a_file_of_another_group_that_has_its_say_in_tasks_has_it(tmp_path: Path):
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime/own.yaml").write_text("# @package _global_\ntasks: {vidore_docvqa: {metric: hit@1}}\n")
    found = compose.load(["task=[vidore_docvqa,vidore_tatdqa]", "+runtime@_global_=own"], [tmp_path]).tasks
    assert {name: task.metric for name, task in found.items()} == {
        "vidore_docvqa": "hit@1", "vidore_tatdqa": "ndcg_linear@5",
    }  # fmt: skip
