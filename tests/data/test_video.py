"""Frames of video files. Every frame of the test video shows its own number in eight bars."""

import os
import pickle
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rzen_eval import media
from rzen_eval.data.decoders import decoder
from rzen_eval.data.media import MediaTree
from rzen_eval.data.video import Frame, frames, saved_by_step, saved_evenly
from rzen_eval.errors import DataError

for library in ("decord", "av"):
    pytest.importorskip(library, reason="the extra [video]")

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
    monkeypatch.setitem(sys.modules, "av", None)
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
    frame = tree.frames("absent", 8, video=RETRIEVAL)[3]
    with decoder(tree.root / RETRIEVAL) as reader:
        decoded = reader[63].astype(int)
    assert np.abs(np.asarray(media.open_rgb(frame)).astype(int) - decoded).mean() < 2


def changed(name: str) -> bytes:
    whole = (VIDEOS / "bars.mp4").read_bytes()
    return {
        "truncated": whole[: len(whole) // 2],
        "zeroed": whole[:3500] + bytes(3000) + whole[6500:],
        "text": b"<html>404 Not Found</html>",
        "empty": b"",
    }[name]


@pytest.mark.parametrize("without", ["av", "decord"])
@pytest.mark.parametrize("name", ["truncated", "zeroed", "text", "empty"])
def test_a_damaged_video_is_refused_in_one_line_and_nothing_else_is_printed(
    name: str, without: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, without, None)
    file = tmp_path / f"{name}.mp4"
    file.write_bytes(changed(name))
    with pytest.raises(DataError, match=f"^{file} .*get it again$") as refused:
        [frame.read() for frame in frames(file, tmp_path, lambda total: range(0, total, 5))]
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("name", "without", "by"), [
    ("audio_only.mp4", "av", "decord"), ("av1.mp4", "av", "decord"), ("audio_only.mp4", "none", "PyAV"),
])  # fmt: skip
def test_a_file_without_a_picture_that_can_be_decoded_is_refused(
    name: str, without: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, without, None)
    with pytest.raises(DataError, match=f"{name} cannot be decoded: no picture in it that {by} decodes"):
        frames(VIDEOS / name, tmp_path, range)


def every_frame(file: Path, order: Callable[[int], Sequence[int]]) -> tuple[str, list[np.ndarray]]:
    with decoder(file) as reader:
        return reader.name.split()[0], [reader[index] for index in order(len(reader))]


ROTATED = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 66 << 16, 0, 1 << 30)


def clip(file: Path, codec: str, pixels: str, options: dict[str, str], *, rotated: bool = False) -> None:
    """25 frames of 98x66 of a pattern that moves."""
    import av

    pattern = np.random.default_rng(0).integers(0, 255, (9, 13, 3), dtype=np.uint8)
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options or None)
        stream.width, stream.height, stream.pix_fmt = 98, 66, pixels
        for shift in range(25):
            picture = np.kron(np.roll(pattern, shift, axis=1), np.ones((8, 8, 1), dtype=np.uint8))[:66, :98]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if rotated:
        content = bytearray(file.read_bytes())
        matrix = content.find(b"tkhd") + 44
        content[matrix : matrix + 36] = ROTATED
        file.write_bytes(content)


CLIPS: dict[str, tuple[str, str, dict[str, str]]] = {
    "h264.mp4": ("libx264", "yuv420p", {"bf": "3", "g": "7"}),
    "rotated.mp4": ("libx264", "yuv420p", {}),
    "444.mkv": ("libx264", "yuv444p", {}),
    "hevc.mp4": ("libx265", "yuv420p", {"x265-params": "log-level=none"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {"bf": "2"}),
    "mjpeg.mov": ("mjpeg", "yuvj420p", {}),
}
"""Codec, pixels and options by name."""


@pytest.mark.parametrize("name", [*CLIPS, "vp8.webm", "vp9.webm", "bars.mp4"])
def test_pyav_and_decord_give_the_same_frames_to_the_bit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = VIDEOS / name
    if name in CLIPS:
        file = tmp_path / name
        clip(file, *CLIPS[name], rotated=name == "rotated.mp4")
    for order in (range, lambda total: [total - 1, 3, 9, 8, 20, 0]):
        by_decord, expected = every_frame(file, order)
        with monkeypatch.context() as hidden:
            hidden.setitem(sys.modules, "decord", None)
            by_av, found = every_frame(file, order)
        assert (by_decord, by_av, len(found)) == ("decord", "av", len(expected))
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one, other)


def test_a_codec_that_decord_does_not_know_is_read_by_pyav(tmp_path: Path):
    for name, codec in (("a.mp4", "libsvtav1"), ("h.mp4", "libx264")):
        clip(tmp_path / name, codec, "yuv420p", {})
    (by, found), (_, alike) = (every_frame(tmp_path / name, range) for name in ("a.mp4", "h.mp4"))
    assert (by, len(found)) == ("av", 25)
    assert np.abs(np.array(found, dtype=int) - np.array(alike, dtype=int)).mean() < 25
    taken = frames(VIDEOS / "av1.mp4", tmp_path, range)
    assert (len(taken), taken[0].clip.video.decoder.split()[0]) == (3, "av")


@pytest.mark.parametrize("without", ["av", "decord"])
def test_frames_that_are_far_apart_are_those_that_come_one_after_the_other(
    without: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clip(tmp_path / "a.avi", *CLIPS["mpeg4.avi"])
    monkeypatch.setitem(sys.modules, without, None)
    _, every = every_frame(tmp_path / "a.avi", range)
    _, apart = every_frame(tmp_path / "a.avi", lambda _total: [0, 13, 20, 24, 3])
    assert np.array_equal(apart, [every[index] for index in (0, 13, 20, 24, 3)])


def test_a_missing_video_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=f"^no video at {tmp_path}/gone.mp4$"):
        frames(tmp_path / "gone.mp4", tmp_path, range)


def test_without_a_decoder_the_clip_and_the_extra_are_named(tree: MediaTree, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "decord", None)
    monkeypatch.setitem(sys.modules, "av", None)
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
