"""What the examples promise, run for a few steps with tiny models on the CPU."""
# ruff: noqa: F811 - fixtures of other modules

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.evaluation.test_suite import files, module, processor  # noqa: F401 - fixtures
from tests.models.external.test_sentence_transformers import folder  # noqa: F401 - a fixture

TASK = "visdoc/vidore_arxivqa"


def test_a_training_loop_leaves_its_scores_in_trackio_and_no_file_beside(
    checkpoint: Path, trackio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from examples.training_loop import main

    monkeypatch.chdir(tmp_path)
    (said,) = main(str(checkpoint))
    assert said.startswith("<SuiteResult visdoc/vidore_arxivqa: ≈ ")
    logs = trackio.SQLiteStorage.get_logs("training_loop", "tiny")
    assert [("mmeb/overall" in one, one["step"]) for one in logs] == [(False, 1), (True, 2), (False, 3)]
    assert f"{100 * logs[1]['mmeb/overall']:.1f}" in said
    assert files(tmp_path) == set()


def test_the_trainer_evaluates_with_the_suite_and_may_choose_by_it(
    module: Any,
    processor: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    pytest.importorskip("accelerate")
    from transformers import Trainer, TrainingArguments

    from examples.trainer_callback import SuiteCallback

    logged: dict[int, dict[str, float]] = {}
    rows = [{"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor([1, 2, 3])}] * 4
    settings = TrainingArguments(
        str(tmp_path / "out"), max_steps=2, per_device_train_batch_size=2, eval_strategy="steps", eval_steps=1,
        report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    callback = SuiteCallback(processor, "gme_2b", TASK, lambda numbers, step: logged.update({step: numbers}), limit=4)
    monkeypatch.chdir(tmp_path)
    trainer = Trainer(module, settings, train_dataset=rows, eval_dataset=rows, callbacks=[callback])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
        metrics = trainer.evaluate()
    assert sorted(logged) == [1, 2]
    assert metrics["eval_mmeb_overall"] == logged[2]["eval_mmeb_overall"]
    assert [one["step"] for one in trainer.state.log_history if "eval_mmeb_overall" in one][:2] == [1, 2]


@pytest.mark.filterwarnings("ignore")
def test_sentence_transformers_takes_the_suite_as_an_evaluator(folder: Path, tmp_path: Path):
    pytest.importorskip("accelerate")
    import datasets
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    from examples.suite_evaluator import SuiteEvaluator

    model = SentenceTransformer(str(folder), device="cpu")
    model.train()
    # A CLIP reads a text or an image, never both.
    evaluator = SuiteEvaluator(TASK, limit=4, **{"tasks.vidore_arxivqa.instruction.candidate": None})
    alone = evaluator(model)
    assert model.training
    rows = datasets.Dataset.from_dict({"anchor": ["a", "b"], "positive": ["a ship", "b ship"]})
    settings = SentenceTransformerTrainingArguments(
        str(tmp_path / "out"), max_steps=1, eval_strategy="steps", eval_steps=1, report_to=[], save_strategy="no",
        use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    loss = MultipleNegativesRankingLoss(model)
    trainer = SentenceTransformerTrainer(model, settings, train_dataset=rows, loss=loss, evaluator=evaluator)
    trainer.train()
    (seen,) = [one for one in trainer.state.log_history if "eval_mmeb_overall" in one]
    assert seen["step"] == 1
    assert set(alone) == {name.removeprefix("eval_") for name in seen if "mmeb" in name}
