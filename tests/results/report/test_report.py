"""`rzen-eval report`: what is known of every query, and what is said where it is not."""

import base64
import gzip
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from rzen_eval import load_data, load_task
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.core import Limit
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.evaluation.score import score
from rzen_eval.results import store
from tests.conftest import FIXTURES


class Words:
    """Counts letters; knows nothing of pictures but their number."""

    def embed(self, items, side):
        vectors = np.array([[1.0, *((item.text or "").count(letter) for letter in "aeiou")] for item in items])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror, and results of two models on it: `mirror`, `results/words`, `results/same`."""
    place = tmp_path_factory.mktemp("report")
    root = shutil.copytree(FIXTURES / "mirror", place / "mirror")
    chosen = compose.load(
        ["task=[visdoc/vidore_docvqa,visdoc/visrag_chartqa]", f"data.root={root}", f"cache_dir={place / 'cache'}"]
    )
    with Loader(0) as loader:
        for task in chosen.tasks.values():
            made = score(task, Words(), loader, tokens_per_batch=100)
            for name in ("words", "same"):
                store.write(place / "results" / name, made.result, made.run, made.queries)
    return place


@pytest.fixture
def place(once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(once, tmp_path / "place")


def test_a_query_has_the_language_that_its_repository_says(mirror: Path):
    settings = [f"data.root={mirror}", "data.strict=false"]
    spoken = load_data(load_task("visdoc/vidore_esg_reports_v2_multilingual", *settings)).languages
    assert spoken is not None
    assert Counter(spoken) == dict.fromkeys(("english", "french", "german", "spanish"), 8)
    assert load_data(load_task("visdoc/vidore_docvqa", *settings)).languages is None


@pytest.fixture
def report(place: Path, capsys: pytest.CaptureFixture[str]):
    """Run the verb; gives its exit code, what it said and the tasks in the file it wrote."""

    def run(*words: str, models: tuple[str, ...] = ("words",), root: str = "mirror"):
        settings = [f"data.root={place / root}", f"cache_dir={place / 'cache'}"] if root else []
        folders = [str(place / "results" / name) for name in models]
        code = main(["report", *folders, *settings, *words])
        captured = capsys.readouterr()
        file = place / "results" / models[0] / "report.html"
        text = file.read_text() if file.is_file() else ""
        packed = dict(re.findall(r'data-task="(\w+)">([^<]+)<', text))
        tasks = {name: json.loads(gzip.decompress(base64.b64decode(one))) for name, one in packed.items()}
        return code, captured.out + captured.err, tasks, text

    return run


def test_the_file_holds_every_query_with_its_pictures(report):
    code, said, tasks, text = report()
    assert code == 0
    assert "2 tasks, 16 queries, 16 of them with pictures" in said
    browsed = tasks["vidore_docvqa"]["browse"]
    assert len(browsed["query"]["id"]) == 8
    assert browsed["pictures"]
    assert all(browsed["candidate"]["picture"][row] is not None for row in browsed["runs"][0]["top"][0])
    assert "http" not in re.sub(r"https://arxiv\S+|http://www.w3.org/2000/svg", "", text.split("<script>")[1])
    assert report()[3] == text


def test_two_models_stand_side_by_side(report):
    _, _, tasks, text = report(models=("words", "same"))
    runs = tasks["vidore_docvqa"]["browse"]["runs"]
    assert [run["model"] for run in runs] == [0, 1]
    assert runs[0]["rank"] == runs[1]["rank"]
    assert "words and same on MMEB-V2" in text


def test_pictures_are_as_many_as_asked(report):
    _, said, tasks, _ = report("--thumbnails", "3")
    assert "16 queries, 6 of them with pictures" in said
    assert tasks["vidore_docvqa"]["pictured"] == 3


def test_without_the_data_the_scores_are_still_there_and_one_line_says_what_is_missing(report):
    code, said, tasks, text = report(root="elsewhere")
    assert code == 0
    assert "0 queries" in said
    line = next(line for line in said.splitlines() if line.startswith("vidore_docvqa"))
    assert "No queries are shown: " in line
    low, high = tasks["vidore_docvqa"]["results"][0]["estimate"]
    assert float(low) < 100 * tasks["vidore_docvqa"]["results"][0]["score"] < float(high)
    assert tasks["vidore_docvqa"]["browse"] is None
    assert "ViDoRe_docvqa" in text


def test_data_are_found_where_they_were_scored_and_asked_for_where_they_have_gone(report, place: Path):
    _, said, _, _ = report(root="")
    assert "2 tasks, 16 queries" in said
    for file in place.glob("results/*/*.json"):
        result = store.read(file)
        dataset = result.provenance["dataset"] | {"root": str(place / "gone")}
        store.write_alone(
            file.parent, result.model_copy(update={"provenance": result.provenance | {"dataset": dataset}})
        )
    _, said, _, _ = report(root="")
    assert f"was made of data=mirror data.root={place}/gone, which is not here; give data=mirror data.root=DIR" in said


def test_results_without_rankings_are_reported_without_queries(report, place: Path):
    shutil.rmtree(place / "results/words/runs")
    code, said, tasks, text = report("--references", "rzenembed_v2_7b", "--data-version", "2.0")
    line = "vidore_docvqa and 1 more: No queries are shown: there are no rankings beside the result."
    assert (code, line in said, line in text) == (0, True, True)
    assert tasks["vidore_docvqa"]["browse"] is None
    assert "RzenEmbed-v2-7B, published" in text
    assert "89.70" in text


def test_pictures_of_other_files_are_left_out_unless_trusted(report, place: Path):
    for file in (place / "mirror").rglob("*.parquet"):
        parquet.write_table(parquet.read_table(file), file, compression="none")
    _, said, tasks, _ = report()
    assert "16 queries, 0 of them with pictures" in said
    assert "Pictures are left out" in said
    assert tasks["vidore_docvqa"]["browse"]["pictures"] == []
    _, said, tasks, _ = report("--trust-files")
    assert "16 of them with pictures" in said


def test_a_run_of_other_queries_is_said_and_not_shown(report, place: Path):
    file = place / "results/words/runs/vidore_docvqa.jsonl.gz"
    line = {"query": "nobody", "candidates": ["0"], "scores": [1.0]}
    file.write_bytes(gzip.compress(json.dumps(line).encode()))
    _, said, tasks, _ = report()
    assert "vidore_docvqa: words: no queries are shown, since the data that were found have other query ids" in said
    assert tasks["vidore_docvqa"]["browse"] is None
    file.write_bytes(b"damaged")
    code, said, _, _ = report()
    assert code == 1
    assert "vidore_docvqa.jsonl.gz is damaged" in said


def test_a_score_of_fewer_queries_is_not_set_beside_one_of_all(report, place: Path):
    file = place / "results/same/vidore_docvqa.json"
    store.write_alone(file.parent, store.read(file).model_copy(update={"limit": Limit(how="first", n=3)}))
    _, said, tasks, _ = report(models=("words", "same"))
    assert (
        "vidore_docvqa: same: no queries are shown, since its score is of the first 3 queries and that of words is of"
        " all queries; score both alike."
    ) in said
    assert [run["model"] for run in tasks["vidore_docvqa"]["browse"]["runs"]] == [0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected a folder of results, RESULTS/MODEL"),
        (["{place}/results/words", "{place}/results/same", "{place}/results"], "expected one model or two, found 4"),
        (["{place}/results/words", "--references", "nobody"], "report: no model 'nobody'"),
        (["{place}/results/words", "task=image/n24news"], "no results of the chosen tasks; found vidore_docvqa"),
        (["{place}/results/words", "--thumbnails", "few"], "expected a whole number, 0 to 1000000, found 'few'"),
        (["{place}/results/words", "--size", "0"], "expected a whole number, 32 to 2048, found '0'"),
    ],
)
def test_what_cannot_be_reported_is_said_in_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
):
    assert main(["report", *(word.format(place=place) for word in words)]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
