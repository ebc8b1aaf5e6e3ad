"""Frames of video files. Every frame of the test video shows its own number in eight bars."""

import io
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rzen_eval import media
from rzen_eval.data.media import MediaTree
from rzen_eval.data.video import Frame, frames, saved_by_step, saved_evenly
from rzen_eval.errors import DataError

pytest.importorskip("decord", reason="the extra [video]")

VIDEOS = Path(__file__).parents[1] / "fixtures/video"
LENGTH = 150
RETRIEVAL, QUESTIONS = "video-tasks/videos/video_ret/a.mp4", "video-tasks/videos/video_qa/a.mp4"


@pytest.fixture
def tree(tmp_path: Path) -> MediaTree:
    for place in (RETRIEVAL, QUESTIONS):
        (tmp_path / "tree" / place).parent.mkdir(parents=True)
        shutil.copy(VIDEOS / "bars.mp4", tmp_path / "tree" / place)
    return MediaTree(tmp_path / "tree", tmp_path / "cache")


def number(picture: Image.Image | np.ndarray) -> int:
    if isinstance(picture, Image.Image):
        picture = np.asarray(picture)
    height, width = picture.shape[:2]
    middle = picture[height // 2, width // 16 :: width // 8, 0]
    return sum(int(grey > 128) << bit for bit, grey in enumerate(middle))


def shown(taken: object) -> list[int]:
    assert isinstance(taken, list)
    return [number(media.open_rgb(frame)) for frame in taken]


def everything(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*")}


def test_eight_frames_are_those_that_64_saved_evenly_and_sampled_to_eight_would_be(tree: MediaTree):
    # Saved: floor(i * 150 / 64); of these 0, 9, 18, 27, 36, 45, 54 and 63 are sampled.
    assert shown(tree.frames("absent", 8, video=RETRIEVAL)) == [0, 21, 42, 63, 84, 105, 126, 147]


def test_question_answering_saves_every_second_of_150_frames_and_so_never_sees_the_end(tree: MediaTree):
    assert shown(tree.frames("absent", 8, video=QUESTIONS)) == [0, 18, 36, 54, 72, 90, 108, 126]


def test_all_frames_of_a_video_are_the_64_that_would_be_saved(tree: MediaTree):
    taken = tree.frames("absent", None, video=RETRIEVAL)
    assert shown(taken) == [i * LENGTH // 64 for i in range(64)]


@pytest.mark.parametrize("total", [1, 63, 64, 65, 127, 128, 1000, 100_003])
def test_saved_frames_are_in_order_within_the_video_and_at_most_64(total: int):
    for saved in (saved_evenly(total), saved_by_step(total)):
        assert len(saved) <= min(total, 64)
        assert saved == sorted(set(saved))
        assert (saved[0], saved[-1] < total) == (0, True)
    assert saved_by_step(127) == list(range(64))


def test_folders_of_frames_come_before_video_files(tree: MediaTree):
    folder = tree.root / "frames/a"
    folder.mkdir(parents=True)
    (folder / "1.jpg").touch()
    assert tree.frames("frames/a", 8, video=RETRIEVAL) == [folder / "1.jpg"]


def test_sizes_are_known_and_nothing_is_decoded_until_a_frame_is_read(tree: MediaTree):
    taken = tree.frames("absent", 8, video=RETRIEVAL)
    assert [media.image_size(frame) for frame in taken] == [(96, 64)] * 8
    assert not list(tree.cache_dir.rglob("*.jpg"))


def test_reading_one_frame_keeps_all_frames_of_the_clip_and_only_those(tree: MediaTree):
    first = tree.frames("absent", 3, video=RETRIEVAL)[0]
    assert isinstance(first, Frame)
    first.read()
    assert {file.name for file in tree.cache_dir.rglob("*.jpg")} == {"0.jpg", "72.jpg", "147.jpg"}
    assert not [name for name in everything(tree.cache_dir) if "/." in name], "no half-written files are left"


def test_the_tree_is_never_written(tree: MediaTree):
    before = everything(tree.root)
    shown(tree.frames("absent", 8, video=RETRIEVAL))
    assert everything(tree.root) == before


def test_the_second_run_reads_the_same_pixels_and_needs_no_decoder(tree: MediaTree, monkeypatch: pytest.MonkeyPatch):
    first = [frame.read() for frame in tree.frames("absent", 8, video=RETRIEVAL) if isinstance(frame, Frame)]
    monkeypatch.setitem(sys.modules, "decord", None)
    again = [frame.read() for frame in tree.frames("absent", 8, video=RETRIEVAL) if isinstance(frame, Frame)]
    assert (again, len(again)) == (first, 8)


def test_a_video_that_changes_is_decoded_again(tree: MediaTree):
    file = tree.root / RETRIEVAL
    before = tree.frames("absent", 1, video=RETRIEVAL)[0]
    os.utime(file, ns=(1, 1))
    after = tree.frames("absent", 1, video=RETRIEVAL)[0]
    assert isinstance(before, Frame)
    assert isinstance(after, Frame)
    assert before.clip.folder != after.clip.folder


def test_workers_get_references_and_may_decode_one_clip_at_the_same_time(tree: MediaTree):
    taken = [media.portable(frame) for frame in tree.frames("absent", 8, video=RETRIEVAL)]
    assert len(pickle.dumps(taken)) < 2000, "what travels is no picture"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        decoded = list(pool.map(media.open_rgb, [*taken, *taken]))
    assert [number(picture) for picture in decoded] == 2 * [0, 21, 42, 63, 84, 105, 126, 147]
    assert len(list(tree.cache_dir.rglob("*.jpg"))) == 8


def test_kept_frames_are_close_to_what_the_decoder_gave(tree: MediaTree):
    from rzen_eval.data.video import decoder

    frame = tree.frames("absent", 8, video=RETRIEVAL)[3]
    with decoder(tree.root / RETRIEVAL) as reader:
        decoded = reader[63].asnumpy().astype(int)
    assert np.abs(np.asarray(media.open_rgb(frame)).astype(int) - decoded).mean() < 2


def changed(name: str) -> bytes:
    whole = (VIDEOS / "bars.mp4").read_bytes()
    gif = io.BytesIO()
    Image.new("P", (8, 8)).save(gif, format="GIF")
    return {
        "truncated": whole[: len(whole) // 2],
        "zeroed": whole[:3500] + bytes(3000) + whole[6500:],
        "text": b"<html>404 Not Found</html>",
        "picture": gif.getvalue(),
        "empty": b"",
    }[name]


@pytest.mark.parametrize("name", ["truncated", "zeroed", "text", "picture", "empty"])
def test_a_damaged_video_is_refused_in_one_line_and_nothing_else_is_printed(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    file = tmp_path / f"{name}.mp4"
    file.write_bytes(changed(name))
    with pytest.raises(DataError, match=f"^{file} .*get it again$") as refused:
        [frame.read() for frame in frames(file, tmp_path, lambda total: range(0, total, 5))]
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["audio_only.mp4", "av1.mp4"])
def test_a_file_without_a_picture_that_decord_decodes_is_refused(name: str, tmp_path: Path):
    with pytest.raises(DataError, match=f"{name} cannot be decoded: no picture in it that decord decodes"):
        frames(VIDEOS / name, tmp_path, range)


def test_a_missing_video_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=f"^no video at {tmp_path}/gone.mp4$"):
        frames(tmp_path / "gone.mp4", tmp_path, range)


def test_without_decord_the_clip_and_the_extra_are_named(tree: MediaTree, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(DataError, match=r"video_ret/a.mp4 is a video file .*`pip install 'rzen-eval\[video\]'"):
        tree.frames("absent", 8, video=RETRIEVAL)


def test_a_cache_folder_that_cannot_be_written_is_named(tree: MediaTree):
    tree.cache_dir.write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"frames cannot be written to .*; give cache_dir=FOLDER"):
        tree.frames("absent", 8, video=RETRIEVAL)


def test_decord_is_imported_with_the_first_video_only():
    code = "import rzen_eval.data.media, sys; sys.exit('decord' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("what", ["video.json", "63.jpg"])
def test_what_is_kept_of_a_video_and_torn_is_made_again(tree: MediaTree, what: str):
    frame = tree.frames("absent", 8, video=RETRIEVAL)[3]
    before = media.open_rgb(frame).tobytes()
    [file] = tree.cache_dir.rglob(what)
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for torn in (bytes(flipped), whole[: len(whole) // 2], b"", b'{"length": "many"}'):
        file.write_bytes(torn)
        again = tree.frames("absent", 8, video=RETRIEVAL)[3]
        assert (again, media.open_rgb(again).tobytes()) == (frame, before)
        assert file.read_bytes() == whole
