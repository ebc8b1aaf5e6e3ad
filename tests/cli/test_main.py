"""The command line, as its users meet it."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyarrow import parquet

from rzen_eval.cli.main import main
from tests import forked, toys

KEPT = "kept from an earlier run"
TASKS = ("visdoc/vidore_docvqa", "visdoc/visrag_chartqa", "visdoc/vidoseek_doc")


class Ran:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def command(
    tmp_path: Path, mirror: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Run the command line in an empty folder, on the mirror and the tiny checkpoint unless told otherwise."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*words: str, tasks: str = f"task=[{','.join(TASKS)}]", root: Path = mirror) -> Ran:
        settings = [
            tasks, "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "model.device=cpu", "data=mirror",
            f"data.root={root}", f"results_dir={tmp_path / 'results'}", "runtime.workers=0",
        ]  # fmt: skip
        code = main([*settings, *words])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def results(tmp_path: Path) -> Path:
    return tmp_path / "results" / "rzenembed_v2_7b"


def test_a_run_writes_a_result_a_task_and_ends_with_the_table(command, tmp_path: Path):
    ran = command()
    assert ran.code == 0
    folder = results(tmp_path)
    assert sorted(file.name for file in folder.glob("*.json")) == [
        "vidore_docvqa.json", "vidoseek_doc.json", "visrag_chartqa.json",
    ]  # fmt: skip
    result = json.loads((folder / "vidore_docvqa.json").read_text())
    assert (result["task"], result["n_queries"], result["n_candidates"]) == ("ViDoRe_docvqa", 8, 14)
    lines = gzip.decompress((folder / "runs/vidore_docvqa.jsonl.gz").read_bytes()).splitlines()
    assert len(lines) == 8
    assert len(json.loads(lines[0])["candidates"]) == 14
    for column in ("Visdoc", "ViDoRe-V1", "ViDoRe-V2", "VisRAG", "VisDoc-OOD", "(3 of 24)", "not the benchmark's data"):
        assert column in ran.out


def test_a_run_leaves_nothing_in_the_working_directory(command):
    command()
    assert list(Path.cwd().iterdir()) == []


def test_a_finished_task_is_kept_until_something_that_matters_changes(command, tmp_path: Path):
    tasks = f"task={TASKS[0]}"
    command(tasks=tasks)
    file = results(tmp_path) / "vidore_docvqa.json"
    first = file.stat().st_mtime_ns
    assert KEPT in command("runtime.tokens_per_batch=4096", tasks=tasks).err
    assert file.stat().st_mtime_ns == first
    assert KEPT not in command("model.dtype=bfloat16", tasks=tasks).err
    assert file.stat().st_mtime_ns > first


@pytest.mark.parametrize(
    "change",
    [
        "model.image.max_tokens=600",
        "model.max_length=1000",
        "model.positions=mrope",
        "tasks.vidore_docvqa.metric=hit@1",
        "tasks.vidore_docvqa.instruction.query=Find",
    ],
)
def test_another_setting_is_another_result(command, change: str):
    tasks = f"task={TASKS[0]}"
    command(tasks=tasks)
    assert KEPT not in command(change, tasks=tasks).err


def test_changed_data_are_another_result(command, mirror: Path, tmp_path: Path):
    tasks, root = f"task={TASKS[0]}", tmp_path / "mirror"
    shutil.copytree(mirror, root)
    command(tasks=tasks, root=root)
    rows = root / "vidore/docvqa_test_subsampled_beir/queries/test-00000-of-00001.parquet"
    rows.touch()
    assert KEPT in command(tasks=tasks, root=root).err
    parquet.write_table(parquet.read_table(rows), rows, compression="none")
    assert KEPT not in command(tasks=tasks, root=root).err


def test_a_damaged_page_fails_its_task_and_the_others_go_on(command, tmp_path: Path):
    root = tmp_path / "mirror"
    pages = {"p0": toys.page(0), "p1": toys.page(60)[:60]}
    judged = [("q0", "p0", 1)]
    toys.write_beir(root, {"q0": "x"}, pages, judged, repo="vidore/docvqa_test_subsampled_beir")
    toys.write_beir(root, {"q0": "x"}, {**pages, "p1": toys.page(60)}, judged, repo="VLM2Vec/ViDoSeek")
    ran = command(tasks=f"task=[{TASKS[0]},{TASKS[2]}]", root=root)
    assert ran.code == 1
    assert "vidore_docvqa: candidate 'p1': page p1" in ran.out
    assert "vidore_docvqa" in ran.out.split("failed")[0]
    assert [file.name for file in results(tmp_path).glob("*.json")] == ["vidoseek_doc.json"]


def test_a_task_without_data_fails_by_name_with_the_next_step(command, tmp_path: Path):
    ran = command(tasks="task=visdoc/vidore_arxivqa")
    assert ran.code == 1
    assert "hf download vidore/arxivqa_test_subsampled_beir" in ran.out
    assert list(results(tmp_path).rglob("*.json")) == []


def test_tasks_without_data_are_one_line_and_no_rows(command, tmp_path: Path):
    pages = {"p0": toys.page(0), "p1": toys.page(60)}
    toys.write_beir(tmp_path / "m", {"q0": "x"}, pages, [("q0", "p0", 1)], repo="VLM2Vec/ViDoSeek")
    ran = command(root=tmp_path / "m")
    assert ran.code == 1
    line = (
        f"2 tasks are not under data.root={tmp_path}/m: vidore_docvqa, visrag_chartqa; `rzen-eval data plan"
        f" task=[visdoc/vidore_docvqa,visdoc/visrag_chartqa] data.root={tmp_path}/m` lists what they need,"
        " task=available takes what is there"
    )
    assert [text for text in ran.err.splitlines() if "failed" in text] == [f"failed: {line}"]
    assert "| vidore_docvqa" not in ran.out
    assert ran.out.replace("\\", "").count(line) == 1


def test_a_launcher_runs_each_combination_and_leaves_nothing_in_the_working_directory(
    command, tmp_path: Path, mirror: Path, checkpoint: Path
):
    """The first of two tasks is kept from before, so that its run takes no time; the second is scored."""
    assert command(tasks=f"task={TASKS[0]}").code == 0
    settings = [
        f"task={','.join(TASKS[:2])}", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "model.device=cpu",
        "data=mirror", f"data.root={mirror}", f"results_dir={tmp_path / 'results'}", "runtime.workers=0",
    ]  # fmt: skip
    older = [sys.executable, "-m", "rzen_eval.multirun", "-m", *settings]
    ran = subprocess.run(older, capture_output=True, text=True, check=True, timeout=300)
    assert re.findall(r"^\| (\w+) +\| ViDoRe_|^\| (\w+) +\| VisRAG_", ran.stdout, re.MULTILINE) == [
        ("vidore_docvqa", ""), ("", "visrag_chartqa"),
    ]  # fmt: skip
    assert ran.stderr.count(KEPT) == 1
    assert sorted(file.stem for file in results(tmp_path).glob("*.json")) == ["vidore_docvqa", "visrag_chartqa"]
    (said := tmp_path / "said").mkdir()
    failed = forked.started(["multirun", *settings, f"model.checkpoint={tmp_path}"], said)
    assert failed.wait() == 1
    assert "exit code 1 of rzen-eval task=visdoc/vidore_docvqa" in failed.err
    assert list((tmp_path / "here").iterdir()) == []


def test_what_a_run_says_meanwhile_can_be_lines_json_or_nothing(command):
    def events(err: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in err.splitlines()]

    tasks = f"task={TASKS[0]}"
    quiet = command("runtime.progress=quiet", tasks=tasks)
    assert quiet.err == ""
    told = events(command("runtime.progress=json", tasks=tasks).err)
    assert [event["event"] for event in told] == ["message", "task"]
    assert (told[1]["id"], told[1]["queries"], told[1]["kept"]) == ("vidore_docvqa", 8, True)
    fresh = command("runtime.progress=json", "model.image.max_tokens=301", tasks=tasks)
    told = events(fresh.err)
    assert [event["event"] for event in told] == ["message", "message", "embedding", "task"]
    assert "image.max_tokens: 1280 in these, 301 in this run" in told[1]["text"]
    assert (told[2]["items"], told[3]["kept"]) == (22, False)
    assert "not the benchmark's data" in told[3]["warnings"][0]
    assert fresh.out.splitlines()[1].split("|")[1:3] == quiet.out.splitlines()[1].split("|")[1:3]


def test_a_failure_is_an_event_too(command, tmp_path: Path):
    err = command("runtime.progress=json", tasks=f"task={TASKS[0]}", root=tmp_path / "none").err
    failed = [json.loads(line) for line in err.splitlines()][-1]
    assert (failed["event"], failed["id"]) == ("failed", "vidore_docvqa")
    assert "none" in failed["error"]


def test_a_limit_of_the_first_queries_is_marked_and_left_out_of_the_tables(command, tmp_path: Path):
    ran = command("limit=first:2", tasks=f"task={TASKS[0]}")
    assert json.loads((results(tmp_path) / "vidore_docvqa.json").read_text())["limit"] == "first:2"
    assert "| first 2 queries, not the benchmark's data |" in ran.out
    assert "limit=first:2: scores of at most 2 queries a task, left out of the tables" in ran.out
    assert "| Model" not in ran.out
    few = command("limit=first:1000", tasks=f"task={TASKS[0]}")
    assert "| all 8 queries, not the benchmark's data |" in few.out
    assert "1000 queries" not in few.out.replace("at most 1000 queries a task", "")


def test_a_limit_makes_estimates_that_the_tables_show_with_their_interval(command):
    ran = command("limit=4", tasks=f"task={TASKS[0]}")
    assert "| 4 of 8 queries, ±" in ran.out
    assert re.search(r"\| rzenembed_v2_7b \(4 queries a task\) +\| ≈ \d+\.\d ± \d+\.\d \(1 of 78\) †", ran.out)
    assert "limit=sample:4: of each task 4 random queries, the same for every model" in ran.out


def test_a_trial_never_replaces_a_full_result(command, tmp_path: Path):
    tasks = f"task={TASKS[0]}"
    command(tasks=tasks)
    before = (results(tmp_path) / "vidore_docvqa.json").read_bytes()
    ran = command("limit=2", tasks=tasks)
    assert ran.code == 1
    assert "holds a full result" in ran.out
    assert (results(tmp_path) / "vidore_docvqa.json").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_found_out_before_the_work(command, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    ran = command(f"results_dir={tmp_path / 'file'}")
    assert (ran.code, ran.out) == (1, "")
    assert "results cannot be written to" in ran.err


def test_a_partial_copy_never_replaces_a_result_on_the_benchmarks_own_data(command):
    tasks = f"task={TASKS[0]}"
    counts = ("tasks.vidore_docvqa.n_queries=8", "tasks.vidore_docvqa.n_candidates=14")
    command(*counts, tasks=tasks)
    assert "other data than the benchmark's" in command(tasks=tasks).out


def test_two_versions_of_the_data_have_a_row_each(command, tmp_path: Path):
    root = tmp_path / "mirror"
    pages = {"p0": toys.page(0), "p1": toys.page(60)}
    for repo in ("ViDoSeek-page", "ViDoSeek-page-fixed"):
        toys.write_beir(root, {"q0": "x"}, pages, [("q0", page, 1) for page in pages], repo=f"VLM2Vec/{repo}")
    ran = command(tasks="task=[visdoc/vidoseek_page,visdoc/vidoseek_page_v2_0]", root=root)
    new, old = ran.out.split("## Data 2.1: ")[1].split("## Data 2.0: ")
    for part in (new, old):
        assert "| rzenembed_v2_7b | 100.00 (1 of 24) †" in part


def test_a_broken_model_is_one_line(command, tmp_path: Path):
    ran = command(f"model.checkpoint={tmp_path / 'nowhere'}")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1].startswith("rzen-eval: rzenembed_v2_7b: no folder at")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task=visdok"], "did you mean visdoc?"),
        (["taks"], "unknown command 'taks' (did you mean tasks?)"),
        (["--config-dir", "/nowhere/at/all", "task=visdoc"], "no folder at"),
        (
            ["prompt", "side=queries"],
            "argument --side: expected one of query, candidate, found 'queries' (did you mean query?)",
        ),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_the_prompt_of_a_row_is_shown_with_its_tokens_and_pictures(
    mirror: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([
        "prompt", "task=visdoc/vidore_docvqa", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}",
        "data=mirror", f"data.root={mirror}", "--row", "1", "--side=candidate", f"media={tmp_path / 'shown'}",
    ]) == 0  # fmt: skip
    with Image.open(tmp_path / "shown/vidore_docvqa-candidate-1-0.png") as written:
        assert written.size == (420, 504)
    shown = capsys.readouterr().out
    assert "vidore_docvqa, candidate '1'" in shown
    assert "<|vision_start|><|image_pad|><|vision_end|>Understand the content" in shown
    assert "image: page 1, 236x270, 256 to 1280 tokens allowed" in shown
    assert "picture is read at 420x504, 270 tokens" in shown


def test_tasks_and_models_are_listed(capsys: pytest.CaptureFixture[str]):
    assert main(["tasks"]) == 0
    listed = capsys.readouterr().out
    assert "visdoc/vidore_arxivqa" in listed
    assert "suites: " in listed
    assert main(["models"]) == 0
    assert "rzenembed_v2_7b" in capsys.readouterr().out


def test_another_metric_needs_no_forward_pass_and_another_budget_does(command, tmp_path: Path):
    def computed(*words: str) -> int:
        command(*words, f"cache_dir={tmp_path / 'cache'}", tasks=f"task={TASKS[0]}")
        told = json.loads((results(tmp_path) / "vidore_docvqa.json").read_text())["provenance"]["embedding"]
        return int(told["computed"])

    assert computed() == 22
    assert computed("tasks.vidore_docvqa.metric=hit@1") == 0
    assert computed("model.image.max_tokens=300") == 22
    assert computed("model.dtype=bfloat16") == 22
    assert computed("tasks.vidore_docvqa.instruction.query=Find") == 8


def test_kept_vectors_are_listed_and_removed(command, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = f"cache_dir={tmp_path / 'cache'}"
    command(place, tasks=f"task={TASKS[0]}")
    assert main(["cache", place]) == 0
    listed = capsys.readouterr().out
    assert "rzenembed_v2_7b-" in listed
    assert main(["cache", place, "--prune", "nobody"]) == 2
    assert main(["cache", place, "prune=rzenembed_v2_7b"]) == 0
    assert list((tmp_path / "cache/vectors").iterdir()) == []
