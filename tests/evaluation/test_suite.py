"""A suite scored in the middle of a training run: the same numbers, and nothing that the training notices."""

import copy
import os
import random
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoImageProcessor, AutoTokenizer, Qwen2VLForConditionalGeneration

from examples.colours import Colours
from rzen_eval import Item, evaluate, evaluate_suite, load_model, load_task, model_from
from rzen_eval.errors import ConfigError, DataError, ModelError
from rzen_eval.evaluation.suite_result import SuiteResult
from rzen_eval.results import store
from tests import forked, toys

TASKS = ["visdoc/vidore_arxivqa", "image/imagenet_1k"]


@pytest.fixture
def module(checkpoint: Path) -> Any:
    """A model in the middle of its training: dropout on, one part frozen, a gradient there."""
    loaded: Any = Qwen2VLForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    loaded.train()
    loaded.model.visual.eval()
    for weight in loaded.model.visual.parameters():
        weight.requires_grad = False
    return loaded


@pytest.fixture
def processor(checkpoint: Path) -> Any:
    return SimpleNamespace(
        tokenizer=AutoTokenizer.from_pretrained(checkpoint),
        image_processor=AutoImageProcessor.from_pretrained(checkpoint, backend="pil"),
    )


def state(module: Any) -> dict[str, Any]:
    """All of a model and of the process that a training loop relies on."""
    return {
        "training": [part.training for part in module.modules()],
        "weights": [(name, one.dtype, one.device, one.requires_grad) for name, one in module.named_parameters()],
        "gradients": [one.grad is None for one in module.parameters()],
        "values": [one.detach().clone() for one in module.state_dict().values()],
        "gradients are recorded": torch.is_grad_enabled(),
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1],  # noqa: NPY002 - what others draw from
        "random": random.getstate(),
    }


def files(*folders: Path) -> set[Path]:
    """All that lie there, but for the notes on rows, which are of the data and written once these have settled."""
    return {file for folder in folders for file in folder.rglob("*") if file.name != "digests.json"}


def test_a_model_in_training_scores_what_its_checkpoint_scores_and_trains_on_as_if_nothing_had_been(
    module: Any, processor: Any, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    cache = Path(os.environ["RZEN_EVAL_CACHE"])
    on_disk = load_model("gme_2b", checkpoint=checkpoint, device="cpu", image={"min_tokens": 4, "max_tokens": 32})
    expected = evaluate_suite(on_disk, TASKS, limit=4)
    before, there = state(module), files(tmp_path, cache)
    model = model_from(module, processor, declaration="gme_2b", image={"min_tokens": 4, "max_tokens": 32})
    found = evaluate_suite(model, TASKS, limit=4)
    assert {name: one.metrics for name, one in found.tasks.items()} == {
        name: one.metrics for name, one in expected.tasks.items()
    }
    after = state(module)
    for name in ("values", "torch", "numpy"):
        for one, other in zip(before.pop(name), after.pop(name), strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(other)), name
    assert after == before
    assert files(tmp_path, cache) == there
    ids = torch.tensor([[1, 2, 3]])
    module(input_ids=ids, labels=ids).loss.backward()
    assert module.lm_head.weight.grad is not None


def test_dropout_is_off_while_vectors_are_made_and_on_afterwards():
    class Trained(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = torch.nn.Dropout(0.5)
            self.modes: set[tuple[bool, bool]] = set()

        def embed(self, items, side):
            self.modes.add((self.dropout.training, torch.is_grad_enabled()))
            torch.rand(1)
            return np.random.default_rng(len(items)).normal(size=(len(items), 4))

    model, drawn = Trained(), torch.get_rng_state()
    evaluate(load_task("vidore_arxivqa", limit=2), model)
    assert model.modes == {(False, False)}
    assert model.dropout.training
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_processor_that_pads_and_cuts_is_copied_and_stays_as_it_is(module: Any, processor: Any):
    processor.tokenizer(["a", "b b b b b b"], padding=True, truncation=True, max_length=2)
    cut = copy.deepcopy(processor.tokenizer.backend_tokenizer.truncation)
    model = model_from(module, processor, declaration="gme_2b")
    texts = [Item(text=word * 30) for word in ("a ", "a b ")]
    assert np.abs(np.diff(model.embed(texts), axis=0)).max() > 1e-3
    assert processor.tokenizer.backend_tokenizer.truncation == cut == processor.tokenizer.backend_tokenizer.truncation


def test_a_module_within_others_is_found(module: Any, processor: Any):
    peft = pytest.importorskip("peft")
    alone = model_from(module, processor, declaration="gme_2b").embed([Item(text="a cat")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        adapted = peft.get_peft_model(copy.deepcopy(module), peft.LoraConfig(r=2, target_modules=["q_proj"]))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.constant_(weight, 0.5)
    within = model_from(torch.nn.Sequential(adapted), processor, declaration="gme_2b").embed([Item(text="a cat")])
    assert 1e-4 < np.abs(alone - within).max() < 1


def test_a_module_of_another_family_is_refused_by_name(processor: Any):
    with pytest.raises(ModelError, match=r"gme_2b is declared as qwen2_vl, and Linear holds no Qwen2VLModel"):
        model_from(torch.nn.Linear(1, 1), processor, declaration="gme_2b")


class Half(toys.Constant):
    """Fails on tasks with pictures among their queries."""

    def embed(self, items, side):
        if side == "query" and items[0].images:
            raise KeyError("pixel_values")
        return super().embed(items, side)


def test_a_task_that_fails_takes_its_averages_with_it_and_leaves_the_others():
    found = evaluate_suite(Half(), TASKS, limit=2)
    assert list(found.tasks) == ["vidore_arxivqa"]
    assert "KeyError: 'pixel_values'" in found.failed["imagenet_1k"]
    assert found.overall is None
    assert list(found.groups) == ["ViDoRe-V1"]
    assert "1 failed" in repr(found)
    assert found.to_dict()["failed"] == 1
    with pytest.raises(ModelError, match="pixel_values"):
        evaluate_suite(Half(), "imagenet_1k", limit=2)


def test_a_suite_is_averaged_as_tables_average_and_says_that_it_is_the_sample():
    found = evaluate_suite(Colours(), ["vidore_arxivqa", "vidore_docvqa"], limit=3)
    scores = [round(100 * one.score, 2) for one in found.tasks.values()]
    assert found.overall == pytest.approx(sum(scores) / 200, abs=1e-4)
    assert found.groups == {"ViDoRe-V1": found.overall}
    numbers = found.to_dict("eval/")
    assert numbers["eval/overall"] == found.overall
    assert f"≈ {100 * found.overall:.1f} ± " in repr(found)
    assert re.search(r"\n\| vidore_docvqa +\| ≈ \d+\.\d\d +\|", str(found))
    assert set(numbers) == {
        "eval/overall", "eval/margin", "eval/groups/ViDoRe-V1", "eval/tasks/vidore_arxivqa", "eval/tasks/vidore_docvqa",
        "eval/cost/seconds", "eval/cost/items", "eval/cost/tokens", "eval/failed",
    }  # fmt: skip
    for shown in (repr(found), str(found), found._repr_html_()):
        assert "made-up sample, not the benchmark" in shown
    assert '<th scope="row">vidore_docvqa</th>' in found._repr_html_()


def test_results_are_written_where_asked_and_never_over_better_ones(tmp_path: Path):
    full = evaluate_suite(toys.Constant(), "vidore_arxivqa", results_dir=tmp_path)
    assert store.read(tmp_path / "Constant" / "vidore_arxivqa.json").score == full.tasks["vidore_arxivqa"].score
    with pytest.raises(Exception, match="holds a full result on data=sample, which a score of"):
        evaluate_suite(toys.Constant(), "vidore_arxivqa", limit=2, results_dir=tmp_path)


def test_results_of_weights_that_nobody_knows_beside_others_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def said(task: str) -> str:
        evaluate_suite(toys.Constant(), task, limit=2, results_dir=tmp_path)
        return capsys.readouterr().err

    assert said("vidore_arxivqa") == said("vidore_arxivqa") == ""
    line = said("vidore_docvqa")
    assert line.startswith(
        f"rzen-eval: {tmp_path}/Constant holds results of vidore_arxivqa beside those that come now;"
    )
    assert "results_dir=FOLDER keeps them apart" in line


def test_tasks_of_two_benchmarks_have_no_common_average():
    found = evaluate_suite(toys.Constant(), ["vidore_arxivqa", "vidore3_hr_english"], limit=2)
    assert isinstance(found, SuiteResult)
    assert (found.overall, len(found.groups)) == (None, 2)


def test_a_task_without_data_is_the_made_up_sample_and_says_so_everywhere():
    task = load_task("visdoc/vidore_arxivqa")
    result = evaluate(task, toys.Constant(), limit=3)
    assert repr(task) == "<Task vidore_arxivqa: ViDoRe-V1, ndcg_linear@5, data=sample (made-up, not the benchmark)>"
    assert "made-up sample, not the benchmark" in result.warnings[0]
    assert "on the made-up sample, not the benchmark, 3 random queries" in repr(result)
    assert result.source == "sample"


def test_examples_models_get_pictures_of_every_source_decoded():
    found = evaluate_suite(Colours(), ["vidore_arxivqa", "imagenet_1k", "k700"], limit=2)
    assert found.failed == {}
    assert {name: one.n_queries for name, one in found.tasks.items()} == dict.fromkeys(found.tasks, 2)


def test_an_object_gets_no_more_than_its_batch_and_each_distinct_item_once():
    class Counted(toys.Constant):
        batch_size = 3

        def __init__(self) -> None:
            self.sizes: list[int] = []

        def embed(self, items, side):
            self.sizes.append(len(items))
            return super().embed(items, side)

    model = Counted()
    result = evaluate(load_task("imagenet_1k"), model)
    assert max(model.sizes) == 3
    assert sum(model.sizes) == result.provenance["embedding"]["computed"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: load_model(5), r"load_model: expected names and settings as text, found int: 5"),
        (lambda: load_model("mini", devcie="cpu"), r"devcie"),
        (lambda: load_task("vidore_arxivqa", limit=-1), r"limit"),
        (lambda: load_task("visdoc"), r"suite of 24 tasks; load_task takes one.*evaluate_suite all of them"),
        (
            lambda: evaluate("vidore_arxivqa", toys.Constant()),
            r"expected a Task, found str; load_task\(",
        ),
        (lambda: evaluate(toys.Constant(), load_task("vidore_arxivqa")), r"task and model are swapped"),
        (lambda: evaluate(load_task("vidore_arxivqa"), "mini"), r"found str; load_model\('mini'\) loads"),
        (lambda: evaluate(load_task("vidore_arxivqa"), toys.Constant), r"the class Constant, no object of it"),
        (
            lambda: evaluate(load_task("vidore_arxivqa"), toys.Constant(), limit=0),
            r"evaluate\(limit=0\): .*expected a number of queries",
        ),
        (lambda: evaluate_suite(torch.nn.Linear(1, 1), "visdoc"), r"found Linear; model_from\(module, processor"),
        (lambda: evaluate_suite(toys.Constant(), "visdocs"), r"visdocs"),
        (lambda: evaluate_suite(toys.Constant(), "visdoc", "model=mini"), r"'model=mini' is not taken"),
        (lambda: model_from(None, None, declaration="seed_1_6_1215"), r"seed_1_6_1215 is of family api"),
    ],
)
def test_a_wrong_argument_is_named(call: Any, said: str):
    with pytest.raises(ConfigError, match=said):
        call()


def test_data_that_are_not_there_are_an_error_with_the_task_named(tmp_path: Path):
    with pytest.raises(DataError, match="vidore/arxivqa_test_subsampled_beir"):
        evaluate_suite(toys.Constant(), "vidore_arxivqa", f"data.root={tmp_path}")


class Counted(Colours):
    """Counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.items = 0

    def embed(self, items, side):
        self.items += len(items)
        return super().embed(items, side)


class Failing:
    """Embeds nothing."""

    def embed(self, items, side):
        raise KeyError("pixel_values")


def rank_of_two(rank: int, store: str, answers: Any) -> None:
    """One of two processes that train together."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    model = Counted()
    found = evaluate_suite(model, TASKS, limit=4)
    try:
        evaluate_suite(Failing() if rank else model, "imagenet_1k", limit=4)
        failed = "nothing"
    except ModelError as error:
        failed = str(error)
    answers.put((rank, model.items, {name: one.metrics for name, one in found.tasks.items()}, failed))
    torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore")
def test_two_processes_share_the_items_and_both_get_the_result_and_the_failures_of_either(tmp_path: Path):
    alone = Counted()
    expected = evaluate_suite(alone, TASKS, limit=4)
    context = forked.context()
    answers = context.SimpleQueue()
    ranks = [context.Process(target=rank_of_two, args=(rank, str(tmp_path / "store"), answers)) for rank in (0, 1)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(300)
        process.kill()
    assert [process.exitcode for process in ranks] == [0, 0]
    first, second = sorted(answers.get() for _ in ranks)
    metrics = {name: one.metrics for name, one in expected.tasks.items()}
    assert first[2] == second[2] == metrics
    assert 0 < second[1] < alone.items
    assert first[3] == second[3]
    assert "pixel_values" in first[3]
