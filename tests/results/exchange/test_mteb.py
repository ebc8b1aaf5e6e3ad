"""mteb's own files of ViDoRe V3: read into our results, and written from them."""

import csv
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.results import store
from rzen_eval.results.exchange import mteb
from rzen_eval.results.tables import rows
from tests.conftest import Command
from tests.runs import write

LANGUAGES = ("french", "spanish", "english", "german", "italian", "portuguese")


def of_mteb(name: str, subsets: Sequence[dict[str, Any]], folder: str = "theirs", revision: str | None = None) -> None:
    """A file as mteb writes it."""
    entry = next((entry for entry in manifest().entries.values() if entry.name.startswith(f"{name}/")), None)
    content = {
        "dataset_revision": revision or (entry.revision if entry else "private"),
        "task_name": name,
        "mteb_version": "2.26.24",
        "scores": {"test": subsets},
        "evaluation_time": 1.5,
    }
    Path(folder).mkdir(exist_ok=True)
    (Path(folder) / f"{name}.json").write_text(json.dumps(content))


def scores(subset: str, value: float, **more: float) -> dict[str, Any]:
    return {"ndcg_at_10": value, "main_score": value, "hf_subset": subset, "languages": ["xxx-Latn"], **more}


def read(name: str) -> Any:
    return store.read(Path("results/m") / f"{name}.json")


def test_a_file_gives_a_result_for_each_language(run: Command):
    of_mteb("Vidore3HrRetrieval", [scores(subset, 0.5 + n / 100) for n, subset in enumerate(LANGUAGES)])
    assert run("import", "mteb", "theirs", "--model", "m") == "imported 6 results into results/m\n"
    english = read("vidore3_hr_english")
    assert (english.score, english.exact, english.n_queries, english.n_candidates) == (0.52, 0.52, 318, 1110)
    assert (english.marks, english.imported_from, english.other_protocol) == ((), "mteb", False)
    (row,) = rows.scored("m", [read(f"vidore3_hr_{language}") for language in LANGUAGES], "results", manifest())
    assert (row.cells["Hr"].text(), row.cells["Hr"].ranked, row.cells["Public"].part) == ("52.50", True, " (6 of 48)")


def test_mtebs_metrics_keep_their_definition_under_our_names(run: Command):
    of_mteb("Vidore3HrRetrieval", [scores("english", 0.5, map_at_5=0.25, hit_rate_at_1=0.75, nauc_map_at_5_max=-0.1)])
    run("import", "mteb", "theirs", "--model", "m")
    assert read("vidore3_hr_english").official == {"ndcg_linear@10": 0.5, "map@5": 0.25, "hit@1": 0.75}


def test_data_at_another_revision_are_marked(run: Command):
    of_mteb("Vidore3HrRetrieval", [scores("english", 0.5)], revision="older")
    run("import", "mteb", "theirs", "--model", "m")
    assert read("vidore3_hr_english").marks == ("other_data",)
    assert "scored at revision older" in read("vidore3_hr_english").warnings[1]


@pytest.mark.parametrize(
    ("name", "subsets", "said"),
    [
        ("Vidore3NuclearRetrieval", [scores("english", 0.5)], "its data are not public"),
        ("Vidore3HrRetrieval", [scores("dutch", 0.5)], "expected subsets english, french, .* found dutch"),
        ("Vidore3HrRetrieval", [scores("english", 0.5)] * 2, "each once, found english, english"),
        ("Vidore3HrRetrieval", [], "expected scores of the split test"),
        ("Vidore3HrRetrieval", [scores("english", 50.0)], "expected scores from 0 to 1, found ndcg_linear@10 50.0"),
        (
            "Vidore3HrRetrieval",
            [scores("english", 0.5, main_score=0.4)],
            "expected ndcg_linear@10 as the main score, found 0.4 and 0.5",
        ),
    ],
)
def test_what_cannot_be_imported_is_one_line(run: Command, name: str, subsets: list[dict[str, Any]], said: str):
    of_mteb(name, subsets)
    error = run("import", "mteb", "theirs", "--model", "m", code=2)
    assert error.count("\n") == 1
    assert re.search(said, error)


def test_results_become_files_that_mteb_reads_with_its_own_figures(run: Command):
    reader = pytest.importorskip("mteb.results.task_result").TaskResult
    for number, language in enumerate(LANGUAGES):
        write(Path("results/m"), f"vidore3_hr_{language}", [0.25, number / 3])
    assert run("export", "results/m", "--format", "mteb", "--output", "out") == "wrote 1 files into out\n"
    found = reader.from_disk(Path("out/Vidore3HrRetrieval.json"))
    assert found.task_name == "Vidore3HrRetrieval"
    assert found.dataset_revision == found.task.metadata.revision
    assert [one["hf_subset"] for one in found.scores["test"]] == list(LANGUAGES)
    assert found.scores["test"][1]["main_score"] == 0.29167
    printed = [round((0.25 + number / 3) / 2, 5) for number in range(6)]
    assert found.get_score() == pytest.approx(sum(printed) / 6, abs=1e-15)
    assert found.get_score(languages=["deu"]) == printed[3]


def test_what_was_imported_goes_out_as_it_came(run: Command):
    subsets = [scores(subset, round(0.12345 + n / 10, 5), mrr_at_10=0.123456) for n, subset in enumerate(LANGUAGES)]
    of_mteb("Vidore3HrRetrieval", subsets)
    run("import", "mteb", "theirs", "--model", "m")
    run("export", "results/m", "--format", "mteb", "--output", "out")
    content = json.loads(Path("out/Vidore3HrRetrieval.json").read_text())["scores"]["test"]
    for before, after in zip(subsets, content, strict=True):
        assert {name: after[name] for name in ("hf_subset", "main_score", "ndcg_at_10", "mrr_at_10")} == {
            name: before[name] for name in ("hf_subset", "main_score", "ndcg_at_10", "mrr_at_10")
        }
    assert content[0]["languages"] == ["fra-Latn"]


def test_results_without_a_task_of_mtebs_or_a_folder_are_refused(run: Command):
    write(Path("results/m"), "vidoseek_doc", [0.5])
    assert "no result is of a task that mteb defines" in run("export", "results/m", "--format", "mteb", code=2)
    write(Path("results/m"), "vidore3_hr_english", [0.5])
    assert "give --output FOLDER" in run("export", "results/m", "--format", "mteb", code=2)
    words = ("export", "results/m", "--data-version", "vidore-3")
    assert "the submission file is of MMEB-V2; give --format mteb" in run(*words, code=2)
    shutil.rmtree("results")
    write(Path("results/m"), "vidore3_hr_english", [0.5], limit=1)
    assert "scored on 1 queries alone" in run("export", "results/m", "--format", "mteb", "--output", "out", code=1)


def test_tasks_of_other_benchmarks_whose_names_have_parts_are_none_of_mtebs(run: Command):
    write(Path("results/m"), "followir_core17", [0.5], limit=1)
    assert "no result is of a task that mteb defines" in run("export", "results/m", "--format", "mteb", code=2)
    write(Path("results/m"), "vidore3_hr_english", [0.5])
    run("export", "results/m", "--format", "mteb", "--output", "out")
    assert sorted(file.name for file in Path("out").iterdir()) == ["Vidore3HrRetrieval.json", "model_meta.json"]


def test_languages_are_named_as_mteb_does():
    tasks = pytest.importorskip("mteb").get_tasks(tasks=["Vidore3HrRetrieval"])
    assert {name: [script] for name, script in mteb.SCRIPTS.items()} == dict(tasks[0].metadata.eval_langs)


SHARED = Path(__file__).parents[4] / "shared/published/vidore_v3.csv"


@pytest.mark.skipif(not SHARED.is_file(), reason="the published figures lie beside the checkout")
def test_the_published_figures_of_mteb_are_those_of_the_reference_rows():
    from rzen_eval.benchmark import published
    from rzen_eval.benchmark.places import config_dir

    known = published.load([config_dir()], manifest().names)
    printed = {
        (row.model, task): figure
        for name, row in known.items()
        if name.startswith("vidore_v3")
        for task, figure in row.tasks.items()
    }
    with SHARED.open() as stream:
        lines = list(csv.DictReader(stream))
    found = {
        (line["model"].split("/")[1], f"{line['task']}/{line['language']}"): float(line["value"]) for line in lines
    }
    assert len(found) == 360
    assert found == printed
