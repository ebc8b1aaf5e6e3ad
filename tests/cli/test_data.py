"""`rzen-eval data`, against a hub on loopback and small archives of the benchmark's shape."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import pytest
from PIL import Image

from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.data.archives import ARCHIVES
from rzen_eval.data.media import REPO
from rzen_eval.data.verify import verify
from rzen_eval.data.wanted import wanted
from rzen_eval.errors import ConfigError
from tests.layouts import tar_of
from tests.loopback import Hub

CLS, QA = "video-tasks/frames/video_cls.tar.gz", "video-tasks/frames/video_qa.tar.gz-0"
VIDEOS = Path(__file__).parents[1] / "fixtures/video"
TASKS = "task=[video/hmdb51,video/egoschema]"


def jpeg(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (48, 32), (shade, shade, shade)).save(stream, format="JPEG")
    return stream.getvalue()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Two row repositories and the archives of their media, one of them in five parts."""
    root = tmp_path / "hub"
    rows = root / "VLM2Vec/HMDB51/data/test.jsonl"
    rows.parent.mkdir(parents=True)
    rows.write_text("".join(json.dumps({"video_id": f"clip{n}", "pos_text": "wave"}) + "\n" for n in range(3)))
    (root / "VLM2Vec/HMDB51/videos.zip").write_bytes(b"raw videos, which nobody needs")
    questions = root / "VLM2Vec/EgoSchema"
    question = {"video_idx": "ego", "question": "What?", "answer": "0", "option": [f"{x}. {x}." for x in "ABCDE"]}
    datasets.Dataset.from_list([question]).to_parquet(questions / "Subset/test-0.parquet")
    (questions / "README.md").write_text(
        "---\nconfigs:\n- config_name: Subset\n  data_files:\n  - split: test\n    path: Subset/*.parquet\n---\n"
    )
    media = root / REPO
    (media / CLS).parent.mkdir(parents=True)
    clips = {f"HMDB51/clip{n}/frame_{f:04}.jpg": jpeg(20 * f + n) for n in range(3) for f in range(1, 10)}
    (media / CLS).write_bytes(tar_of(clips))
    cut = tar_of({f"video_qa/EgoSchema/ego/{f:04}.jpeg": jpeg(f) for f in range(12)})
    for part in range(5):
        (media / f"{QA}{part}").write_bytes(cut[part * len(cut) // 5 : (part + 1) * len(cut) // 5])
    with Hub(root) as served:
        served.lead(monkeypatch)
        yield served


@pytest.fixture
def data(hub: Hub, tmp_path: Path, cache: Path) -> Callable[..., int]:
    """The command, with its settings given."""
    assert hub.root.is_dir()

    def command(verb: str, *words: str) -> int:
        given = [word for word in words if word.startswith("task=")] or [TASKS]
        rest = [word for word in words if not word.startswith("task=")]
        return main(
            ["data", verb, *given, f"data.root={tmp_path / 'root'}", f"cache_dir={cache}", "runtime.workers=0", *rest]
        )

    return command


def media(tmp_path: Path) -> Path:
    return tmp_path / "root" / REPO


def test_plan_lists_what_is_needed_with_the_hubs_sizes_and_gets_nothing(
    data: Callable[..., int], hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert data("plan") == 0
    printed = capsys.readouterr().out
    for name in ("VLM2Vec/HMDB51", "VLM2Vec/EgoSchema", "TIGER-Lab/MMEB-V2 video_cls", "TIGER-Lab/MMEB-V2 video_qa"):
        assert name in printed
    assert "video_ret" not in printed
    assert "free at" in printed
    assert not hub.downloads
    assert not (tmp_path / "root").exists()


def test_plan_without_a_hub_says_what_it_does_not_know(
    data: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    data("plan", "task=video/msvd")
    printed = capsys.readouterr().out
    assert "7.8 GB" in printed, "this size is public"
    assert printed.count("Sizes are not all the hub's: VLM2Vec/MSVD: the hub does not serve it") == 1


def test_fetch_and_unpack_leave_a_tree_that_verifies(
    data: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert data("fetch") == data("unpack") == data("verify") == data("verify", "--deep") == 0
    printed = capsys.readouterr().out
    assert "video/hmdb51: 3 queries, 51 candidates, 24 pictures: all there, all open" in printed
    assert "video/egoschema: 1 queries, 5 candidates, 8 pictures: all there, all open" in printed
    assert "2 of 2 tasks are complete" in printed
    assert (media(tmp_path) / "video-tasks/frames/video_cls/HMDB51/clip0/frame_0001.jpg").is_file()
    assert (media(tmp_path) / "video-tasks/frames/video_qa/EgoSchema/ego/0011.jpeg").is_file()
    assert not (tmp_path / "root/VLM2Vec/HMDB51/videos.zip").exists(), "raw videos are left out"


def test_what_is_there_is_neither_downloaded_nor_unpacked_again(
    data: Callable[..., int], hub: Hub, capsys: pytest.CaptureFixture[str]
):
    data("fetch")
    data("unpack")
    hub.downloads.clear()
    capsys.readouterr()
    assert data("fetch") == data("unpack") == data("plan") == 0
    printed = capsys.readouterr().out
    assert hub.downloads == []
    assert "0 downloaded, all sums are the hub's" in printed
    assert "27 files in" in printed
    assert "0 of them new" in printed
    assert "\n0.0 MB to get, " in printed
    assert "once unpacked" not in printed


def test_archives_may_be_deleted_once_they_are_unpacked(data: Callable[..., int], hub: Hub, tmp_path: Path):
    data("fetch")
    data("unpack")
    (media(tmp_path) / CLS).unlink()
    hub.downloads.clear()
    assert data("fetch") == data("unpack") == data("verify") == 0
    assert hub.downloads == []


def test_a_download_that_breaks_off_is_resumed_where_it_stopped(data: Callable[..., int], hub: Hub, tmp_path: Path):
    hub.cut[CLS] = 500
    assert data("fetch") == 0
    assert [asked for name, asked in hub.downloads if name == CLS] == [None, "bytes=500-"]
    assert (media(tmp_path) / CLS).read_bytes() == (hub.root / REPO / CLS).read_bytes()


def test_a_killed_fetch_goes_on_with_the_next_command(data: Callable[..., int], hub: Hub, tmp_path: Path):
    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    hub.cut[CLS] = 500
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.file_download.http_get", _breaking_off(killed))
        with pytest.raises(KilledError):
            data("fetch")
    assert data("fetch") == 0
    assert [asked for name, asked in hub.downloads if name == CLS] == [None, "bytes=500-"]
    assert (media(tmp_path) / CLS).read_bytes() == (hub.root / REPO / CLS).read_bytes()


def _breaking_off(end: Callable[..., None]) -> Callable[..., object]:
    """The real download, ended when it would resume by itself."""
    from huggingface_hub import file_download

    real = file_download.http_get

    def get(*args: object, resume_size: int = 0, **kwargs: object) -> object:
        if resume_size:
            end()
        return real(*args, resume_size=resume_size, **kwargs)

    return get


def test_a_hub_that_is_busy_once_is_asked_again(data: Callable[..., int], hub: Hub, monkeypatch: pytest.MonkeyPatch):
    hub.busy.add(CLS)
    monkeypatch.setattr("rzen_eval.data.fetch.WAITS", (0,))
    assert data("fetch") == 0
    assert [asked for name, asked in hub.downloads if name == CLS] == [None, None]


@pytest.mark.parametrize("place", [f"{REPO}/{CLS}", "VLM2Vec/HMDB51/data/test.jsonl"])
def test_a_file_that_arrives_changed_is_refused_and_gone(
    place: str, data: Callable[..., int], hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = place.split("/", maxsplit=2)[2]
    hub.corrupt.add(path)
    assert data("fetch") == 1
    assert f"{path} arrived with the sum" in capsys.readouterr().err
    assert not (tmp_path / "root" / place).exists()
    assert (media(tmp_path) / f"{QA}4").exists(), "the others are fetched all the same"
    assert data("fetch") == 0


def test_a_pinned_revision_is_what_is_fetched(hub: Hub, data: Callable[..., int], tmp_path: Path):
    shutil.copytree(hub.root / "VLM2Vec/HMDB51", hub.root / "VLM2Vec/HMDB51@v1")
    old = hub.root / "VLM2Vec/HMDB51@v1/data/test.jsonl"
    old.write_text(json.dumps({"video_id": "old", "pos_text": "wave"}) + "\n")
    assert data("fetch", "task=video/hmdb51", "tasks.hmdb51.dataset.revision=v1") == 0
    assert "old" in (tmp_path / "root/VLM2Vec/HMDB51/data/test.jsonl").read_text()


def test_an_unknown_revision_is_one_line(data: Callable[..., int], capsys: pytest.CaptureFixture[str]):
    assert data("fetch", "task=video/hmdb51", "tasks.hmdb51.dataset.revision=gone") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rzen-eval: ")]
    assert len(lines) == 1
    assert "VLM2Vec/HMDB51: the hub does not serve it at gone" in lines[0]


def test_a_hub_without_a_part_of_an_archive_is_refused(
    data: Callable[..., int], hub: Hub, capsys: pytest.CaptureFixture[str]
):
    (hub.root / REPO / f"{QA}2").unlink()
    assert data("fetch") == 1
    assert "video_qa: the hub has no file video-tasks/frames/video_qa.tar.gz-02" in capsys.readouterr().err


def test_too_small_a_disk_is_known_before_the_download(
    data: Callable[..., int], hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    assert data("plan") == 1
    assert "not enough" in capsys.readouterr().out
    assert data("fetch") == 1
    assert "are free; make room or use another data.root" in capsys.readouterr().err
    assert hub.downloads == []


def test_two_revisions_of_one_repository_do_not_fit_in_one_mirror(tmp_path: Path):
    tasks = compose.load([TASKS, "data=mirror", f"data.root={tmp_path}"]).tasks
    first = tasks["hmdb51"]
    second = first.model_copy(update={"dataset": first.dataset.model_copy(update={"revision": "v1"})})
    with pytest.raises(ConfigError, match="VLM2Vec/HMDB51: hmdb51 and others need different revisions"):
        wanted([first, second])


def test_verify_names_what_is_missing_its_archive_and_the_command_that_mends_it(
    data: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data("fetch")
    capsys.readouterr()
    assert data("verify") == 1
    lines = capsys.readouterr().out.splitlines()
    root = tmp_path / "root"
    place = media(tmp_path) / "video-tasks"
    clip = "frames/video_cls/HMDB51/clip0"
    assert lines[0] == "video/hmdb51: 3 of 3 pictures and clips are missing or damaged"
    video = f"{place}/videos/video_cls/HMDB51/clip0.mp4"
    assert lines[1] == f"  query '0': no frames in {place}/{clip} and no video at {video}"
    assert lines[4] == f"  held by {CLS}; mend with: rzen-eval data unpack task=video/hmdb51 data.root={root}"
    assert "0 of 2 tasks are complete" in lines[-1]


def test_the_command_that_mends_fetches_what_is_not_there_and_unpacks_again_what_was_unpacked(
    data: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data("fetch")
    data("unpack")
    frame = media(tmp_path) / "video-tasks/frames/video_cls/HMDB51/clip1/frame_0001.jpg"
    frame.write_bytes(b"")
    capsys.readouterr()
    assert data("verify") == 1
    printed = capsys.readouterr().out
    assert "video/hmdb51: 1 of 24 pictures and clips are missing or damaged" in printed
    assert f"query '1': {frame} is an empty file" in printed
    settings = f"task=video/hmdb51 data.root={tmp_path / 'root'}"
    assert printed.splitlines()[2].endswith(f"mend with: rzen-eval data unpack {settings} --again")
    assert data("unpack", "--again") == data("verify") == 0
    frame.unlink()
    (media(tmp_path) / CLS).unlink()
    found = next(verify(list(compose.load([TASKS, "data=mirror", f"data.root={tmp_path / 'root'}"]).tasks.values())))
    assert found.faults == [], "eight of the nine frames are left, and eight are needed"


def test_truncated_frames_are_found_by_a_deep_check_only(
    data: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data("fetch")
    data("unpack")
    frame = media(tmp_path) / "video-tasks/frames/video_qa/EgoSchema/ego/0000.jpeg"
    Image.effect_noise((640, 480), 100).save(frame)
    frame.write_bytes(frame.read_bytes()[:-1000])
    assert data("verify") == 0
    capsys.readouterr()
    assert data("verify", "--deep") == 1
    assert f"query '0': {frame} cannot be decoded: " in capsys.readouterr().out


def test_missing_rows_are_mended_by_a_fetch(
    data: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert data("verify", "task=video/hmdb51") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"video/hmdb51: no folder at {tmp_path}/root/VLM2Vec/HMDB51"
    assert lines[1].startswith("  mend with: rzen-eval data fetch task=video/hmdb51 data.root=")


def test_videos_count_where_there_are_no_frames(
    data: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("decord", reason="the extra [video]")
    data("fetch", "task=video/hmdb51")
    videos = media(tmp_path) / "video-tasks/videos/video_cls/HMDB51"
    videos.mkdir(parents=True)
    for name, source in (("clip0", "bars.mp4"), ("clip1", "bars.mp4"), ("clip2", "audio_only.mp4")):
        shutil.copy(VIDEOS / source, videos / f"{name}.mp4")
    assert data("verify", "task=video/hmdb51", "deep=true") == 1
    printed = capsys.readouterr().out
    assert "1 of 17 pictures and clips are missing or damaged" in printed
    assert f"query '2': {videos}/clip2.mp4 cannot be decoded: no picture in it that PyAV decodes" in printed


def test_worker_processes_find_the_same_as_one_process(data: Callable[..., int], tmp_path: Path, cache: Path):
    data("fetch", "task=video/hmdb51")
    folder = media(tmp_path) / "video-tasks/frames/video_cls/HMDB51"
    for clip in range(3):
        (folder / f"clip{clip}").mkdir(parents=True)
        for frame in range(40):
            (folder / f"clip{clip}/{frame}.jpg").write_bytes(jpeg(frame) if frame % 7 else b"damaged")
    settings = ["task=video/hmdb51", "frames=40", "data=mirror", f"data.root={tmp_path / 'root'}", f"cache_dir={cache}"]
    tasks = list(compose.load(settings).tasks.values())
    counts: list[int] = []
    one, two = (next(verify(tasks, workers=workers, progress=counts.append)) for workers in (0, 2))
    assert one == two
    assert (len(one.faults), one.media, sum(counts)) == (18, 120, 240)


def test_the_sample_verifies_and_needs_nothing(cache: Path, capsys: pytest.CaptureFixture[str]):
    settings = ["task=visdoc/vidore_arxivqa", "data=sample", f"cache_dir={cache}", "runtime.workers=0"]
    assert main(["data", "fetch", *settings]) == main(["data", "plan", *settings]) == 0
    assert main(["data", "verify", *settings]) == 0
    printed = capsys.readouterr().out
    assert printed.count("Nothing to get: the package makes the sample itself.") == 2
    assert "1 of 1 tasks are complete" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "arguments are required: plan|fetch|unpack|verify"),
        (["fecth"], "found 'fecth' (did you mean fetch?)"),
        (["verify", "deep=maybe", "data=sample"], "expected deep=true or deep=false, found 'deep=maybe'"),
        (["plan", "--deep"], "data plan: --deep is for data verify"),
        (["plan", "data=mirror"], "data.root is missing"),
    ],
)
def test_wrong_words_are_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert main(["data", *words]) == 2
    assert message in capsys.readouterr().err


def test_every_image_and_video_task_has_its_archive_and_no_document_task_has_one():
    tasks = compose.load(["task=mmeb_v2", "data=hub"]).tasks.values()
    things = wanted(list(tasks))
    assert [thing.archive for thing in things] == list(ARCHIVES)
    users = {task for thing in things for task in thing.tasks}
    assert users == {task.id for task in tasks if task.modality != "visdoc"}
    assert sum(len(thing.tasks) for thing in things) == 54


def test_the_settings_of_the_environment_reach_the_hub(hub: Hub, tmp_path: Path):
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    code = "import sys; from rzen_eval.cli.main import main; sys.exit(main(sys.argv[1:]))"
    settings = ["task=video/hmdb51", f"data.root={tmp_path / 'root'}"]
    done = subprocess.run(
        [sys.executable, "-c", code, "data", "fetch", *settings],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "TIGER-Lab/MMEB-V2 video_cls: 1 files" in done.stdout
    assert "VLM2Vec/HMDB51: 1 files" in done.stdout
