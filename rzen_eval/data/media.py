"""Pictures and frames of a media repository, unpacked on disk."""

from __future__ import annotations

import re
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rzen_eval.data import video as videos
from rzen_eval.data.archives import REPO
from rzen_eval.data.places import Place, Where, task_folder
from rzen_eval.errors import DataError
from rzen_eval.files import nearest_there

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.core import Media

__all__ = ["REPO", "MediaTree", "MissingMediaError", "natural", "uniform"]

T = TypeVar("T")

PICTURES = frozenset({".jpg", ".jpeg", ".png"})
BY_STEP = "video-tasks/videos/video_qa/"
"""Videos whose frames the official evaluator chooses with a whole-numbered step."""


class MissingMediaError(DataError):
    """A clip with neither frames nor a video file."""

    def __init__(self, message: str, folder: str) -> None:
        super().__init__(message)
        self.folder = folder
        """Where its frames were expected, relative to the canonical tree."""


@dataclass(frozen=True, slots=True)
class MediaTree:
    """The folder that holds `image-tasks/`, `video-tasks/` and `visdoc-tasks/`, as one task sees it.

    Paths are those of the canonical tree. What `settle` has found elsewhere is read there.
    """

    root: Path
    """The canonical tree."""
    cache_dir: Path
    """Where frames extracted from video files are kept; the tree itself is never written."""
    where: Where | None = None
    """What else is searched; None: nothing."""
    places: dict[str, Place] = field(default_factory=dict, compare=False)
    """What was found, by canonical folder."""
    clips: list[str] = field(default_factory=list, compare=False)
    """Folders of the clips that the rows name, in the canonical tree."""
    from_videos: Counter[str] = field(default_factory=Counter, compare=False)
    """Clips whose frames are taken from raw videos, and clips in all."""

    def settle(self, media: Sequence[str], videos: Sequence[str] = ()) -> None:
        """Find the place of a task's media, once, with the first of them as the proof.

        Args:
            media: clips' folders of frames, or pictures, in the order of the rows.
            videos: the video file of each clip, where there may be some.
        """
        self.clips.extend(path for path in media if PurePosixPath(path).suffix.lower() not in PICTURES)
        where = self.where or Where((self.root,))
        for paths, there in ((media, _holds_pictures), (videos, Path.is_file)):
            if paths:
                canonical = task_folder(paths[0])
                inside = [path.removeprefix(f"{canonical}/") for path in paths if _inside(path)]
                self.places[canonical] = where.find(canonical, inside, there)
        if videos and self.path(task_folder(videos[0])).is_dir():
            clips = dict(zip(media, videos, strict=True))
            raw = sum(
                self.path(video).is_file() and not _holds_pictures(self.path(clip)) for clip, video in clips.items()
            )
            self.from_videos.update(raw=raw, clips=len(clips))

    def path(self, relative: str) -> Path:
        """Where something of the canonical tree is.

        Raises:
            DataError: it would be outside the tree.
        """
        if not _inside(relative):
            raise DataError(
                f"{relative[:200]!r} is no path inside the media's folder; rows name files there, without '..' and"
                " without an address"
            )
        for canonical, place in self.places.items():
            if relative == canonical or relative.startswith(f"{canonical}/"):
                return place.folder / relative[len(canonical) + 1 :]
        return self.root / relative

    def image(self, relative: str) -> Path:
        """A picture's place; whether it is there shows when it is opened."""
        return self.path(relative)

    def frames(self, folder: str, n: int | None, video: str | None = None) -> Sequence[Media]:
        """Frames of a clip, in order.

        Args:
            folder: the clip's folder of frames.
            n: how many, uniformly sampled; None: all of them.
            video: what to take them from where that folder has none: a video file, of which the same frames are
                chosen as if the official evaluator had filled the folder, or another folder of frames.

        Returns:
            Paths, or references to frames that the loader's workers decode.

        Raises:
            DataError: there is neither a frame nor a video, or the video cannot be opened.
        """
        files = _pictures(self.path(folder))
        if not files and video:
            source = self.path(video)
            if source.is_file():
                saved = videos.saved_by_step if video.startswith(BY_STEP) else videos.saved_evenly
                return videos.frames(source, self.cache_dir, lambda total: _sampled(saved(total), n))
            files = _pictures(source)
        if not files:
            raise self.missing(folder, video)
        return _sampled(files, n)

    def missing(self, folder: str, video: str | None = None) -> MissingMediaError:
        """The error of a clip that is not there: where it was looked for, and what is there that is like it."""
        place = self.places.get(task_folder(folder))
        elsewhere = f"; {place.tried - 1} other known places were looked at too" if place and not place.n_found else ""
        return MissingMediaError(
            f"no frames in {self.path(folder)}"
            + (f" and no video at {self.path(video)}" if video else "")
            + nearest_there(self.path(folder))
            + elsewhere,
            folder,
        )


def uniform(total: int, n: int) -> list[int]:
    """Indices of n of `total` frames, first and last included; all of them where there are not more than n.

    Source: `process_video_frames` of the official evaluator: `numpy.linspace(0, total - 1, n, dtype=int)`,
    which truncates.
    """
    return list(range(total)) if total <= n else np.linspace(0, total - 1, n, dtype=int).tolist()


def natural(file: Path) -> list[tuple[int, str]]:
    """Sort key that compares runs of digits as numbers, frame 2 before frame 10, and letters without their case."""
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in re.split(r"(\d+)", file.name)]


def _pictures(folder: Path) -> list[Path]:
    # Names that differ in case only have equal keys: sorted before, they have one order on every file system.
    return sorted(sorted(file for file in _listed(folder) if _is_picture(file)), key=natural)


def _is_picture(file: Path) -> bool:
    """By its name; macOS adds files that begin with `._` and only look like it."""
    return file.suffix.lower() in PICTURES and not file.name.startswith("._")


def pictures_in(folder: Path) -> list[Path]:
    """Pictures in a folder; none where there is no folder."""
    return list(filter(_is_picture, _listed(folder)))


def is_empty(file: Path) -> bool:
    """Whether there is a file with nothing in it, as an unpacking that broke off leaves it."""
    try:
        found = file.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and not found.st_size


def _holds_pictures(place: Path) -> bool:
    """Whether it is a picture, or a folder with one in it."""
    return any(map(_is_picture, _listed(place))) or (_is_picture(place) and place.is_file())


def _listed(folder: Path) -> Iterator[Path]:
    """What is in a folder; nothing where there is none.

    Raises:
        DataError: it cannot be read.
    """
    try:
        yield from folder.iterdir()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror or error})") from error


def _inside(relative: str) -> bool:
    """Whether a path of a row stays in the tree, and is a path at all."""
    path = PurePosixPath(relative)
    return not (path.is_absolute() or ".." in path.parts or "\0" in relative or "://" in relative)


def _sampled(frames: Sequence[T], n: int | None) -> list[T]:
    return list(frames) if n is None else [frames[i] for i in uniform(len(frames), n)]
