"""Pictures and frames of `TIGER-Lab/MMEB-V2`, unpacked on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rzen_eval.data import video as videos
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Media

T = TypeVar("T")

REPO = "TIGER-Lab/MMEB-V2"
PICTURES = frozenset({".jpg", ".jpeg", ".png"})
BY_STEP = "video-tasks/videos/video_qa/"
"""Videos whose frames the official evaluator chooses with a whole-numbered step."""


class MissingMediaError(DataError):
    """A clip with neither frames nor a video file."""

    def __init__(self, message: str, folder: str) -> None:
        super().__init__(message)
        self.folder = folder
        """Where its frames were expected, relative to the tree."""


@dataclass(frozen=True, slots=True)
class MediaTree:
    """The folder that holds `image-tasks/`, `video-tasks/` and `visdoc-tasks/`."""

    root: Path
    cache_dir: Path
    """Where frames extracted from video files are kept; the tree itself is never written."""

    def image(self, relative: str) -> Path:
        """A picture's place; whether it is there shows when it is opened."""
        return self.root / relative

    def frames(self, folder: str, n: int | None, video: str | None = None) -> Sequence[Media]:
        """Frames of a clip, in order.

        Args:
            folder: the clip's folder of frames, relative to the root.
            n: how many, uniformly sampled; None: all of them.
            video: what to take them from where that folder has none, relative to the root: a video file, of
                which the same frames are chosen as if the official evaluator had filled the folder, or
                another folder of frames.

        Returns:
            Paths, or references to frames that the loader's workers decode.

        Raises:
            DataError: there is neither a frame nor a video, or the video cannot be opened.
        """
        files = _pictures(self.root / folder)
        if not files and video:
            source = self.root / video
            if source.is_file():
                saved = videos.saved_by_step if video.startswith(BY_STEP) else videos.saved_evenly
                return videos.frames(source, self.cache_dir, lambda total: _sampled(saved(total), n))
            files = _pictures(source)
        if not files:
            raise MissingMediaError(
                f"no frames in {self.root / folder}" + (f" and no video at {self.root / video}" if video else ""),
                folder,
            )
        return _sampled(files, n)


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
    return sorted(
        sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES) if folder.is_dir() else (),
        key=natural,
    )


def _sampled(frames: Sequence[T], n: int | None) -> list[T]:
    return list(frames) if n is None else [frames[i] for i in uniform(len(frames), n)]
