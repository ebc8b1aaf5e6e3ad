"""`rzen-eval data doctor`: what is where, what can be run, what is known to be wrong, and a listing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.data.archives import ARCHIVES, MARKER, REPO
from rzen_eval.data.examine import examine
from rzen_eval.data.known_holes import holes
from rzen_eval.data.tree_listing import listing
from rzen_eval.errors import ConfigError
from tests import layouts
from tests.mirrors import write_frames, write_rows

SHAPES = layouts.TREES["every archive unpacked where it lies"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A mirror as somebody has it: EgoSchema's frames, Breakfast's rows and the corrected page labels are missing."""
    root = tmp_path / "root"
    layouts.lay_rows(root)
    layouts.lay_media(root / REPO, SHAPES)
    shutil.rmtree(root / REPO / "video-tasks/frames/video_qa/egoschema")
    shutil.rmtree(root / "VLM2Vec/Breakfast")
    (root / REPO / "visdoc-tasks/data/ViDoSeek-page/queries").mkdir(parents=True)
    return root


@pytest.fixture
def doctor(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What is printed."""
    monkeypatch.chdir(tmp_path)

    def printed(task: str, *words: str) -> str:
        assert main(["data", "doctor", f"task={task}", f"data.root={root}", f"cache_dir={cache}", *words]) == 0
        return capsys.readouterr().out

    return printed


def row(printed: str, task: str) -> list[str]:
    return next(
        [c.strip() for c in line.split("|")[2:-1]] for line in printed.splitlines() if line.startswith(f"| {task} ")
    )


def test_it_says_of_each_task_what_is_where_and_what_is_missing(doctor: Callable[..., str], root: Path):
    printed = doctor(
        "[video/msr_vtt,video/egoschema,video/breakfast,video/charades_sta,image/cirr,visdoc/vidoseek_page]"
    )
    place = f"{REPO}/video-tasks/frames/data/ziyan/video_retrieval/MSR-VTT/frames"
    assert row(printed, "msr_vtt") == ["VLM2Vec/MSR-VTT, 2 of 1000", place, "2 of 2", "10", "yes"]
    assert row(printed, "egoschema") == ["VLM2Vec/EgoSchema, 1 of 500", "nowhere", "0 of 1", "", "no"]
    assert row(printed, "breakfast") == ["none", "video-tasks/frames/Breakfast, perhaps", "", "", "no"]
    assert row(printed, "charades_sta")[2:] == ["4 of 4", "8", "yes"]
    assert row(printed, "cirr")[1:] == [f"{REPO}/image-tasks/MMEB", "3 of 3", "", "yes"]
    assert "* 3 of 6 tasks can be run now: add task=available" in printed
    assert f"* egoschema: no frames in {root}/{REPO}/video-tasks/frames/video_qa/egoschema/0074f737" in printed
    fetch = f"rzen-eval data fetch task=[video/breakfast,visdoc/vidoseek_page] data.root={root}"
    assert f"* rows of 2 tasks are missing: {fetch}" in printed
    assert "* video_qa (51.7 GB) is not there, for egoschema: rzen-eval data fetch task=video/egoschema" in printed
    assert "* vidoseek_page: visdoc-tasks/data/ViDoSeek-page has page labels of before November 2025" in printed


def test_a_task_whose_frames_are_empty_files_cannot_be_run(doctor: Callable[..., str], root: Path):
    clip = root / REPO / "video-tasks/frames/data/ziyan/video_retrieval/MSR-VTT/frames/clip1"
    next(clip.iterdir()).write_bytes(b"")
    printed = doctor("[video/msr_vtt,video/charades_sta]")
    assert row(printed, "msr_vtt")[2:] == ["2 of 2", "10", "no"]
    assert "msr_vtt: 1 of 2 clips or pictures are empty files, or have frames that are" in printed


def test_media_without_which_rows_mean_nothing_are_mended_by_their_archive(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.rmtree(next((root / REPO / "video-tasks").rglob("Charades-STA")))
    words = ["task=video/charades_sta", f"data.root={root}"]
    assert main(["data", "verify", *words, f"cache_dir={cache}"]) == 1
    mended = f"mend with: rzen-eval data fetch {' '.join(words)} && rzen-eval data unpack {' '.join(words)}"
    assert mended in " ".join(capsys.readouterr().out.split())


def test_what_can_be_run_is_run_by_task_available(root: Path, cache: Path):
    words = ["task=available", "data=mirror", f"data.root={root}", f"cache_dir={cache}"]
    expected = {name.split("/")[1] for name in layouts.tasks()} - {"egoschema", "breakfast"}
    assert {*compose.load(words).tasks} == expected
    shutil.rmtree(root)
    root.mkdir()
    with pytest.raises(
        ConfigError, match=r"task=available: of none of 78 tasks are the data there; `rzen-eval data doc"
    ):
        compose.load(words)


def test_the_listing_has_names_and_sizes_alone_and_is_small(doctor: Callable[..., str], root: Path, tmp_path: Path):
    for number in range(200):
        write_frames(root, f"video-tasks/frames/K700/more_{number}", 64)
    printed = doctor("video/k700", "--listing", "sent.json")
    assert "* sent.json has names and sizes" in printed
    text = (tmp_path / "sent.json").read_text()
    assert len(text) < 100_000
    assert str(tmp_path) not in text
    k700 = json.loads(text)["in"]["TIGER-Lab"]["in"]["MMEB-V2"]["in"]["video-tasks"]["in"]["frames"]["in"]["K700"]
    assert (k700["folders"], len(k700["in"])) == (202, 4)
    assert k700["in"]["more_0"] == {
        "files": 64,
        "kinds": {".jpg": 64},
        "some": dict.fromkeys(sorted(k700["in"]["more_0"]["some"]), 1),
    }


def test_a_tree_laid_from_a_listing_is_found_as_the_tree_itself_is(root: Path, tmp_path: Path, cache: Path):
    again = tmp_path / "again"
    layouts.lay_listing(again, listing(root))
    for folder in ("VLM2Vec", "lmms-lab", "ziyjiang"):
        shutil.rmtree(again / folder)
        shutil.copytree(root / folder, again / folder)
    names = ["hmdb51", "msr_vtt", "egoschema", "charades_sta", "nextqa", "cirr"]
    for name in names:
        words = [f"task={'image' if name == 'cirr' else 'video'}/{name}", "data=mirror", f"cache_dir={cache}"]
        one, other = (
            examine(next(iter(compose.load([*words, f"data.root={place}"]).tasks.values()))) for place in (root, again)
        )
        assert (one.place, one.media, one.whole, one.frames) == (other.place, other.media, other.whole, other.frames)


def test_known_holes_are_named_by_their_issue_and_others_are_new(tmp_path: Path, cache: Path):
    task = compose.load(["task=video/nextqa", "data=mirror", f"data.root={tmp_path}", f"cache_dir={cache}"]).tasks[
        "nextqa"
    ]
    write_rows(tmp_path, "VLM2Vec/NExTQA", layouts.VIDEO[11].rows, "MC")
    marker = tmp_path / REPO / ARCHIVES[-1].target / MARKER
    marker.parent.mkdir(parents=True)
    told = {"archive": "video_qa", "parts": {}, "files": 9, "bytes": 9, "folders": {"MVBench": 9}}
    marker.write_text(json.dumps(told))
    assert [line.partition(":")[0] for line in holes(examine(task))] == ["#201"]
    write_frames(tmp_path, "video-tasks/frames/video_qa/NExTQA/4010069381", 1)
    assert list(holes(examine(task))) == ["new: 1 of 1 clips have one frame only"]


def test_1800_rows_of_momentseeker_are_those_with_repeats(tmp_path: Path, cache: Path):
    write_rows(tmp_path, "VLM2Vec/MomentSeeker", [layouts.SEEKER] * 1800)
    layouts.lay_media(tmp_path / REPO, {"video_mret": SHAPES["video_mret"]})
    words = ["task=video/momentseeker", "data=mirror", f"data.root={tmp_path}", f"cache_dir={cache}"]
    assert [line.partition(":")[0] for line in holes(examine(compose.load(words).tasks["momentseeker"]))] == ["#123"]


@pytest.mark.parametrize(("frames", "said"), [(64, True), (16, False)])
def test_frames_that_are_those_of_raw_videos_are_told_from_the_archives(
    frames: int, said: bool, tmp_path: Path, cache: Path
):
    rows = [{"video_id": f"v{n}", "pos_text": "wave"} for n in range(60)]
    write_rows(tmp_path, "VLM2Vec/HMDB51", rows)
    for n in range(60):
        write_frames(tmp_path, f"video-tasks/frames/video_cls/HMDB51/v{n}", frames)
    words = ["task=video/hmdb51", "data=mirror", f"data.root={tmp_path}", f"cache_dir={cache}"]
    found = list(holes(examine(compose.load(words).tasks["hmdb51"])))
    start = "0 of 60 clips have fewer than 64 frames, 98% in the archive: they are taken from raw videos"
    assert [line.partition(", so")[0] for line in found] == ([start] if said else [])
