"""`rzen-eval estimate`, against tokens counted by hand and against what a run counts."""

import io
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from PIL import Image

from rzen_eval import Item, evaluate, load_model, load_task
from rzen_eval.cli.estimate_rows import duration, short
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from rzen_eval.estimate.checkpoint import known
from rzen_eval.estimate.cost import Amount
from rzen_eval.estimate.devices import DEVICES, seconds
from rzen_eval.estimate.from_counts import assumed
from rzen_eval.estimate.from_data import measured
from rzen_eval.estimate.item_cost import Reader
from rzen_eval.models.pictures.resize import Visual
from tests import toys


def reader(model: str, *settings: str) -> Reader:
    spec = compose.load([f"model={model}", "task=visdoc/vidore_arxivqa", *settings]).model
    return Reader.of(known(spec))


@pytest.fixture
def rzen() -> Reader:
    """RzenEmbed by its declaration: no tokenizer, no weights."""
    return reader("rzenembed_v2_7b")


@pytest.fixture
def estimate(capsys: pytest.CaptureFixture[str]):
    def call(*words: str) -> str:
        assert main(["estimate", *words]) == 0
        return capsys.readouterr().out

    return call


def row(out: str, name: str) -> dict[str, str]:
    """A row of the first table that has it."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines() if line.startswith("|")]
    head = lines[0]
    return dict(zip(head[1:], next(line for line in lines if line[0] == name)[1:], strict=False))


def test_tokens_of_a_tiny_task_are_those_counted_by_hand(tmp_path: Path, cache: Path, rzen: Reader):
    toys.four_pages(tmp_path)
    cost = measured(toys.toy_task(tmp_path, cache), rzen, set())
    # The template has 6 special tokens and 52 other characters; "Find: shade 60" adds 13 to 15, so 65 to 67 make 17
    # tokens of four; "Read." makes 57 of them, 15 tokens. A page of 56x56 grows to the least of 256 tokens, which stand
    # for one of its three special tokens.
    assert cost.queries == Amount(items=4, text_tokens=4 * (6 + 17), flops=4 * rzen.anatomy.forward(23, []).total)
    page = rzen.anatomy.forward(23 + 256, [Visual(448, 448)])
    assert cost.candidates == Amount(
        items=4, images=4, text_tokens=4 * (6 + 2 + 15), visual_tokens=4 * 256, flops=4 * page.total
    )
    assert (cost.n_queries, cost.n_candidates, cost.source) == (4, 4, "data")


def test_a_text_is_cut_to_the_models_length_and_pictures_that_do_not_fit_are_counted(tmp_path: Path, cache: Path):
    toys.four_pages(tmp_path)
    task = toys.toy_task(tmp_path, cache)
    cut = measured(task, reader("rzenembed_v2_7b", "model.max_length=20"), set())
    assert cut.queries.text_tokens == 4 * 20
    assert (cut.queries.misfits, cut.candidates.misfits) == (0, 4)


@pytest.mark.parametrize(
    "name",
    ["visdoc/vidore_docvqa", "image/cirr", "image/webqa", "video/msr_vtt", "video/mvbench", "video/momentseeker"],
)
def test_items_and_tokens_are_those_of_a_run(name: str):
    task = load_task(name, "data=sample")
    cost = measured(task, reader("mini"), None)
    result = evaluate(task, load_model("mini", "device=cpu"))
    told = result.provenance["embedding"]
    assert (cost.n_queries, cost.n_candidates) == (result.n_queries, result.n_candidates)
    assert cost.total.items == told["computed"]
    assert cost.total.text_tokens + cost.total.visual_tokens == told["tokens"]
    assert cost.source == "data"


def test_what_two_tasks_share_is_embedded_once():
    mini, seen = reader("mini"), set()
    tasks = [load_task(f"visdoc/vidoseek_{kind}", "data=sample") for kind in ("page", "doc")]
    first, second = (measured(task, mini, seen) for task in tasks)
    assert first.total.items == first.n_queries + first.n_candidates
    assert (second.n_candidates, second.total) == (first.n_candidates, Amount())
    assert measured(tasks[1], mini, None).total == first.total


def pages(root: Path, n: int) -> None:
    """A corpus of n different pages of 28x28 pixels."""

    def page(number: int) -> bytes:
        stream = io.BytesIO()
        Image.new("RGB", (28, 28), (number % 256, number // 256, 0)).save(stream, format="PNG")
        return stream.getvalue()

    corpus = {f"p{number}": page(number) for number in range(n)}
    toys.write_beir(root, {"q0": "shade"}, corpus, [("q0", "p0", 1)])


@pytest.mark.parametrize(("n", "source"), [(200, "data"), (401, "data, sampled")])
def test_of_more_than_200_pictures_a_sample_stands_for_all(
    tmp_path: Path, cache: Path, rzen: Reader, n: int, source: str
):
    pages(tmp_path, n)
    cost = measured(toys.toy_task(tmp_path, cache, n_queries=1, n_candidates=n), rzen, set())
    assert cost.source == source
    assert (cost.candidates.items, cost.candidates.images, cost.candidates.visual_tokens) == (n, n, 256 * n)


def counted(name: str, model: Reader, *settings: str) -> Any:
    return assumed(load_task(name, "data=hub", *settings), model)


def test_declared_counts_with_pages_of_an_assumed_size_are_what_a_task_takes_without_data(rzen: Reader):
    cost = counted("visdoc/vidore_docvqa", rzen)
    assert (cost.n_queries, cost.n_candidates, cost.source) == (451, 500, "counts")
    # 1700x2200 pixels in at most 1280 squares of 28: 31 by 40.
    assert (cost.total.images, cost.total.visual_tokens) == (500, 500 * 31 * 40)
    assert cost.total.items == 951


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("image/imagenet_1k", (1000, 1000, 1000, 0, "counts ~")),
        ("image/cirr", (1000, 5000, 6000, 0, "counts ~")),
        ("image/mscoco_t2i", (1000, 5000, 5000, 0, "counts ~")),
        ("video/hmdb51", (1000, 51, 0, 8 * 1000, "counts")),
        ("video/egoschema", (500, 2000, 0, 8 * 500, "counts ~")),
        ("video/msvd", (670, 670, 0, 8 * 670, "counts ~")),
        ("video/qvhighlight", (1083, 10830, 0, 8 * (1083 + 10830), "counts ~")),
    ],
)
def test_each_kind_of_task_has_its_assumptions(rzen: Reader, name: str, expected: tuple[int, int, int, int, str]):
    cost = counted(name, rzen)
    assert (cost.n_queries, cost.n_candidates, cost.total.images, cost.total.frames, cost.source) == expected


def test_texts_without_data_are_as_long_as_their_task_declares_and_those_beyond_the_models_length_are_cut():
    model = reader("wemm_2b")
    cost = assumed(load_task("mmeb_v3/longembed_needle", "data=hub"), model)
    around = model.amount(Item(text=""), Side.CANDIDATE, by_rule=True).text_tokens
    lengths = (1013, 2010, 4070, 8454, 17395)
    short = sum(model.amount(Item(text="x" * length), Side.CANDIDATE, by_rule=True).text_tokens for length in lengths)
    assert cost.candidates.text_tokens == 100 * (short + 3 * 8192)
    assert short == pytest.approx(sum(lengths) / 4 + 5 * around, abs=5)
    assert (cost.candidates.items, cost.candidates.cut, cost.queries.cut) == (800, 300, 0)


def test_the_footnote_names_the_tasks_whose_texts_are_cut_and_json_has_all(estimate):
    out = estimate("task=[mmeb_v3/longembed_needle,mmeb_v3/longembed_narrativeqa,mmeb_v3/nanobeir_nq]", "model=wemm_2b")
    assert (
        "cut: texts longer than the 8,192 tokens that the model reads, by mean lengths where data are not there:"
        " longembed_narrativeqa 355 of 355 candidates, longembed_needle 300 of 800 candidates"
    ) in " ".join(out.split())
    asked = ("task=[mmeb_v3/longembed_needle,mmeb_v3/nanobeir_nq]", "model=wemm_2b", "--format", "json")
    assert [row["cut_items"] for row in json.loads(estimate(*asked))["tasks"]] == [300, 0]


def test_texts_that_are_cut_are_those_that_a_run_cuts():
    task, length = load_task("mmeb_v3/longembed_needle", "data=sample"), "model.max_length=40"
    cost = measured(task, reader("mini", length), None)
    said = evaluate(task, load_model("mini", "device=cpu", length)).warnings
    for side, amount in (("query", cost.queries), ("candidate", cost.candidates)):
        found = [line for line in said if line.startswith(f"{task.id}: {side} texts")]
        assert [line.endswith(f"{amount.cut} of {amount.items}") for line in found] == [True] * bool(amount.cut)
    assert 0 < cost.queries.cut + cost.candidates.cut < cost.total.items


def test_pages_that_six_languages_share_are_counted_once_without_data_too(rzen: Reader):
    tasks = compose.load(["task=vidore_v3_hr"]).tasks.values()
    corpora: set[str] = set()
    costs = [assumed(task, rzen, corpora=corpora) for task in tasks]
    assert [cost.candidates.items for cost in costs] == [1110, 0, 0, 0, 0, 0]
    assert {cost.queries.items for cost in costs} == {318}
    assert [assumed(task, rzen).candidates.items for task in tasks] == [1110] * 6


def test_the_text_of_a_page_is_counted_where_a_task_has_it(rzen: Reader):
    without, with_text = (
        assumed(load_task(f"{suite}_hr_english"), rzen).candidates
        for suite in ("vidore_v3/vidore3", "vidore_v3_1/vidore3_1")
    )
    assert with_text.visual_tokens == without.visual_tokens
    assert with_text.text_tokens - without.text_tokens == 1110 * 2500 // 4


def test_a_limit_takes_queries_and_the_pools_that_are_their_own(rzen: Reader):
    own, whole = counted("video/qvhighlight", rzen, "limit=10"), counted("video/msvd", rzen, "limit=10")
    assert (own.n_queries, own.n_candidates) == (10, 100)
    assert (whole.n_queries, whole.n_candidates) == (10, 670)


def test_two_frames_of_a_clip_share_their_tokens_where_the_model_reads_a_video(rzen: Reader):
    # 640x360 pixels: 23 by 13 squares of 28, four pairs of frames; RzenEmbed shrinks each frame to 17 by 10.
    assert counted("video/msvd", reader("vlm2vec_v2_2b")).total.visual_tokens == 670 * 4 * 23 * 13
    assert counted("video/msvd", rzen).total.visual_tokens == 670 * 8 * 17 * 10


def test_a_checkpoint_that_is_there_wins_over_the_declared_sizes(checkpoint: Path, tmp_path: Path):
    bare = shutil.copytree(checkpoint, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    found = reader("rzenembed_v2_7b", f"model.checkpoint={bare}")
    assert (found.anatomy.parameters, found.anatomy.dim) == (219_520, 64)
    assert found.tokenizer is not None


def test_an_unknown_model_that_is_not_here_is_one_line():
    spec = compose.load(["model=rzenembed_v2_7b", "task=visdoc/vidore_arxivqa"]).model
    with pytest.raises(ModelError, match=r"not on this machine.*model\.checkpoint=FOLDER"):
        known(spec.model_copy(update={"architecture": None}))


def test_time_is_operations_over_what_the_devices_do():
    assert seconds(989 * 10**15, DEVICES["h100"], efficiency=0.5, n_devices=4) == pytest.approx(500)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0"), (999, "999"), (999.6, "1.00 k"), (12_345, "12.3 k"), (4.567e18, "4.57 E")]
)
def test_numbers_have_three_digits(number: float, said: str):
    assert short(number) == said


@pytest.mark.parametrize(("time", "said"), [(0.01, "< 0.1 s"), (89, "89.0 s"), (120, "2.0 min"), (7200, "2.0 h")])
def test_times_read_well(time: float, said: str):
    assert duration(time) == said


def test_the_table_has_a_row_a_task_and_totals(estimate):
    out = estimate(
        "task=[visdoc/vidore_docvqa,video/msr_vtt]", "data=sample", "devices=[H100,cpu]", "n_devices=8", "efficiency=1"
    )
    page, clip, both = (row(out, name) for name in ("vidore_docvqa", "msr_vtt", "in all (2)"))
    assert (page["queries"], page["candidates"], page["to embed"], page["from"]) == ("16", "24", "40", "data")
    assert (page["images"], page["frames"], clip["images"]) == ("24", "0", "0")
    assert int(both["to embed"]) == int(page["to embed"]) + int(clip["to embed"])
    assert page["vectors"] == short(40 * 128 * 4, "B")
    assert {"8 x H100", "8 x 2 CPU cores"} < set(page)
    assert "100% of the peak" in out


def test_vectors_take_what_the_store_keeps(estimate):
    settings = ("task=visdoc/vidore_docvqa", "model=rzenembed_v2_7b")
    kept = [row(estimate(*settings, f"runtime.store={store}"), "vidore_docvqa")["vectors"] for store in
            ("float32", "float16", "null")]  # fmt: skip
    assert kept == [short(951 * 3584 * 4, "B"), short(951 * 3584 * 2, "B"), "0 B"]


def test_nothing_is_asked_of_the_network_although_the_data_are_on_the_hub(estimate, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    out = estimate("task=[visdoc/vidore_docvqa,video/k700,image/cirr]", "model=vlm2vec_v2_2b")
    assert "2.21 B parameters, vectors of 1536 dimensions, sizes from its declaration" in out
    assert "memory: 4.42 GB of weights, read into" in out
    assert "3 of 3 tasks go by their declared counts" in out
    assert constants.HF_HUB_OFFLINE is False


def test_a_task_whose_data_are_missing_goes_by_counts_and_says_why(estimate, mirror: Path):
    out = estimate("task=[visdoc/vidore_docvqa,visdoc/visrag_plotqa]", f"data.root={mirror}")
    assert [row(out, name)["from"] for name in ("vidore_docvqa", "visrag_plotqa")] == ["data", "counts"]
    assert "1 of 2 tasks go by their declared counts (visrag_plotqa: no folder at" in out


def test_a_task_of_a_recipe_that_does_not_say_what_items_are_like_is_unknown_and_in_no_sum(estimate, tmp_path: Path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "own.yaml").write_text(
        "# @package tasks.own\nname: Own\nmodality: visdoc\ngroup: Own\nrecipe: tests.evaluation.breaking\n"
        "metric: hit@1\npool: corpus\ndataset: {repo: me/own, split: test}\noptions: {stage: rows}\nn_queries: 7\n"
    )
    out = estimate("--config-dir", str(tmp_path), "task=[own,visdoc/vidore_docvqa]", "model=rzenembed_v2_7b")
    own, page, both = (row(out, name) for name in ("own", "vidore_docvqa", "visdoc (1 of 2)"))
    assert own.pop("queries") == "7"
    assert set(own.values()) == {"unknown"}
    assert both == {key: page[key] for key in both}
    assert "unknown: own, left out of the sums" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--devices", "h1000"], 2, "found 'h1000' (did you mean h100?)"),
        (["devices=[]"], 2, "found none"),
        (["--efficiency", "40"], 2, "above 0 and up to 1, found '40'"),
        (["efficiency=nan"], 2, "found 'nan'"),
        (["n_devices=0"], 2, "a whole number, 1 to 1000000, found '0'"),
        (["data.root=/nowhere"], 1, "no folder at /nowhere"),
        (["device=h100"], 2, "unknown key 'device' (did you mean --devices?)"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]):
    assert main(["estimate", *words]) == code
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
