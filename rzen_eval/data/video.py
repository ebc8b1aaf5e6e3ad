"""Frames of video files, decoded with decord or PyAV where they are first needed and kept in the cache folder.

The official evaluator (VLM2Vec at 6e1e1d4) saves up to 64 frames of a video as JPEG files and samples eight of
those. Here only the frames that would be sampled are decoded, and kept as JPEG of quality 95 (OpenCV's default,
which its question-answering parsers use; the others call ffmpeg with its own quality). Always the kept file is
read, so the first run and the next see the same pixels.

What is not known to be equal: numbering. ffmpeg and OpenCV count the frames that they decode, decord and PyAV the
packets of the index; the two differ for files with edit lists or damaged beginnings. What nobody notices: decord
decodes flipped bits inside a frame to wrong or grey pixels and reports no error.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from rzen_eval.data.decoders import decoder
from rzen_eval.errors import DataError
from rzen_eval.files import appearing, need_regular, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAVED = 64
"""Frames that the official evaluator saves of a video."""
QUALITY = 95
LAYOUT = "2"
"""Version of what lies in the cache."""
CHECK = b"\ncrc32 %08x\n"
"""Ends each file of the cache."""


@dataclass(frozen=True, slots=True)
class Video:
    """What a look at a video file told."""

    path: str
    length: int
    """Frames."""
    width: int
    height: int
    decoder: str = "decord"
    """The library that decoded it, with its version."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames of one video file that are decoded together."""

    video: Video
    folder: Path
    """Where decoded frames are kept."""
    indices: tuple[int, ...]

    def extract(self) -> None:
        """Decode the frames that are not kept yet, with one opening of the file and one frame in memory at a time.

        Several processes may do so at once: each file appears whole.

        Raises:
            DataError: the video is missing or damaged, no decoder is installed, or the cache cannot be written.
        """
        wanted = sorted({i for i in self.indices if _kept(self.folder, i) is None})
        with decoder(Path(self.video.path)) as frames:
            for index in wanted:
                stream = io.BytesIO()
                Image.fromarray(frames[index]).save(stream, format="JPEG", quality=QUALITY)
                with _cached(_place(self.folder, index)) as place:
                    place.write_bytes(_checked(stream.getvalue()))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a video file; nothing is decoded until it is read, then all frames of its clip are."""

    clip: Clip
    index: int

    def image_size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.clip.video.width, self.clip.video.height

    def identity(self) -> str:
        """What tells it from other frames: the video's place and state are in the folder's name."""
        return f"{self.clip.folder.name} {self.index}"

    def read(self) -> bytes:
        """The frame as JPEG.

        Raises:
            DataError: the video is missing or damaged, no decoder is installed, or the cache cannot be written.
        """
        kept = _kept(self.clip.folder, self.index)
        if kept is None:
            self.clip.extract()
            kept = _kept(self.clip.folder, self.index)
        if kept is None:
            raise DataError(f"{self}: what was kept of it in {self.clip.folder} does not last; give cache_dir=FOLDER")
        return kept

    def __str__(self) -> str:
        return f"frame {self.index} of {self.clip.video.path}"


def frames(path: Path, cache_dir: Path, choose: Callable[[int], Sequence[int]]) -> list[Frame]:
    """References to some frames of a video file.

    Args:
        path: the file.
        cache_dir: decoded frames go to `frames/` in it.
        choose: indices of the frames, given how many there are.

    Raises:
        DataError: the file is missing, empty, damaged, without a picture, or no decoder is installed.
    """
    try:
        told = need_regular(path)
    except OSError as error:
        raise DataError(f"no video at {path}" + (f" ({error.strerror})" if path.exists() else "")) from error
    if not told.st_size:
        raise DataError(f"{path} is empty; get it again")
    identity = json.dumps([LAYOUT, str(path.resolve()), state(path)])
    folder = cache_dir / "frames" / hashlib.sha256(identity.encode()).hexdigest()[:24]
    video = _probed(path, folder / "video.json")
    clip = Clip(video, folder, tuple(choose(video.length)))
    return [Frame(clip, index) for index in clip.indices]


def saved_evenly(total: int) -> list[int]:
    """Frames of `total` that the official evaluator's ffmpeg extraction saves (`save_frames`)."""
    return list(range(total)) if total <= SAVED else [i * total // SAVED for i in range(SAVED)]


def saved_by_step(total: int) -> list[int]:
    """Frames of `total` that its question-answering parsers save with OpenCV.

    The step is truncated to a whole number, so a video of 127 frames is seen up to its middle only.
    """
    return list(range(0, total, max(1, total // SAVED)))[:SAVED]


def _probed(path: Path, note: Path) -> Video:
    """Look at a video once: the answer is kept beside its frames."""
    if noted := _noted(note):
        return noted
    with decoder(path) as reader:
        length, name = len(reader), reader.name
        height, width = reader[0].shape[:2] if length else (0, 0)
    if not (length and width and height):
        raise DataError(f"{path} cannot be decoded: expected frames, found {length} of {width}x{height}")
    video = Video(str(path), length, width, height, name)
    with _cached(note) as place:
        place.write_bytes(_checked(json.dumps(asdict(video)).encode()))
    return video


def _noted(note: Path) -> Video | None:
    """What an earlier look told; None where there was none, or its note is torn."""
    content = _sound(note)
    return Video(**json.loads(content)) if content is not None else None


def _kept(folder: Path, index: int) -> bytes | None:
    """A frame that is kept; None where it is not, or is torn."""
    return _sound(_place(folder, index))


def _place(folder: Path, index: int) -> Path:
    return folder / f"{index}.jpg"


def _checked(content: bytes) -> bytes:
    """Content with a check behind it, of which neither a reader of JPEG nor of JSON lines takes notice."""
    return content + CHECK % zlib.crc32(content)


def _sound(file: Path) -> bytes | None:
    """The content of a file that is as it was written; None where it is not there, or is torn."""
    try:
        whole = file.read_bytes()
    except OSError:
        return None
    content = whole[: -len(CHECK % 0)]
    return content if _checked(content) == whole else None


@contextmanager
def _cached(file: Path) -> Iterator[Path]:
    """Where to write a file of the cache, see `appearing`."""
    try:
        with appearing(file) as place:
            yield place
    except OSError as error:
        raise DataError(f"frames cannot be written to {file.parent} ({error}); give cache_dir=FOLDER") from error
