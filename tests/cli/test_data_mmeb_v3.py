"""MMEB-V3's archives from the hub to a score: `data plan`, `data fetch`, `data unpack`, `data verify`, a run."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rzen_eval import load_data, load_task
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.data.archives import OF_V3, V3, V3_COMMIT
from rzen_eval.data.documents import MEMORY_PLACES
from tests.conftest import FIXTURES
from tests.layouts import tar_of
from tests.loopback import Hub

MIRROR = FIXTURES / "mmeb_v3/mirror"
TASKS = "task=[bright_pony,tool_web_apibank,memory_peerqa,memory_knowmebench,mcmr]"


def members(place: str, tasks: str) -> dict[str, bytes]:
    files = sorted(file for file in (MIRROR / place).rglob("*") if file.is_file())
    return {f"{tasks}{file.relative_to(MIRROR / place).as_posix()}": file.read_bytes() for file in files}


def archives() -> dict[str, bytes]:
    """Each archive by its part; the memory tasks lie beside one another in theirs, and MCMR is alone in its own."""
    memory = members("memory-tasks", "memory-tasks/")
    for task, kind in MEMORY_PLACES.items():
        memory = {name.replace(f"/{kind}/{task}/", f"/{task}/"): content for name, content in memory.items()}
    held = {
        "MCMR": members("image-tasks/MCMR", "MCMR/"),
        "text-tasks": members("text-tasks", "text-tasks/"),
        "tool-tasks": members("tool-tasks", "tool-tasks/"),
        "memory-tasks": memory,
    }
    return {archive.parts[0]: tar_of(held[archive.name]) for archive in OF_V3}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for part, content in archives().items():
        file = tmp_path / "hub" / f"{V3}@{V3_COMMIT}" / part
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "hub" / V3).mkdir(parents=True)
    (tmp_path / "hub" / V3 / "README.md").write_text("# moved\n")
    with Hub(tmp_path / "hub") as served:
        served.lead(monkeypatch)
        yield served


@pytest.mark.usefixtures("hub")
def test_archives_are_fetched_unpacked_verified_and_run(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    words = [TASKS, f"data.root={tmp_path / 'root'}", f"cache_dir={cache}", "runtime.workers=0"]
    assert [main(["data", verb, *words]) for verb in ("plan", "fetch", "unpack", "verify")] == [0, 0, 0, 0]
    printed = capsys.readouterr().out
    assert printed.count(V3_COMMIT[:12]) == 2 * len(OF_V3), "the plan and the fetch say it of each archive"
    assert "5 of 5 tasks are complete" in printed
    assert main([*words, f"results_dir={tmp_path / 'results'}"]) == 0
    found = {file.stem: json.loads(file.read_text()) for file in (tmp_path / "results/mini").glob("*.json")}
    assert len(found) == 5
    for result in found.values():
        dataset = result["provenance"]["dataset"]
        assert dataset["media"]["commit"] == V3_COMMIT
        assert not [warning for warning in result["warnings"] if "expected" in warning]


def test_the_doctor_names_what_is_not_there(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]):
    root = tmp_path / "root"
    shutil.copytree(MIRROR / "tool-tasks", root / V3 / "tool-tasks")
    words = [f"data.root={root}", f"cache_dir={cache}"]
    assert main(["data", "doctor", TASKS, *words, "--listing", str(tmp_path / "doctor.json")]) == 0
    printed = capsys.readouterr().out
    assert "* 1 of 5 tasks can be run now: add task=available" in printed
    missing = [name for name in ("text-tasks", "memory-tasks", "MCMR") if f"* {name} (of unknown size)" in printed]
    assert missing == ["text-tasks", "memory-tasks", "MCMR"]
    chosen = compose.load([TASKS, "task=available", "data=mirror", *words]).tasks
    assert [*chosen] == ["tool_web_apibank"]


def test_a_part_more_than_is_known_is_fetched_and_read_as_one_stream(hub: Hub, tmp_path: Path, cache: Path):
    folder = hub.root / f"{V3}@{V3_COMMIT}/text_tasks"
    whole = (folder / "text_tasks.tar.part-000").read_bytes()
    (folder / "text_tasks.tar.part-000").write_bytes(whole[:5000])
    (folder / "text_tasks.tar.part-001").write_bytes(whole[5000:])
    words = ["task=bright_pony", f"data.root={tmp_path / 'root'}", f"cache_dir={cache}", "runtime.workers=0"]
    assert [main(["data", verb, *words]) for verb in ("fetch", "unpack", "verify")] == [0, 0, 0]


def test_without_the_archive_a_task_says_how_to_get_it(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]):
    words = ["task=memory_peerqa", "data=mirror", f"data.root={tmp_path}", f"cache_dir={cache}"]
    assert main([*words, f"results_dir={tmp_path / 'results'}"]) == 1
    said = capsys.readouterr().err
    assert f"memory_peerqa: no file memory-tasks/Semantic/PeerQA/queries.jsonl in {tmp_path}" in said
    assert "rzen-eval data fetch task=mmeb_v3/memory_peerqa" in said


@pytest.mark.parametrize("shape", ["flat", "links", "folders"])
def test_memories_are_read_beside_one_another_and_in_the_folders_that_people_make(
    shape: str, tmp_path: Path, cache: Path
):
    tree = tmp_path / "MMEB-V3"
    shutil.copytree(MIRROR / "memory-tasks", tree / "memory-tasks")
    if shape != "folders":
        for task, kind in MEMORY_PLACES.items():
            shutil.move(tree / "memory-tasks" / kind / task, tree / "memory-tasks" / task)
            if shape == "links":
                (tree / "memory-tasks" / kind / task).symlink_to(tree / "memory-tasks" / task)
    words = ["data=mirror", f"data.root={tmp_path}", f"cache_dir={cache}"]
    found = [load_data(load_task(f"memory_{name}", *words)) for name in ("peerqa", "knowmebench", "realtalk")]
    assert [len(data.query_ids) for data in found] == [4, 10, 5]
    assert found[0].queries[0].instruction == "Given a query, retrieve documents that answer the query"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("tool-tasks/ToolDe-Queries/web/apibank/queries-00000-of-00001.parquet", b"cut", "cannot be read"),
        ("text-tasks/LongEmbed/needle/corpus.jsonl", b'{"doc_id": "a", "text": 7}\n', "row 0: text or title is 7"),
        ("text-tasks/LongEmbed/needle/corpus.jsonl", b"{broken\n", "row 0 is no JSON"),
        ("text-tasks/LongEmbed/needle/corpus.jsonl", b"\n", "holds no row"),
        ("text-tasks/LongEmbed/needle/qrels.jsonl", None, "no file text-tasks/LongEmbed/needle/qrels.jsonl"),
        ("text-tasks/LongEmbed/needle/qrels.jsonl", b'{"qid": "x", "doc_id": "y"}\n', "has a relevant document"),
    ],
)
def test_files_that_are_damaged_or_of_another_task_are_named(
    file: str, content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    cache = tmp_path / "cache"
    shutil.copytree(MIRROR, tmp_path / "MMEB-V3")
    if content is None:
        (tmp_path / "MMEB-V3" / file).unlink()
    else:
        (tmp_path / "MMEB-V3" / file).write_bytes(content)
    words = [f"task={'tool_web_apibank' if 'tool' in file else 'longembed_needle'}", "data=mirror"]
    assert main([*words, f"data.root={tmp_path}", f"cache_dir={cache}", f"results_dir={tmp_path / 'results'}"]) == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed


def test_counts_of_other_data_sets_and_pictures_that_there_are_not_are_left_unsaid(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    words = ["task=[mmeb_v3/bright_pony,mcmr]", f"data.root={FIXTURES / 'mmeb_v3/mirror'}", f"cache_dir={cache}"]
    assert main(["data", "doctor", *words]) == 0
    printed = capsys.readouterr().out
    assert [printed.count(said) for said in ("VLM2Vec/MMEB-V3, 6 |", "VLM2Vec/MMEB-V3, 8 |")] == [1, 1]
    assert main(["data", "verify", *words, "runtime.workers=0"]) == 0
    printed = capsys.readouterr().out
    assert "mmeb_v3/bright_pony: 6 queries, 20 candidates: all there\n" in printed
    assert "mcmr: 8 queries, 10 candidates, 8 pictures: all there, all open\n" in printed
