"""The model `vlm2vec_v2_2b`, against what the official evaluator computed on the same rows, media and checkpoint.

All sixteen tasks run where the shared goldens lie beside the checkout; four of them are carried along.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval import load_model, load_task
from rzen_eval.config.compose import load
from rzen_eval.core import Side, Task, TaskData
from rzen_eval.data.load import load_data
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.evaluation.score import Scored, score
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from tests.conftest import FIXTURES, SAME_PIXELS

SHARED = Path(__file__).parents[3] / "shared/golden"
ROOTS = [root for root in (FIXTURES, SHARED) if (root / "vlm2vec").is_dir()]
GOLDENS = [folder for root in ROOTS for folder in sorted((root / "vlm2vec").iterdir())]


@dataclass
class Golden:
    """A task as we read and score it, beside the official evaluator's files."""

    folder: Path
    task: Task
    model: Qwen2VL

    @cached_property
    def data(self) -> TaskData:
        return load_data(self.task)

    @cached_property
    def scored(self) -> Scored:
        with Loader(0) as loader:
            return score(self.task, self.model, loader, tokens_per_batch=8192)

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / f"{name}.jsonl").read_text().splitlines()]

    def values(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    def order(self) -> list[int]:
        """Our candidates in the order of the official file, which is that of the disk for moment tasks."""
        place = {name: row for row, name in enumerate(self.data.candidate_ids)}
        return [place[relative(line["name"])] for line in self.lines("candidates")]


def relative(name: Any) -> str:
    """A candidate's name without the place of the data, which ours never have."""
    return str(name).removeprefix("{DATA}/")


@pytest.fixture(scope="module")
def model() -> Qwen2VL:
    return load_model(
        "vlm2vec_v2_2b", f"checkpoint={FIXTURES / 'tiny_qwen2vl'}", "dim=null", "dtype=float32", "device=cpu"
    )


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    tasks = load(["task=[mmeb_v2,variants]"]).tasks.values()
    return {task.name: f"{task.modality}/{task.id}" for task in tasks}


@pytest.fixture(scope="module", params=GOLDENS, ids=lambda folder: f"{folder.parents[1].name}-{folder.name}")
def golden(request: pytest.FixtureRequest, model: Qwen2VL, names: dict[str, str]) -> Golden:
    folder: Path = request.param
    mirror = folder.parents[1] / "mirror"
    return Golden(folder, load_task(names[folder.name], "data=mirror", f"data.root={mirror}"), model)


def test_there_is_a_golden_of_every_kind():
    assert {folder.name for folder in GOLDENS} >= {"RefCOCO-Matching", "QVHighlight", "YouCook2", "VisRAG_ChartQA"}


@pytest.mark.parametrize("side", ["query", "candidate"])
def test_strings_and_token_ids_equal_the_official_ones(golden: Golden, side: str):
    if side == "query":
        items, lines = golden.data.queries, golden.lines("queries")
    else:
        items, lines = [golden.data.candidates[row] for row in golden.order()], golden.lines("candidates")
    model = golden.model
    planned = [model.plan(item, Side(side), model.pictures(item).measure()) for item in items]
    assert [plan.prompt for plan in planned] == [line["text"] for line in lines]
    assert [plan.input_ids.tolist() for plan in planned] == [line["input_ids"] for line in lines]


def test_frames_and_images_are_the_official_ones(golden: Golden):
    pages = golden.task.modality == "visdoc"
    for item, line in zip(golden.data.queries, golden.lines("queries"), strict=True):
        shown = [str(media).partition("TIGER-Lab/MMEB-V2/")[2] for media in (*item.images, *item.frames)]
        assert pages or shown == [relative(image["path"]) for image in line["images"]]


def test_candidates_are_the_official_ones_each_once(golden: Golden):
    assert sorted(golden.order()) == list(range(len(golden.data.candidate_ids)))


def test_vectors_agree(golden: Golden):
    data = golden.data
    candidates = [data.candidates[row] for row in golden.order()]
    for side, items, file in (("query", data.queries, "query_embeds"), ("candidate", candidates, "cand_embeds")):
        vectors = golden.model.embed(items, side)
        assert (vectors * np.load(golden.folder / f"{file}.npy")).sum(axis=1).min() > 0.99999


@pytest.mark.skipif(not SAME_PIXELS, reason="one pixel more or less turns a near tie")
def test_rankings_equal_the_official_ones(golden: Golden):
    ranking = golden.scored.run.ranking
    for query_id, line in zip(golden.data.query_ids, golden.lines("pred"), strict=True):
        assert ranking[query_id] == [relative(name) for name in line["prediction"]][:100]


def test_the_official_reading_of_every_metric_equals_the_official_value(golden: Golden):
    result, expected = golden.scored.result, golden.values("score")
    found = {name: result.official.get(name, value) for name, value in result.metrics.items()}
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-9)
    assert result.score == found[golden.task.metric]


def test_the_exact_reading_of_graded_ndcg_equals_the_official_code_with_grades_in_place(golden: Golden):
    result, expected = golden.scored.result, golden.values("score")
    if (golden.folder / "graded_ndcg.json").is_file():
        expected |= golden.values("graded_ndcg")["ndcg_with_labels_and_rel_scores_aligned"]
    assert result.metrics == pytest.approx({name: expected[name] for name in result.metrics}, abs=1e-9)
