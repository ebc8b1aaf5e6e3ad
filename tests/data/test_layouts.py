"""The benchmark's media as they lie on people's disks are found, and what is wrong with them is said in one line."""

import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

from rzen_eval import evaluate, load_data, load_task
from rzen_eval.config import compose
from rzen_eval.core import Source, Task
from rzen_eval.data.archives import COMMIT, REPO
from rzen_eval.errors import DataError
from tests import layouts

FEW = ("msr_vtt", "egoschema", "charades_sta", "hmdb51", "cirr")
"""One task of each archive."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The row repositories."""
    root = tmp_path_factory.mktemp("rows")
    layouts.lay_rows(root)
    return root


@pytest.fixture
def root(rows: Path, tmp_path: Path) -> Path:
    """A mirror with the row repositories and no media."""
    for folder in rows.iterdir():
        (tmp_path / "root").mkdir(exist_ok=True)
        (tmp_path / "root" / folder.name).symlink_to(folder)
    return tmp_path / "root"


@cache
def declared() -> Mapping[str, Task]:
    """All tasks of the fixtures, composed once."""
    return compose.load([f"task=[{','.join(layouts.tasks())}]", "data=mirror", "data.root=/"]).tasks


@pytest.fixture
def task(root: Path) -> Callable[..., Task]:
    """A task in that mirror, with the folder of its media or that of all media given, as a user may."""

    def made(name: str, media: Path | None = None, everywhere: Path | None = None) -> Task:
        source = Source(kind="mirror", root=root, media=everywhere)
        return declared()[name].model_copy(update={"source": source, "media": media})

    return made


def seen(task: Task) -> int:
    """Pictures of a task that open."""
    model = layouts.Looks()
    evaluate(task, model)
    return model.pictures


@pytest.mark.parametrize("shapes", layouts.TREES.values(), ids=layouts.TREES)
def test_every_tree_that_people_have_is_read_as_it_is(shapes: Mapping[str, str], root: Path, task: Callable[..., Task]):
    layouts.lay_media(root / REPO, shapes)
    for clips in layouts.VIDEO:
        data = load_data(task(clips.task))
        frames = [frame for item in (*data.queries, *data.candidates) for frame in item.frames]
        place = root / REPO / shapes[clips.archive].format(task=clips.folder)
        assert len(frames) == min(clips.frames, 8) * len(clips.clips), clips.task
        assert all(Path(str(frame)).is_relative_to(place) and Path(str(frame)).is_file() for frame in frames)
        assert data.media is not None
        assert data.media["place"] == place.relative_to(root).as_posix()
    assert seen(task("cirr")) == 3


@pytest.mark.parametrize("name", ["MMEB-V2", "MMEB-V3", "VLM2Vec/MMEB-V3", "."])
def test_the_tree_itself_may_have_another_name(name: str, rows: Path, root: Path, task: Callable[..., Task]):
    (root / "VLM2Vec").unlink()
    (root / "VLM2Vec").mkdir()
    for folder in (rows / "VLM2Vec").iterdir():
        (root / "VLM2Vec" / folder.name).symlink_to(folder)
    layouts.lay_media(root / name, layouts.TREES["every archive in a folder of its name"])
    assert [seen(task(few)) for few in FEW] == [16, 8, 32, 16, 3]


def test_names_of_mmeb_v3_with_underscores_are_read(root: Path, task: Callable[..., Task]):
    shapes = layouts.TREES["the official download script and `mv MMEB/* .`"].items()
    layouts.lay_media(root / "MMEB-V3", {archive: shape.replace("-tasks", "_tasks") for archive, shape in shapes})
    assert [seen(task(few)) for few in FEW] == [16, 8, 32, 16, 3]


def test_a_cache_of_the_hub_is_read_through_its_links_and_says_its_commit(root: Path, task: Callable[..., Task]):
    layouts.lay_media(root / "tree", layouts.TREES["every archive unpacked where it lies"])
    layouts.as_in_a_cache_of_the_hub(root / "tree", root)
    data = load_data(task("msr_vtt"))
    assert data.media is not None
    assert data.media["commit"] == COMMIT
    assert [seen(task(few)) for few in FEW] == [16, 8, 32, 16, 3]


@pytest.mark.parametrize("level", ["", "video-tasks", "video-tasks/frames"])
def test_the_place_may_be_given_for_all_tasks(level: str, tmp_path: Path, task: Callable[..., Task]):
    layouts.lay_media(tmp_path / "elsewhere", layouts.TREES["every archive unpacked where it lies"])
    given = tmp_path / "elsewhere" / level
    assert [seen(task(name, everywhere=given)) for name in FEW[:4]] == [16, 8, 32, 16]


def test_the_place_may_be_given_for_one_task(tmp_path: Path, task: Callable[..., Task]):
    layouts.lay_media(tmp_path, {"video_ret": "anywhere/{task}/frames", "mmeb_v1": "pictures/{task}"})
    given = tmp_path / "anywhere/MSR-VTT"
    assert seen(task("msr_vtt", given)) == seen(task("msr_vtt", given / "frames")) == 16
    assert seen(task("cirr", tmp_path / "pictures")) == seen(task("cirr", tmp_path / "pictures/CIRR")) == 3


def test_both_are_settings_of_a_run(root: Path, tmp_path: Path):
    layouts.lay_media(tmp_path / "elsewhere", layouts.TREES["every archive unpacked where it lies"])
    for setting in ("data.media={}", "tasks.hmdb51.media={}/video-tasks/frames/HMDB51"):
        given = setting.format(tmp_path / "elsewhere")
        data = load_data(load_task("video/hmdb51", "data=mirror", f"data.root={root}", given))
        assert data.media is not None
        assert data.media["place"] == f"{tmp_path}/elsewhere/video-tasks/frames/HMDB51"


def test_a_place_that_was_given_is_the_only_one_that_is_looked_at(root: Path, task: Callable[..., Task]):
    layouts.lay_media(root / REPO, layouts.TREES["unpacked by this package"])
    (root / "empty").mkdir()
    with pytest.raises(DataError, match=f"no frames in {root}/empty/video-tasks/frames/video_cls/HMDB51/v_0"):
        seen(task("hmdb51", everywhere=root / "empty"))


def test_of_two_places_the_one_with_the_first_clips_counts(root: Path, task: Callable[..., Task]):
    layouts.lay_media(root / REPO, {"video_ret": f"{layouts.IN_FRAMES}/data/ziyan/video_retrieval/{{task}}/frames"})
    half = root / REPO / "video-tasks/frames/video_ret/MSR-VTT/clip1"
    half.mkdir(parents=True)
    (half / "frame_0001.jpg").write_bytes(layouts.picture("half"))
    assert seen(task("msr_vtt")) == 16


def test_a_clip_is_never_guessed(root: Path, task: Callable[..., Task]):
    layouts.lay_media(root / REPO, {"video_ret": layouts.TREES["unpacked by this package"]["video_ret"]})
    place = root / REPO / "video-tasks/frames/video_ret/MSR-VTT"
    (place / "clip1").rename(place / "Clip1")
    with pytest.raises(
        DataError, match=rf"msr_vtt: .*no frames in {place}/clip1 .*\(the nearest name there is 'Clip1'\)$"
    ):
        seen(task("msr_vtt"))


def test_without_media_a_task_says_where_it_looked_and_what_is_like_it(root: Path, task: Callable[..., Task]):
    folder = root / REPO / "video-tasks/frames/video_ret"
    (folder / "MSRVTT/clip0").mkdir(parents=True)
    with pytest.raises(DataError) as refused:
        seen(task("msr_vtt"))
    message = str(refused.value)
    assert message.startswith("msr_vtt: candidate 'clip0': no frames in ")
    assert f"(the nearest name in {folder} is 'MSRVTT')" in message
    assert message.endswith("other known places were looked at too")
    assert "\n" not in message


def test_pictures_of_another_kind_than_rows_say_are_named(root: Path, task: Callable[..., Task]):
    layouts.lay_media(root / REPO, {"mmeb_v1": "image-tasks/{task}"})
    place = root / REPO / "image-tasks/CIRR"
    (place / "a.jpg").rename(place / "a.png")
    with pytest.raises(DataError, match=rf"no file at {place}/a.jpg \(the nearest name there is 'a.png'\)"):
        seen(task("cirr"))


@pytest.mark.parametrize("column", ["video_path", "clips_dir_path"])
def test_moments_are_named_by_either_column(column: str, tmp_path: Path):
    from tests.mirrors import write_rows

    row = {key: value for key, value in layouts.VIDEO[-2].rows[0].items() if key in {"query", column}}
    write_rows(tmp_path, "VLM2Vec/Charades-STA", [row])
    layouts.lay_media(tmp_path / REPO, {"video_mret": "video-tasks/frames/video_mret/{task}"})
    data = load_data(load_task("video/charades_sta", "data=mirror", f"data.root={tmp_path}"))
    assert [len(pool) for pool in (data.pools or {}).values()] == [3]
    shutil.rmtree(tmp_path / REPO)
    with pytest.raises(DataError, match=r"no frames in .*Charades-STA/abc_60.0_210.0/query"):
        load_data(load_task("video/charades_sta", "data=mirror", f"data.root={tmp_path}"))


def test_rows_that_name_no_video_are_refused_with_the_columns_that_there_are(tmp_path: Path):
    from tests.mirrors import write_rows

    write_rows(tmp_path, "VLM2Vec/QVHighlight", [{"query": "x", "relevant": "y"}])
    with pytest.raises(DataError, match=r"qvhighlight: row 0 of .*: video_path and clips_dir_path name no video"):
        load_data(load_task("video/qvhighlight", "data=mirror", f"data.root={tmp_path}"))
