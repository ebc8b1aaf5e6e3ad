"""Results of the official evaluator and of mteb: how they join the tables, and what is refused."""

import json
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.benchmark import published as reference
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import config_dir
from rzen_eval.cli.main import main
from rzen_eval.results import store
from rzen_eval.results.exchange import predictions
from tests.conftest import FIXTURES, Command
from tests.results.test_store import RUN, result

TASKS = manifest().entries
COUNTS = {(task.name, version): task.n_queries for task in TASKS.values() for version in task.versions}


@pytest.fixture
def imported(run: Command) -> Command:
    """Import into ./results of an empty folder; gives what is said."""
    return partial(run, "import")


def official(place: Path, name: str, score: float, count: int, **values: Any) -> None:
    metric = "hit@1" if place.name != "visdoc" else "ndcg_linear@5"
    place.mkdir(parents=True, exist_ok=True)
    content = {metric: score, "num_pred": count, "num_data": count} | values
    (place / f"{name}_score.json").write_text(json.dumps(content))


def of_mteb(place: Path, name: str, *subsets: tuple[str, float], revision: str = "r", **scores: float) -> None:
    place.mkdir(exist_ok=True)
    each = [{"hf_subset": subset, "main_score": value, "ndcg_at_5": value, **scores} for subset, value in subsets]
    content = {"task_name": name, "mteb_version": "2.1", "dataset_revision": revision, "scores": {"test": each}}
    (place / f"{name}.json").write_text(json.dumps(content))


def read(name: str) -> Any:
    return json.loads((Path("results/m") / f"{name}.json").read_text())


def test_official_files_of_2025_give_the_published_row(imported: Command, capsys: pytest.CaptureFixture[str]):
    published = reference.load([config_dir()], manifest().names)["vlm2vec_v2_0_qwen2vl_2b"]
    modality = {task.name: task.modality for task in TASKS.values()}
    for name, score in published.tasks.items():
        official(Path("run") / modality[name], name, score / 100, COUNTS[name, "2.0"])
    assert imported("official", "run", "model=m", "data_version=2.0") == "imported 78 results into results/m\n"
    assert {read(f"{name}_v2_0")["n_queries"] for name in ("momentseeker", "vidoseek_page")} == {1800, 1142}
    assert main(["table", "--models", "m", "--data-version", "2.0", "--format", "json"]) == 0
    row = next(line for line in json.loads(capsys.readouterr().out) if line["model"] == "m")
    assert [row[column] for column in ("Overall", "Image", "Video", "Visdoc")] == [58.02, 64.85, 34.58, 65.36]
    assert row["note"] == "imported from the official evaluator"


def test_what_the_official_evaluator_writes_is_read_as_it_is(imported: Command):
    golden = FIXTURES / "vlm2vec"
    imported("official", str(golden), "model=m")
    for folder in golden.iterdir():
        values = json.loads((folder / "score.json").read_text())
        (task,) = [task for task in TASKS.values() if task.name == folder.name]
        ours = read(task.id)
        assert ours["score"] == values[task.metric]
        assert {**ours["metrics"], **ours["official"]} == {name: v for name, v in values.items() if "@" in name}
        assert "not the benchmark's data" in ours["warnings"][-1]
        assert ours["marks"] == ["other_data"]


def test_a_result_says_where_it_was_imported_from(imported: Command):
    official(Path("run"), "ImageNet-1K", 0.5, 1000)
    imported("official", "run", "--model", "m", "results_dir=results")
    record = read("imagenet_1k")
    assert record["provenance"]["imported"]["from"] == "the official evaluator"
    assert record["provenance"]["imported"]["file"] == "ImageNet-1K_score.json"
    assert record["provenance"]["dataset"]["source"] == "imported"
    assert record["marks"] == []
    assert "fingerprint" not in record["provenance"]


def test_a_report_of_all_tasks_is_read_too(imported: Command):
    scores = {"hit@1": 0.5, "num_pred": 1000, "num_data": 1000}
    content = {"metadata": {}, "metrics": {"image": {"CIRR": scores, "EDIS": "FILE_N/A"}}}
    Path("report.json").write_text(json.dumps(content))
    said = imported("official", "report.json", "model=m", code=1)
    assert said == "rzen-eval: import: not imported: EDIS: no scores in report.json\n"
    assert read("cirr")["score"] == 0.5


def test_graded_tasks_keep_the_official_reading_apart(imported: Command):
    official(
        Path("run/visdoc"), "ViDoSeek-doc", 0.8, 1142, **{"ndcg_exponential@5": 0.7, "hit@1": 0.6}
    )  # fmt: skip
    imported("official", "run", "model=m")
    record = read("vidoseek_doc")
    assert record["official"] == {"ndcg_exponential@5": 0.7, "ndcg_linear@5": 0.8}
    assert record["metrics"] == {"hit@1": 0.6}
    assert any("`exact` repeats the official reading" in warning for warning in record["warnings"])


@pytest.mark.parametrize(
    ("name", "count", "words", "found"),
    [
        ("MomentSeeker", 1602, (), "momentseeker"),
        ("MomentSeeker", 1800, (), "momentseeker_v2_0"),
        ("MomentSeeker_1k8", 1800, (), "momentseeker_1k8"),
    ],
)
def test_the_count_of_queries_tells_the_version(imported: Command, name: str, count: int, words: Any, found: str):
    official(Path("run"), name, 0.5, count)
    imported("official", "run", "model=m", *words)
    assert [file.stem for file in Path("results/m").glob("*.json")] == [found]


def test_page_tasks_need_to_be_told_their_version(imported: Command):
    official(Path("run/visdoc"), "ViDoSeek-page", 0.5, 1142)
    said = imported("official", "run", "model=m", code=2)
    assert "ViDoSeek-page: give --data-version, one of 2.1, 2.0\n" in said
    imported("official", "run", "model=m", "data_version=2.1")
    official(Path("fixed/visdoc"), "ViDoSeek-page-fixed", 0.5, 1142)
    imported("official", "fixed", "model=n")
    for name in ("m", "n"):
        assert [file.stem for file in (Path("results") / name).glob("*.json")] == ["vidoseek_page"]


def test_a_task_of_mteb_becomes_the_leaderboards(imported: Command):
    arxiv = TASKS["vidore_arxivqa"]
    of_mteb(
        Path("run"), "VidoreArxivQARetrieval", ("default", 0.83655), revision=str(arxiv.revision),
        hit_rate_at_1=0.786, recall_at_5=0.884, nauc_ndcg_at_5_max=float("nan"), map_at_5=0.8,
    )  # fmt: skip
    Path("run/model_meta.json").write_text("{}")
    imported("mteb", "run", "model=m")
    record = read("vidore_arxivqa")
    assert (record["score"], record["n_queries"], record["task"]) == (0.83655, 500, "ViDoRe_arxivqa")
    assert record["metrics"] == {"ndcg_linear@5": 0.83655, "hit@1": 0.786, "recall@5": 0.884}
    assert len(record["warnings"]) == 1
    assert record["provenance"]["imported"]["mteb_version"] == "2.1"


def test_other_data_and_graded_tasks_of_mteb_say_so(imported: Command):
    of_mteb(Path("run"), "Vidore2ESGReportsHLRetrieval", ("default", 0.5), revision="another")
    imported("mteb", "run", "model=m")
    warnings = read("vidore_esg_reports_human_labeled_v2")["warnings"]
    assert "`score` repeats the textbook reading" in warnings[1]
    assert "scored at revision another" in warnings[2]


def test_the_four_languages_of_mteb_are_one_task(imported: Command):
    subsets = [("english", 0.9), ("french", 0.7), ("german", 0.5), ("spanish", 0.3)]
    of_mteb(Path("run"), "Vidore2EconomicsReportsRetrieval", *subsets)
    imported("mteb", "run", "model=m")
    assert read("vidore_economics_reports_v2_multilingual")["score"] == pytest.approx(0.6)


def test_rows_from_mteb_are_marked_in_the_tables(imported: Command, capsys: pytest.CaptureFixture[str]):
    of_mteb(Path("run"), "VidoreDocVQARetrieval", ("default", 0.5))
    imported("mteb", "run", "model=m")
    main(["table", "--models", "m", "--data-version", "2.1"])
    out = capsys.readouterr().out
    assert "50.00 (1 of 24) †" in out
    assert "* m: imported from mteb" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("official", "nowhere", "model=m"), "import: nothing at nowhere"),
        (("official", "empty", "model=m"), "no *_score.json or *_pred.jsonl under empty"),
        (("mteb", "empty", "model=m"), "no JSON under empty"),
        (("mteb", "text", "model=m"), "not imported: NFCorpus: no benchmark here has such a task"),
        (("mteb", "english", "model=m"), "expected subsets english, french, german, spanish, found english"),
        (("mteb", "percent", "model=m"), "ViDoRe_docvqa: expected scores from 0 to 1, found ndcg_linear@5 50.0"),
        (("official", "unknown", "model=m"), "Nonsense: no benchmark here has such a task"),
        (("official", "half", "model=m"), "CIRR: num_pred 999 of num_data 1000, expected all of them"),
        (("official", "other", "model=m"), "CIRR: no hit@1, which is its metric"),
        (("official", "half"), "the following arguments are required: --model"),
        (("official", "half", "model=a/b"), "--model a/b cannot name a folder"),
        (("elsewhere", "half", "model=m"), "expected one of official, mteb, found 'elsewhere'"),
    ],
)
def test_what_cannot_be_mapped_is_one_line(imported: Command, words: tuple[str, ...], said: str):
    Path("empty").mkdir()
    of_mteb(Path("text"), "NFCorpus", ("default", 0.5))
    of_mteb(Path("english"), "Vidore2ESGReportsRetrieval", ("english", 0.5))
    of_mteb(Path("percent"), "VidoreDocVQARetrieval", ("default", 50.0))
    official(Path("unknown"), "Nonsense", 0.5, 10)
    official(Path("half"), "CIRR", 0.5, 1000, num_pred=999)
    official(Path("other"), "CIRR", 0.5, 1000, **{"hit@1": None})
    error = imported(*words, code=2)
    assert said in error
    assert error.count("\n") == 1
    assert not Path("results").exists()


def test_what_can_be_mapped_is_imported_beside_what_cannot(imported: Command):
    official(Path("run"), "CIRR", 0.5, 1000)
    official(Path("run"), "Nonsense", 0.5, 1000)
    assert imported("official", "run", "model=m", code=1).count("\n") == 1
    assert read("cirr")["score"] == 0.5


def test_a_result_that_was_scored_here_is_never_replaced(imported: Command):
    store.write(Path("results/m"), result("cirr", 0.75, task="CIRR"), RUN)
    official(Path("run"), "CIRR", 0.5, 1000)
    said = imported("official", "run", "model=m", code=2)
    assert "CIRR: results/m/cirr.json was scored here; give another --model or results_dir=" in said
    assert read("cirr")["score"] == 0.75


def test_two_files_of_one_task_are_refused(imported: Command):
    official(Path("run/a"), "CIRR", 0.5, 1000)
    official(Path("run/b"), "CIRR", 0.6, 1000)
    official(Path("run/a"), "EDIS", 0.5, 1000)
    assert "CIRR: 2 files are of this task" in imported("official", "run", "model=m", code=1)
    assert [file.name for file in Path("results/m").glob("*.json")] == ["edis.json"]


@pytest.mark.parametrize("evaluator", ["official", "mteb"])
def test_every_file_that_is_none_is_named_and_the_others_are_imported(imported: Command, evaluator: str):
    official(Path("run"), "CIRR", 0.5, 1000)
    of_mteb(Path("mteb"), "VidoreArxivQARetrieval", ("default", 0.5))
    place, ending = (Path("run"), "_score.json") if evaluator == "official" else (Path("mteb"), ".json")
    for number, content in enumerate(("", "{", "[1]", "\x00", '{"a": 1' + "0" * 5000 + "}", "null", '{"scores": 3}')):
        (place / f"A{number}{ending}").write_text(content)
    said = imported(evaluator, str(place), "model=m", code=1)
    assert [line.count(f"A{number}") > 0 for number, line in enumerate(said.splitlines())] == [True] * 7
    assert len([*Path("results/m").glob("*.json")]) == 1


def test_rankings_in_a_pipe_or_nested_without_end_are_named(imported: Command):
    Path("run").mkdir()
    os.mkfifo("run/CIRR_pred.jsonl")
    Path("run/EDIS_pred.jsonl").write_text("[" * 100_000)
    said = imported("official", "run", "model=m", code=2).splitlines()
    assert "run/CIRR_pred.jsonl cannot be read" in said[0]
    assert "run/EDIS_pred.jsonl: line 1: expected prediction" in said[1]


@pytest.mark.parametrize(
    "values", [{"num_pred": -3, "num_data": -3}, {"num_pred": 2.5, "num_data": 2.5}, {"n_ties": -1}, {"n_ties": 2000}]
)
def test_counts_that_cannot_be_are_refused(imported: Command, values: dict[str, float]):
    official(Path("run"), "CIRR", 0.5, 1000, **values)
    assert "expected whole numbers of queries" in imported("official", "run", "model=m", code=2)


def test_a_truth_value_is_no_score(imported: Command):
    official(Path("run"), "CIRR", True, 1000)
    assert "CIRR: no hit@1, which is its metric" in imported("official", "run", "model=m", code=2)


@pytest.mark.parametrize("task", ["RefCOCO-Matching", "QVHighlight", "YouCook2", "VisRAG_ChartQA"])
def test_rankings_of_the_official_evaluator_score_what_it_scored(task: str):
    folder = FIXTURES / "vlm2vec" / task
    expected = json.loads((folder / "score.json").read_text())
    found = predictions.scores(folder / "pred.jsonl")
    assert found["num_pred"] == expected["num_pred"]
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    assert "n_ties" not in found


def test_rankings_are_read_where_there_is_no_file_of_scores_and_ties_where_they_have_scores(imported: Command):
    line = {"prediction": ["b", "a", "c"], "label": ["a"], "rel_scores": None}
    Path("run").mkdir()
    for name, scores in (("ImageNet-1K", [0.5, 0.5, 0.1]), ("VOC2007", [0.5, 0.4, 0.4]), ("N24News", None)):
        more = {} if scores is None else {"prediction_scores": scores}
        Path(f"run/{name}_pred.jsonl").write_text(1000 * (json.dumps(line | more) + "\n"))
    official(Path("run"), "N24News", 0.25, 1000)
    assert imported("official", "run", "--model", "m") == "imported 3 results into results/m\n"
    assert {name: read(name)["score"] for name in ("imagenet_1k", "n24news")} == {"imagenet_1k": 0.0, "n24news": 0.25}
    assert [read(name)["n_ties"] for name in ("imagenet_1k", "voc2007", "n24news")] == [1000, 1000, 0]
    assert "1000 queries have equal scores in their first ten places" in read("imagenet_1k")["warnings"][-1]


@pytest.mark.parametrize("layout", ["text/BRIGHT/pony/score.json", "text/BRIGHT/pony_score.json"])
def test_scores_of_mmeb_v3_lie_in_the_folders_of_their_tasks_name(imported: Command, layout: str):
    golden = FIXTURES / "mmeb_v3/tiger/text/BRIGHT/pony/score.json"
    (Path("run") / layout).parent.mkdir(parents=True)
    shutil.copy(golden, Path("run") / layout)
    imported("official", "run", "--model", "m", "--data-version", "mmeb-v3")
    # Two data sets have a task of this name, which only its folder tells apart.
    official(Path("run/text/R2MED"), "Biology", 0.5, 103, **{"ndcg_linear@5": 0.25})
    official(Path("run/text/BRIGHT"), "biology", 0.5, 103, **{"ndcg_linear@5": 0.75})
    # A folder within gives the same name as the whole.
    imported("official", "run/text", "--model", "m", "--data-version", "mmeb-v3")
    assert read("bright_pony")["score"] == json.loads(golden.read_text())["ndcg_linear@5"] == 0.49779911586959047
    assert {name: read(name)["score"] for name in ("r2med_biology", "bright_biology")} == {
        "r2med_biology": 0.25, "bright_biology": 0.75,
    }  # fmt: skip
    assert read("bright_pony")["provenance"]["versions"] == ["mmeb-v3"]


def test_the_report_of_mmeb_v3_leaves_folders_out_of_names(imported: Command):
    scores = {"num_pred": 9, "num_data": 9}
    metrics = {
        "text": {
            "pony": scores | {"ndcg_linear@5": 0.5},
            "biology": scores | {"ndcg_linear@5": 0.75},
            "Biology": scores | {"ndcg_linear@5": 0.25},
            "aops": "FILE_N/A",
        },
        "tool": {"t-eval-dialog": scores | {"hit@1": 0.5}},
        "memory": {"PeerQA": scores | {"hit@1": 0.75}},
        "gui": {"GAE-GUIAct_q2t": "DIR_N/A"},
    }
    Path("report.json").write_text(json.dumps({"metadata": {}, "metrics": metrics}))
    words = "--model", "m", "--data-version", "mmeb-v3"
    said = imported("official", "report.json", *words, code=1)
    assert said == "rzen-eval: import: not imported: text/BRIGHT/aops, GAE-GUIAct_q2t: no scores in report.json\n"
    names = ["bright_biology", "bright_pony", "memory_peerqa", "r2med_biology", "tool_web_t_eval_dialog"]
    assert [read(name)["score"] for name in names] == [0.75, 0.5, 0.75, 0.25, 0.5]
    # The files that it is made of lie in a folder for each part.
    shutil.rmtree("results")
    for part, tasks in metrics.items():
        for name, values in tasks.items():
            if isinstance(values, dict):
                official(Path("run") / part, name, 0.0, 9, **values)
    assert imported("official", "run", *words) == "imported 5 results into results/m\n"
    assert [read(name)["score"] for name in names] == [0.75, 0.5, 0.75, 0.25, 0.5]


def test_rankings_of_mmeb_v3_lie_there_too(imported: Command):
    lines = [{"prediction": ["b", "a"], "label": [right], "rel_scores": None} for right in ("a", "b", "a", "a")]
    Path("run/toolde/web").mkdir(parents=True)
    Path("run/toolde/web/apibank_pred.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    imported("official", "run", "--model", "m", "--data-version", "mmeb-v3-wemm")
    assert [file.stem for file in Path("results/m").glob("*.json")] == ["tool_web_apibank_wemm"]
    assert read("tool_web_apibank_wemm")["score"] == 0.25


def test_a_task_that_two_ways_to_ask_share_wants_to_be_told_which(imported: Command):
    official(Path("run/text/BRIGHT"), "pony", 0.5, 112, **{"ndcg_linear@5": 0.5})
    said = imported("official", "run", "--model", "m", code=2)
    assert said.endswith("text/BRIGHT/pony: give --data-version, one of mmeb-v3, mmeb-v3-wemm\n")
    said = imported("official", "run", "--model", "m", "--data-version", "2.1", code=2)
    assert said.endswith("text/BRIGHT/pony: give --data-version, one of mmeb-v3, mmeb-v3-wemm, found 2.1\n")
    # LongEmbed is the same in both.
    official(Path("run/text/LongEmbed"), "needle", 0.5, 400, **{"ndcg_linear@5": 0.5})
    imported("official", "run/text/LongEmbed", "--model", "m")
    assert read("longembed_needle")["score"] == 0.5


def test_rankings_that_are_none_are_named_by_line(imported: Command):
    Path("run").mkdir()
    Path("run/VOC2007_pred.jsonl").write_text(
        '{"prediction": ["a"], "label": ["a"], "rel_scores": null}\n{"label": []}\n'
    )
    assert "VOC2007_pred.jsonl: line 2: expected prediction, label and rel_scores" in imported(
        "official", "run", "--model", "m", code=2
    )
