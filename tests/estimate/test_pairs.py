"""What a second stage would cost, against the tokens of its pairs."""

import json
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.core import Side
from rzen_eval.data.load import load_data
from rzen_eval.estimate.checkpoint import known
from rzen_eval.estimate.from_data import measured
from rzen_eval.estimate.pairs import PairReader, of_pairs
from rzen_eval.models import open_reranker
from rzen_eval.models.declaration.reranker import YesNoSpec
from rzen_eval.models.rerankers.yes_no import YesNo
from tests import toys


def test_the_beginning_counts_once_a_query_and_the_rest_once_a_pair(tmp_path: Path):
    toys.four_pages(tmp_path)
    task = toys.toy_task(tmp_path, tmp_path / "cache")
    spec = compose.load(["reranker=mini_judge", "reranker.device=cpu"], need_tasks=False).reranker
    assert spec is not None
    judge = open_reranker(spec, tmp_path / "cache")
    assert isinstance(judge, YesNo)
    reader = PairReader.of(known(judge.spec))
    cost = of_pairs(task, measured(task, reader, None), reader, 3)
    data = load_data(task)
    tokens = flops = 0
    for query in data.queries:
        asked = judge.rendered(query, Side.QUERY)
        before = len(judge.encoded(asked.prompt))
        tokens, flops = tokens + before, flops + reader.anatomy.forward(before, []).total
        for candidate in data.candidates[:3]:
            offered = judge.rendered(candidate, Side.CANDIDATE)
            sizes = offered.pictures.measure()
            whole = judge.planned_pair(asked, offered, [], sizes).length
            tokens += whole - before
            flops += reader.anatomy.forward(whole, sizes).total - reader.anatomy.forward(before, []).total
    assert cost.total.items == 12
    assert cost.total.text_tokens + cost.total.visual_tokens == tokens
    assert cost.total.flops == pytest.approx(flops, rel=1e-3)


def test_the_command_counts_pairs_without_data(capsys: pytest.CaptureFixture[str]):
    words = ["task=[nights,qvhighlight,vidore_arxivqa]", "reranker=qwen3_vl_reranker_2b", "--format", "json"]
    assert main(["estimate", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["items"] for row in said["tasks"]] == [100_000, 10_830, 50_000]
    assert (said["reranker"], said["top_k"]) == ("qwen3_vl_reranker_2b", 100)
    assert main(["estimate", *words, "--top-k", "10", "limit=first:5"]) == 0
    assert [row["items"] for row in json.loads(capsys.readouterr().out)["tasks"]] == [50, 50, 50]


@pytest.mark.parametrize(("name", "billions"), [("qwen3_vl_reranker_2b", 2.13), ("qwen3_vl_reranker_8b", 8.77)])
def test_declared_rerankers_have_the_sizes_that_they_say(name: str, billions: float, tmp_path: Path):
    spec = compose.load([f"reranker={name}", f"cache_dir={tmp_path}"], need_tasks=False).reranker
    assert isinstance(spec, YesNoSpec)
    assert spec.parameters_b == billions
    assert PairReader.of(known(spec)).anatomy.parameters / 1e9 == pytest.approx(billions, abs=0.005)


def test_what_a_class_computes_is_not_known(capsys: pytest.CaptureFixture[str]):
    words = ["estimate", "task=nights", "reranker=python", "reranker.class=my_module:Judge"]
    assert main(words) == 2
    assert "estimate: what Judge computes is not known; expected a reranker that this" in capsys.readouterr().err


def test_measured_speeds_are_of_other_models(capsys: pytest.CaptureFixture[str]):
    assert main(["estimate", "task=nights", "reranker=qwen3_vl_reranker_2b", "--devices", "h100,here"]) == 2
    assert "so --devices here says nothing of qwen3_vl_reranker_2b" in capsys.readouterr().err
