"""Scores at fewer dimensions and bits, from vectors that a run has kept."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rzen_eval.cli.main import main
from rzen_eval.core import Item, MultiVectors, TaskData
from rzen_eval.engine.item_key import item_key
from rzen_eval.engine.kept_vectors import MissingVectorsError, stored_vectors
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from rzen_eval.ranking.quantise import Precision, shrink
from rzen_eval.results.figures import sweep
from tests.cli.test_main import Ran
from tests.results.test_store import result
from tests.runs import manifest_of

FULL = (64, Precision.FLOAT32)
MADE_OF = manifest_of(
    {"image": {"I-CLS": ["i"]}, "visdoc": {"ViDoRe-V1": ["a", "b"], "VisRAG": ["c"], "VisDoc-OOD": ["d"]}}
)


class Speller:
    """Prompts as a model has them, and no weights at all."""

    def prompt(self, item, side):
        return f"{side}: {item.text}"


DATA = TaskData(["q"], [Item(text="a cat")], ["a", "b"], [Item(text="cat"), Item(text="dog")], {"q": {"a": 1}})


def kept(rows: dict[tuple[str, str], list[list[float]]]) -> VectorStore:
    store = VectorStore(None)
    keys = [item_key(f"{side}: {text}", Item(text=text)) for side, text in rows]
    store.put(keys, [np.array(row, dtype=np.float32) for row in rows.values()])
    return store


def test_stored_vectors_come_in_the_order_of_the_items():
    store = kept({("candidate", "dog"): [[0, 1]], ("query", "a cat"): [[0.6, 0.8]], ("candidate", "cat"): [[1, 0]]})
    found = stored_vectors(DATA, Speller(), store)
    np.testing.assert_allclose(found.queries, [[0.6, 0.8]], rtol=1e-6)
    np.testing.assert_array_equal(found.candidates, [[1, 0], [0, 1]])


def test_stored_items_of_many_vectors_keep_them_apart():
    store = kept({("candidate", "dog"): [[0, 1]], ("query", "a cat"): [[1, 0]], ("candidate", "cat"): [[1, 0], [0, 1]]})
    found = stored_vectors(DATA, Speller(), store)
    assert isinstance(found.queries, MultiVectors)
    assert isinstance(found.candidates, MultiVectors)
    assert found.candidates.lengths.tolist() == [2, 1]


def test_vectors_that_are_missing_are_counted():
    with pytest.raises(MissingVectorsError, match=r"^2 of 3 vectors are not in") as caught:
        stored_vectors(DATA, Speller(), kept({("candidate", "dog"): [[0, 1]]}))
    assert (caught.value.missing, caught.value.wanted) == (2, 3)


def test_many_vectors_an_item_shrink_one_by_one():
    vectors = MultiVectors(np.array([[0.48, 0.64, 0.6], [-1, 0, 0]], dtype=np.float32), np.array([0, 2]))
    left, right = shrink(vectors, vectors, 2, Precision.BINARY)
    assert isinstance(left, MultiVectors)
    assert isinstance(right, MultiVectors)
    assert (right.rows.tolist(), right.offsets.tolist()) == ([[1, 1], [-1, -1]], [0, 2])


def test_means_and_percentages_are_of_the_same_tasks():
    rows = sweep.rows(
        "toy",
        {
            FULL: [result("a", 0.5), result("c", 1.0, group="VisRAG")],
            (32, Precision.INT8): [result("a", 0.25), result("c", 0.5, group="VisRAG", n_ties=3)],
        },
        MADE_OF,
    )
    assert [(row.bytes, row.mean, row.percent) for row in rows] == [(256, 75.0, 100.0), (32, 37.5, 50.0)]
    assert sweep.lines(rows)[1] == {
        "Model": "toy",
        "dims": "32", "precision": "int8", "bytes": "32", "tasks": "2", "mean": "37.50", "% of full": "50.0",
        "ties": "3", "Visdoc": "37.50 (2 of 4)", "ViDoRe-V1": "25.00 (1 of 2)", "VisRAG": "50.00",
    }  # fmt: skip


def test_without_a_full_score_there_is_no_percentage():
    rows = sweep.rows("toy", {FULL: [result("a", 0.0)]}, MADE_OF)
    assert rows[0].percent is None
    assert sweep.lines(rows)[0]["% of full"] == "–"


def test_two_versions_of_the_data_are_never_averaged():
    old, new = (result(name, score, provenance={"versions": [name]}) for name, score in (("2.0", 0.2), ("2.1", 0.4)))
    rows = sweep.rows("toy", {FULL: [old, new]}, MADE_OF)
    assert [(row.model, row.mean) for row in rows] == [("toy (data 2.1)", 40.0), ("toy (data 2.0)", 20.0)]
    assert Image.open(io.BytesIO(sweep.plot(rows, "png"))).size[0] == 1200


def test_a_plot_is_the_same_every_time():
    rows = sweep.rows("toy", {FULL: [result("a", 0.5)], (8, Precision.BINARY): [result("a", 0.25)]}, MADE_OF)
    assert sweep.plot(rows, "svg") == sweep.plot(rows, "svg")
    assert sweep.plot(rows, "png") == sweep.plot(rows, "png")


@pytest.fixture
def command(tmp_path: Path, mirror: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]):
    """Run the command line on the mirror and the tiny checkpoint, whose vectors have 64 dimensions, unless told."""

    def run(*words: str, task: str = "visdoc/vidore_docvqa") -> Ran:
        verb = [word for word in words if "=" not in word]
        settings = [
            f"task={task}", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "model.device=cpu",
            "data=mirror", f"data.root={mirror}", f"cache_dir={tmp_path / 'cache'}", "runtime.workers=0",
            f"results_dir={tmp_path / 'results'}",
        ]  # fmt: skip
        code = main([*verb, *settings, *(word for word in words if "=" in word)])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.mark.usefixtures("sample_root")
def test_a_sweep_of_the_sample_ends_with_a_row_a_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    settings = ["task=visdoc/vidore_arxivqa", f"results_dir={tmp_path}", "runtime.workers=0"]
    assert main(settings) == 0
    capsys.readouterr()
    assert main(["sweep", *settings, "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if "| mini" in line]
    assert [row[1:4] for row in cells] == [
        [str(dims), precision, str(-(-dims * bits // 8))]
        for dims in (128, 64, 32, 16)
        for precision, bits in (("float32", 32), ("float16", 16), ("int8", 8), ("binary", 1))
    ]
    scored = json.loads((tmp_path / "mini/vidore_arxivqa.json").read_text())
    assert cells[0][5:7] == [f"{100 * scored['score']:.2f}", "100.0"]
    table = pd.read_csv(tmp_path / "out/sweep.csv")
    assert table["bytes"].tolist() == [int(row[3]) for row in cells]
    tasks = pd.read_csv(tmp_path / "out/sweep_tasks.csv")
    assert tasks.loc[0, ["task", "bytes_per_vector", "score"]].tolist() == ["ViDoRe_arxivqa", 512, scored["score"]]
    with Image.open(tmp_path / "out/sweep.png") as drawn:
        assert drawn.size[0] == 1200
    assert (tmp_path / "out/sweep.svg").read_text().startswith("<?xml")


def test_a_sweep_loads_no_weights(command, monkeypatch: pytest.MonkeyPatch):
    assert command().code == 0

    def trap(_model: Qwen2VL):
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(Qwen2VL, "_model", property(trap))
    ran = command("sweep", "dims=[16]", "precision=[int8,binary]")
    assert (ran.code, ran.err) == (0, "")
    rows = [line.split("|")[2:4] for line in ran.out.splitlines() if line.startswith("| rzen")]
    assert [[cell.strip() for cell in row] for row in rows] == [["64", "float32"], ["16", "int8"], ["16", "binary"]]
    assert "not the benchmark's data" in ran.out


def test_missing_vectors_are_one_line_with_their_number_and_the_command_that_makes_them(command):
    command()
    both = "[visdoc/vidore_docvqa,visdoc/visrag_chartqa]"
    ran = command("sweep", task=both)
    assert ran.code == 1
    line = ran.err.strip()
    assert "\n" not in line
    assert line.startswith("rzen-eval: sweep: 18 of 18 vectors of visrag_chartqa are not in ")
    assert f"this embeds them: rzen-eval 'task={both}' model=rzenembed_v2_7b" in line
    assert "results_dir=FOLDER" not in line
    command(task=both)
    assert command("sweep", task=both).code == 0


def test_missing_vectors_of_a_result_that_is_there_need_another_results_folder(command):
    command("runtime.store=null")
    assert "results_dir=FOLDER, another than now" in command("sweep").err


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("dims=[8,65]", "expected --dims from 1 to the model's 64, found 65"),
        ("dims=", "expected whole numbers from 1"),
        ("precision=[int4]", "float32, float16, int8, binary, found '[int4]' (did you mean int8?)"),
        ("limit=2", "leave limit= and runtime.store=null away"),
        ("out=", "argument --output: expected a path, found nothing"),
    ],
)
def test_what_cannot_be_swept_is_said_at_once(command, word: str, message: str):
    ran = command("sweep", word)
    assert ran.code == 2
    assert message in ran.err


def test_without_matplotlib_a_plot_is_refused_before_the_work(command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = command("sweep", "out=somewhere")
    assert ran.code == 2
    assert ran.err.strip() == (
        "rzen-eval: sweep: --output draws a plot, which needs matplotlib; pip install 'rzen-eval[plot]',"
        " or leave --output away"
    )
