"""Pictures of every odd kind, and frames in folders."""

import io
import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rzen_eval import media
from rzen_eval.core import SavedAsJpeg
from rzen_eval.data.media import MediaTree, MissingMediaError, natural, uniform
from rzen_eval.errors import ConfigError, DataError

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
ROTATE_A_QUARTER = 6


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    saved = io.BytesIO()
    image.save(saved, format=kind, **options)
    return saved.getvalue()


def row(*colours: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (len(colours), 1))
    image.putdata(colours)
    return image


def colours(image: Image.Image) -> list[tuple[int, ...]]:
    assert image.mode == "RGB"
    return [tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()]


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


@dataclass(frozen=True)
class Row:
    """A picture in a table that only this process has."""

    data: bytes

    def read(self) -> bytes:
        return self.data


@dataclass(frozen=True)
class Kept:
    """A picture that any process can read."""

    data: bytes

    def read(self) -> bytes:
        return self.data

    def image_size(self) -> tuple[int, int]:
        return (7, 5)

    def identity(self) -> str:
        return "kept"


def test_exif_rotation_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = ROTATE_A_QUARTER
    rotated = encoded(row(RED, GREEN), exif=exif)
    assert media.image_size(rotated) == (2, 1)
    assert colours(media.open_rgb(rotated)) == [RED, GREEN]


def test_alpha_is_dropped_and_not_composited():
    assert colours(media.open_rgb(encoded(row((255, 0, 0, 0), (0, 0, 255, 128), mode="RGBA")))) == [RED, BLUE]


@pytest.mark.parametrize("transparency", [0, b"\x00\x80"], ids=["one colour", "by colour"])
def test_transparency_of_a_palette_is_dropped_with_no_warning_and_leaves_no_trace(transparency: int | bytes):
    palette = Image.new("P", (2, 1))
    palette.putpalette([*RED, *BLUE])
    palette.putdata([0, 1])
    opened = media.open_rgb(encoded(palette, transparency=transparency))
    assert colours(opened) == [RED, BLUE]
    assert "transparency" not in opened.info


def test_cmyk_is_converted():
    assert colours(media.open_rgb(encoded(row((0, 0, 0, 0), (0, 0, 0, 255), mode="CMYK"), "TIFF"))) == [WHITE, BLACK]


def test_sixteen_bit_grey_is_cut_off_at_255_as_the_reference_has_it():
    deep = Image.fromarray(np.array([[0, 200, 256, 65535]], dtype=np.uint16))
    assert [grey for grey, _, _ in colours(media.open_rgb(encoded(deep)))] == [0, 200, 255, 255]


def test_bilevel_becomes_black_and_white():
    assert colours(media.open_rgb(encoded(Image.fromarray(np.array([[True, False]]))))) == [WHITE, BLACK]


@pytest.mark.parametrize("size", [(1, 1), (300, 1), (1, 300)])
def test_extreme_shapes_are_kept(size: tuple[int, int]):
    picture = encoded(noise(*size))
    assert media.image_size(picture) == media.open_rgb(picture).size == size


def test_of_an_animation_the_first_frame_is_taken():
    animation = encoded(row(RED), "GIF", save_all=True, append_images=[row(BLUE)])
    assert colours(media.open_rgb(animation)) == [RED]


def test_every_form_of_a_picture_opens_alike(tmp_path: Path):
    picture, file = encoded(noise(9, 4)), tmp_path / "a.png"
    file.write_bytes(picture)
    expected = colours(media.open_rgb(picture))
    for form in (file, str(file), Row(picture), Kept(picture), noise(9, 4)):
        assert colours(media.open_rgb(form)) == expected


def test_a_picture_saved_as_jpeg_is_what_pillow_makes_of_it_at_its_default_quality():
    expected = Image.open(io.BytesIO(encoded(noise(9, 4), "JPEG"))).convert("RGB")
    assert colours(media.open_rgb(SavedAsJpeg(noise(9, 4)))) == colours(expected)
    assert media.image_size(SavedAsJpeg(noise(9, 4))) == (9, 4)


def test_the_picture_of_a_caller_stays_as_it_is():
    palette = Image.new("P", (1, 1))
    palette.info["transparency"] = 0
    media.open_rgb(palette)
    assert (palette.mode, palette.info) == ("P", {"transparency": 0})


def test_only_what_lies_in_a_table_is_read_before_it_travels():
    kept = Kept(b"kept")
    assert media.portable(Row(b"row")) == b"row"
    assert media.portable(SavedAsJpeg(Row(b"row"))) == SavedAsJpeg(b"row")
    assert media.portable(kept) is kept
    assert media.portable(SavedAsJpeg(kept)) == SavedAsJpeg(kept)
    assert media.portable(Path("a.jpg")) == Path("a.jpg")


def test_the_size_of_a_picture_that_knows_it_is_not_looked_up():
    assert media.image_size(Kept(b"never read")) == (7, 5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_truncated_picture_is_refused_in_one_line_with_its_path(kind: str, share: float, tmp_path: Path):
    whole, file = encoded(noise(40, 30), kind), tmp_path / f"cut.{kind.lower()}"
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=f"^{file} ") as refused:
        media.open_rgb(file)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jpg", b"", "is an empty file, not a picture of a kind that is read \\(JPEG, "),
        ("text.jpg", b"<html>404 Not Found</html>", "is damaged or something else, not a picture of a kind that is"),
        ("page.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n", "is damaged or"),
        ("header.png", b"\x89PNG\r\n\x1a\n", "is damaged or something else"),
    ],
)
def test_what_is_no_picture_is_refused(name: str, content: bytes, message: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    for opening in (media.open_rgb, media.image_size):
        with pytest.raises(DataError, match=f"^{tmp_path / name} {message}"):
            opening(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=f"^no file at {tmp_path}/gone.jpg"):
        media.open_rgb(tmp_path / "gone.jpg")


def test_a_folder_in_the_place_of_a_picture_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"cannot be opened: .*it is a folder and no regular file"):
        media.open_rgb(tmp_path)


def test_a_pipe_or_a_device_in_the_place_of_a_picture_is_never_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for place in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(DataError, match=rf"^{place} cannot be opened: .*a device, a pipe or a socket"):
            media.open_rgb(place)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pixels_that_are_not_finite_are_refused(value: float):
    picture = encoded(Image.fromarray(np.array([[1, value]], dtype=np.float32)), "TIFF")
    with pytest.raises(DataError, match="has pixels that are not finite"):
        media.open_rgb(picture)


def test_something_else_than_a_picture_is_refused_by_its_type():
    with pytest.raises(DataError, match="an image is a path, encoded bytes or a PIL image, found int"):
        media.open_rgb(3)  # type: ignore[arg-type]


def bomb(pixels: int) -> bytes:
    """The header of a bitmap of many pixels and nothing behind it."""
    picture = bytearray(encoded(Image.new("RGB", (1, 1)), "BMP"))
    picture[18:26] = (pixels // 1000).to_bytes(4, "little") + (1000).to_bytes(4, "little")
    return bytes(picture)


def test_a_decompression_bomb_is_refused_before_memory_is_taken():
    with pytest.raises(DataError, match=r"cannot be opened: Image size .* exceeds limit"):
        media.open_rgb(bomb(200_000_000))
    refused = "is too large: expected at most 100,000,000 pixels, found 100,001,000; RZEN_EVAL_MAX_PIXELS=N allows more"
    with pytest.raises(DataError, match=refused):
        media.open_rgb(bomb(100_001_000))
    assert media.image_size(bomb(100_000_000))[1] == 1000, "large pages are real and give no warning"


def test_who_wants_larger_pictures_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setenv("RZEN_EVAL_MAX_PIXELS", "300000000")
    assert media.image_size(bomb(300_000_000)) == (300_000, 1000)
    monkeypatch.setenv("RZEN_EVAL_MAX_PIXELS", "1e9")
    with pytest.raises(ConfigError, match=r"^RZEN_EVAL_MAX_PIXELS: expected a number of pixels from 1, found '1e9'"):
        media.image_size(bomb(1000))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM"])
def test_random_damage_never_ends_in_anything_but_a_picture_or_one_line(kind: str):
    whole, draw = encoded(noise(24, 16), kind), random.Random(0)
    refused = []
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(draw.randrange(1, 9)):
            damaged[draw.randrange(min(len(damaged), 300))] = draw.randrange(256)
        try:
            assert media.open_rgb(bytes(damaged)).mode == "RGB"
        except DataError as error:
            refused.append(str(error))
    assert refused
    assert not any("\n" in line for line in refused)


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (64, [0, 9, 18, 27, 36, 45, 54, 63]),
        (9, [0, 1, 2, 3, 4, 5, 6, 8]),
        (8, [0, 1, 2, 3, 4, 5, 6, 7]),
        (3, [0, 1, 2]),
        (0, []),
    ],
)
def test_eight_frames_are_spread_as_numpy_linspace_truncates(total: int, expected: list[int]):
    assert uniform(total, 8) == expected


def test_frames_sort_by_number_whatever_the_case_of_their_letters():
    names = ["f10.jpg", "F2.jpg", "f1.jpeg", "10.png", "9.png", "a²3.jpg"]
    assert [file.name for file in sorted(map(Path, names), key=natural)] == [
        "9.png", "10.png", "a²3.jpg", "f1.jpeg", "F2.jpg", "f10.jpg",
    ]  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> MediaTree:
    folder = tmp_path / "tree/clips/one"
    folder.mkdir(parents=True)
    for number in range(1, 21):
        (folder / f"frame_{number}.jpg").touch()
    (folder / "notes.txt").touch()
    return MediaTree(tmp_path / "tree", tmp_path / "cache")


def numbers(files: object) -> list[int]:
    assert isinstance(files, list)
    return [int(file.stem.removeprefix("frame_")) for file in files]


def test_frames_of_a_folder_come_in_natural_order_and_other_files_do_not_count(tree: MediaTree):
    assert numbers(tree.frames("clips/one", None)) == list(range(1, 21))
    assert numbers(tree.frames("clips/one", 8)) == [1, 3, 6, 9, 11, 14, 17, 20]
    assert numbers(tree.frames("clips/one", 30)) == list(range(1, 21))


def test_a_folder_of_frames_can_stand_in_for_a_video(tree: MediaTree):
    assert numbers(tree.frames("clips/absent", 2, video="clips/one")) == [1, 20]


def test_a_clip_without_frames_and_without_a_video_is_named(tree: MediaTree):
    (tree.root / "clips/empty").mkdir()
    with pytest.raises(MissingMediaError, match=f"no frames in {tree.root}/clips/empty and no video at") as missing:
        tree.frames("clips/empty", 8, video="videos/empty.mp4")
    assert missing.value.folder == "clips/empty"
