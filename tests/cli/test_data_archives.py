"""Archives as they really are, from the hub to a score: `data fetch`, `data unpack`, `data verify`, a run."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.data.archives import ARCHIVES, COMMIT, REPO
from tests import layouts
from tests.loopback import Hub

FEW = "task=[video/msr_vtt,video/egoschema,video/charades_sta,video/hmdb51,image/cirr]"
"""A task of each archive."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The row repositories, and the media repository, whose archives are to be laid."""
    layouts.lay_rows(tmp_path / "hub")
    (tmp_path / "hub" / REPO).mkdir(parents=True)
    (tmp_path / "hub" / REPO / "README.md").write_text("# the archives were moved\n")
    with Hub(tmp_path / "hub") as served:
        served.lead(monkeypatch)
        yield served


def settings(tmp_path: Path, cache: Path, task: str = FEW) -> list[str]:
    return [task, f"data.root={tmp_path / 'root'}", f"cache_dir={cache}", "runtime.workers=0"]


def test_the_real_archives_are_fetched_unpacked_verified_and_run(
    hub: Hub, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    layouts.lay_archives(hub.root / f"{REPO}@{COMMIT}")
    words = settings(tmp_path, cache, f"task=[{','.join(layouts.tasks())}]")
    assert [main(["data", verb, *words]) for verb in ("plan", "fetch", "unpack", "verify")] == [0, 0, 0, 0]
    printed = capsys.readouterr().out
    assert printed.count(COMMIT[:12]) == len(ARCHIVES) * 2, "the plan and the fetch say it of each archive"
    assert f"{len(layouts.tasks())} of {len(layouts.tasks())} tasks are complete" in printed
    assert main([*words, f"results_dir={tmp_path / 'results'}"]) == 0
    found = {file.stem: json.loads(file.read_text()) for file in (tmp_path / "results/mini").glob("*.json")}
    assert len(found) == len(layouts.tasks())
    for name, result in found.items():
        media = result["provenance"]["dataset"]["media"]
        assert media["place"] == f"{REPO}/{media['canonical']}", name
        assert media["commit"] == COMMIT, name
        assert not any("media" in warning for warning in result["warnings"])


@pytest.mark.parametrize("shape", [1, 2, 3])
@pytest.mark.parametrize("tars", [1, 2])
def test_other_shapes_of_the_archives_come_out_as_the_same_tree(
    shape: int, tars: int, hub: Hub, tmp_path: Path, cache: Path
):
    layouts.lay_archives(hub.root / f"{REPO}@{COMMIT}", shape, tars)
    words = settings(tmp_path, cache)
    assert [main(["data", verb, *words]) for verb in ("fetch", "unpack", "verify")] == [0, 0, 0]
    tree = tmp_path / "root" / REPO
    layouts.lay_media(tmp_path / "expected", layouts.TREES["unpacked by this package"])
    expected = {file.relative_to(tmp_path / "expected") for file in (tmp_path / "expected").rglob("*.*g")}
    assert {file.relative_to(tree) for file in tree.rglob("*.*g")} == expected


def test_a_hub_that_lost_the_pinned_commit_serves_the_newest_and_the_result_says_so(
    hub: Hub, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    layouts.lay_archives(hub.root / REPO)
    words = settings(tmp_path, cache, "task=video/hmdb51")
    assert [main(["data", verb, *words]) for verb in ("fetch", "unpack", "verify")] == [0, 0, 0]
    commit = hub.commit(hub.root / REPO)
    printed = capsys.readouterr().out
    assert f"at {commit}, since the hub has no commit {COMMIT[:12]} any more" in printed
    assert f"the media are of commit {commit[:12]}, expected {COMMIT[:12]}" in printed


def test_another_revision_of_the_media_may_be_asked_for(hub: Hub, tmp_path: Path, cache: Path):
    layouts.lay_archives(hub.root / f"{REPO}@v2")
    words = settings(tmp_path, cache, "task=video/hmdb51")
    assert main(["data", "fetch", *words, "data.media_revision=v2"]) == 0
    assert main(["data", "fetch", *words, "data.media_revision=gone"]) == 1


def test_an_archive_of_another_revision_that_gives_a_task_nothing_is_told_from_one_that_is_not_unpacked(
    hub: Hub, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    layouts.lay_archives(hub.root / f"{REPO}@{COMMIT}")
    words = settings(tmp_path, cache, "task=[video/nextqa,video/egoschema]")
    main(["data", "fetch", *words])
    tree = tmp_path / "root" / REPO
    frames = {f"video_qa/MVBench/x/{n}.mp4/1.jpg": layouts.picture("x", n) for n in range(3)}
    whole = layouts.tar_of(frames)
    for number, part in enumerate(ARCHIVES[-1].parts):
        (tree / part).write_bytes(whole if number == 0 else b"")
    capsys.readouterr()
    assert main(["data", "unpack", *words]) == 1
    said = capsys.readouterr()
    assert "3 files" in said.out
    assert "video_qa: holds nothing for NExTQA, egoschema; its folders are MVBench" in said.err
    assert main(["data", "verify", *words]) == 1
    printed = capsys.readouterr().out
    assert "video_qa.tar.gz-00 to video_qa.tar.gz-04 was unpacked and holds nothing for this task" in printed
    assert "again" not in printed


def test_a_task_without_frames_fails_in_one_line_and_the_others_are_scored(
    hub: Hub, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    layouts.lay_archives(hub.root / f"{REPO}@{COMMIT}")
    words = settings(tmp_path, cache, "task=[video/msvd,video/vatex,video/hmdb51]")
    assert [main(["data", verb, *words]) for verb in ("fetch", "unpack")] == [0, 0]
    shutil.rmtree(tmp_path / "root" / REPO / "video-tasks/frames/video_ret")
    capsys.readouterr()
    assert main([*words, f"results_dir={tmp_path / 'results'}"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert [line.split(":")[1] for line in said.splitlines() if line.startswith("failed: ")] == [" msvd", " vatex"]
    assert (tmp_path / "results/mini/hmdb51.json").is_file()
