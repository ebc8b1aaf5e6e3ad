"""Pictures and frames of `TIGER-Lab/MMEB-V2`, unpacked on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REPO = "TIGER-Lab/MMEB-V2"
PICTURES = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True, slots=True)
class MediaTree:
    """The folder that holds `image-tasks/`, `video-tasks/` and `visdoc-tasks/`."""

    root: Path
    cache_dir: Path
    """Where frames extracted from video files are kept; the tree itself is never written."""

    def image(self, relative: str) -> Path:
        """A picture's place; whether it is there shows when it is opened."""
        return self.root / relative

    def frames(self, folder: str, n: int | None, video: str | None = None) -> Sequence[Path]:
        """Frames of a clip, in order.

        Args:
            folder: the clip's folder of frames, relative to the root.
            n: how many, uniformly sampled; None: all of them.
            video: the video file to extract from where there are no frames, relative to the root.

        Raises:
            DataError: there is neither a frame nor a video.
        """
        place = self.root / folder
        files = sorted(
            (file for file in place.iterdir() if file.suffix.lower() in PICTURES) if place.is_dir() else (), key=natural
        )
        if not files:
            raise DataError(f"no frames in {place}" + (f" and no video at {self.root / video}" if video else ""))
        return files if n is None else [files[i] for i in uniform(len(files), n)]


def uniform(total: int, n: int) -> list[int]:
    """Indices of n of `total` frames, first and last included; all of them where there are not more than n.

    Source: `process_video_frames` of the official evaluator: `numpy.linspace(0, total - 1, n, dtype=int)`,
    which truncates.
    """
    return list(range(total)) if total <= n else np.linspace(0, total - 1, n, dtype=int).tolist()


def natural(file: Path) -> list[tuple[int, str]]:
    """Sort key that compares runs of digits as numbers: frame 2 before frame 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)]
