"""`rzen-eval report`: what is known of every query, and what is said where it is not."""

import base64
import gzip
import io
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from rzen_eval import load_data, load_task
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.core import Item, Limit, Result, Run, TaskData
from rzen_eval.data.chosen import judgements
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.evaluation.score import score
from rzen_eval.results import store
from rzen_eval.results.report.judged_run import Judged, judge
from rzen_eval.results.report.pictures import Album
from rzen_eval.results.report.query_browser import browse, worth_seeing
from rzen_eval.results.report.slices import slices
from tests.conftest import FIXTURES
from tests.results.test_store import result

CANDIDATES = ["a", "b", "c", "d"]
DATA = TaskData(
    query_ids=["q0", "q1", "q2", "q3"],
    queries=[Item(text="one"), Item(text="one two"), Item(text="one two three"), Item(text="one two three four")],
    candidate_ids=CANDIDATES,
    candidates=[Item(text=name) for name in CANDIDATES],
    qrels={"q0": {"a": 1.0}, "q1": {"b": 1.0, "c": 1.0}, "q2": {"d": 1.0}, "q3": {"a": 1.0}},
)
RUN = Run(
    {"q0": ["a", "b", "c", "d"], "q1": ["a", "b", "c", "d"], "q2": ["a", "b", "c"], "q3": ["b", "a", "c"]},
    {"q0": [0.9, 0.4, 0.3, 0.2], "q1": [0.8, 0.5, 0.4, 0.1], "q2": [0.7, 0.6, 0.5], "q3": [0.5, 0.5, 0.1]},
)


def scored(score: float = 0.25, **fields: object) -> Result:
    return result("toy", score, **{"metric": "hit@1", "n_queries": 4, "n_candidates": 4, **fields})


def judged() -> Judged:
    found = judge(scored(), RUN, DATA)
    assert isinstance(found, Judged)
    return found


def test_places_and_margins_are_those_worked_out_by_hand():
    found = judged()
    assert found.values.tolist() == [1, 0, 0, 0]
    assert found.ranks == [1, 2, None, 2]
    # 0.9 - 0.4; 0.5 - 0.8, the better of two right answers; not in the run; equal scores.
    assert found.margins == [pytest.approx(0.5), pytest.approx(-0.3), None, 0]
    assert found.tied == [False, False, False, True]


def test_a_candidate_listed_twice_is_no_tie():
    data = TaskData(["q"], [Item(text="x")], ["a", "b"], [Item(text="a"), Item(text="b")], {"q": {"a": 1.0}})
    found = judge(result("toy", 1.0, metric="hit@1"), Run({"q": ["a", "a", "b"]}, {"q": [0.5, 0.5, 0.1]}), data)
    assert isinstance(found, Judged)
    assert found.tied == [False]


@pytest.mark.parametrize(
    ("fields", "run", "said"),
    [
        ({"n_queries": 5}, RUN, "4 queries and 4 candidates, where the result was made of 5 and 4"),
        ({"score": 0.5}, RUN, "a score of 25.00 for the run, where the result says 50.00"),
        ({}, Run({"other": ["a"]}, {"other": [1.0]}), "other query ids than the run's"),
    ],
)
def test_data_that_cannot_be_those_of_the_run_are_refused(fields: dict[str, object], run: Run, said: str):
    assert judge(scored(**fields), run, DATA) == said


def test_other_judgements_are_refused_though_the_score_is_the_same():
    dataset = {"dataset": {"source": "hub", "judgements": judgements(DATA)}}
    assert isinstance(judge(scored(provenance=dataset), RUN, DATA), Judged)
    other = replace(DATA, qrels={**DATA.qrels, "q2": {"b": 1.0}})
    assert judge(scored(provenance=dataset), RUN, other) == (
        "other queries, pools or judgements than those that were scored"
    )


def test_right_answers_among_the_first_five_are_always_shown():
    names = [f"c{place}" for place in range(12)]
    data = TaskData(
        ["q"], [Item(text="x")], names, [Item(text=name) for name in names], {"q": dict.fromkeys(names[:8], 1.0)}
    )
    run = Run({"q": ["c7", "c6", "c9", "c8", "c5", "c4"]}, {"q": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]})
    one = judge(result("toy", 1.0, metric="hit@1", n_candidates=12), run, data)
    assert isinstance(one, Judged)
    payload = browse(data, {0: one}, 0, 64).payload
    shown = [payload["candidate"]["id"][row] for row in payload["right"][0]]
    assert shown == ["c5", "c6", "c7", "c0", "c1"]
    assert payload["n_right"] == [8]


def test_queries_are_told_apart_by_what_differs():
    data = TaskData(
        query_ids=list("abcdefgh"),
        queries=[Item(text="word " * count) for count in (1, 2, 3, 4, 5, 6, 7, 8)],
        candidate_ids=["x"],
        candidates=[Item(text="x")],
        qrels={query: {"x": 1.0} for query in "abcdefgh"},
        pools={query: ["x"] * (2 if query < "c" else 3) for query in "abcdefgh"},
        languages=["french"] * 3 + ["english"] * 5,
    )
    right = [data.candidates[0]] * 8
    found = {cut.name: {part.label: list(part.queries) for part in cut.parts} for cut in slices(data, right)}
    assert found == {
        "Words in the query": {"1 to 2": [0, 1], "3 to 4": [2, 3], "5 to 6": [4, 5], "7 to 8": [6, 7]},
        "Language": {"english": [3, 4, 5, 6, 7], "french": [0, 1, 2]},
        "Candidates to choose from": {"2": [0, 1], "3": [2, 3, 4, 5, 6, 7]},
    }


def test_images_are_told_apart_by_their_longer_side():
    pictures = [Image.new("RGB", size) for size in ((30, 20), (20, 30), (50, 10))]
    data = TaskData(
        ["a", "b", "c"], [Item(images=[one]) for one in pictures], ["x"], [Item(frames=[pictures[0]] * 8)],
        {query: {"x": 1.0} for query in "abc"},
    )  # fmt: skip
    found = slices(data, [data.candidates[0]] * 3)
    assert [(cut.name, [(part.label, list(part.queries)) for part in cut.parts]) for cut in found] == [
        ("Query image, longer side in pixels", [("30", [0, 1]), ("50", [2])])
    ]


def test_a_picture_is_kept_once_and_no_larger_than_asked():
    red, blue = Image.new("RGB", (400, 200), "red"), Image.new("RGB", (200, 400), "blue")
    album = Album(100)
    places = album.add([Item(images=[red]), Item(text="none"), Item(images=[blue]), Item(images=[red.copy()])])
    assert places == [0, None, 1, 0]
    sizes = [Image.open(io.BytesIO(base64.b64decode(one))).size for one in album.pictures]
    assert sizes == [(100, 50), (50, 100)]


def test_of_many_frames_four_are_shown_from_first_to_last():
    frames = [Image.new("RGB", (60, 60), (30 * place, 0, 0)) for place in range(8)]
    album = Album(102)
    album.add([Item(frames=frames)])
    sheet = Image.open(io.BytesIO(base64.b64decode(album.pictures[0]))).convert("RGB")
    assert sheet.size == (102, 102)
    corners = [sheet.getpixel(place) for place in ((20, 20), (80, 20), (20, 80), (80, 80))]
    reds = [pixel[0] for pixel in corners if isinstance(pixel, tuple)]
    assert reds == pytest.approx([0, 60, 120, 210], abs=8)


def test_a_missing_picture_is_said(tmp_path: Path):
    album = Album(50)
    assert album.add([Item(images=[tmp_path / "gone.png"]), Item(images=[tmp_path / "lost.png"])]) == [None, None]
    assert len(album.notes()) == 1
    assert "gone.png" in album.notes()[0]
    assert "so for 1 more" in album.notes()[0]


def test_pictures_go_to_the_worst_the_nearest_and_some_of_the_rest_by_turns():
    found = Judged(
        values=np.zeros(8),
        ranks=[1, 9, 2, 1, 3, 1, None, 1],
        margins=[0.5, -0.4, -0.1, 0.2, -0.2, 0.3, None, 0.1],
        tied=[False] * 7 + [True],
        top=[[]] * 8,
        scores=[[]] * 8,
    )
    # Worst: 6 (not found). Nearest miss: 2. Tie: 7. Spread: 0. Then the next worst: 1, the next nearest: 4.
    assert worth_seeing([found], 6) == [6, 2, 7, 0, 1, 4]
    assert worth_seeing([found], 0) == []
    assert worth_seeing([found], 9) == list(range(8))


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
