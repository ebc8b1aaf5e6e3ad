"""What the archives of `TIGER-Lab/MMEB-V2` hold, and which of them a task needs.

Source: `experiments/public/data/download_data.sh` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4, which unpacks them to the
same places. Page images of visual documents come with the rows, so these tasks need none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.core import Modality

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rzen_eval.core import Task

MARKER = ".rzen-unpacked.json"
"""Beside the unpacked files: what they were unpacked from. Written last, so there is none after half the work."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive, in one file or cut into several."""

    name: str
    parts: tuple[str, ...]
    """Its files, relative to the repository."""
    target: str
    """The folder that its members belong in, relative to the tree."""
    wrapper: str
    """A folder that members may lie in inside the archive, and that is taken off."""
    about_bytes: int | None = None
    """Size where it is public, for want of the hub's own answer; None where it is not."""

    def missing(self, tree: Path) -> list[str]:
        """Parts that are not on disk."""
        return [part for part in self.parts if not (tree / part).is_file()]

    def sizes(self, tree: Path) -> dict[str, int]:
        """Bytes of each part on disk."""
        return {part: (tree / part).stat().st_size for part in self.parts if (tree / part).is_file()}

    def unpacked(self, tree: Path) -> dict[str, Any] | None:
        """The marker of a finished unpacking; None where there was none."""
        file = tree / self.target / MARKER
        return dict(json.loads(file.read_text())) if file.is_file() else None


_FRAMES = "video-tasks/frames"
ARCHIVES = (
    Archive("mmeb_v1", ("image-tasks/mmeb_v1.tar.gz",), "image-tasks", "MMEB", 7_000_000_000),
    Archive("video_cls", (f"{_FRAMES}/video_cls.tar.gz",), f"{_FRAMES}/video_cls", "video_cls"),
    Archive("video_ret", (f"{_FRAMES}/video_ret.tar.gz",), f"{_FRAMES}/video_ret", "video_ret", 7_801_879_510),
    Archive("video_mret", (f"{_FRAMES}/video_mret.tar.gz",), f"{_FRAMES}/video_mret", "video_mret"),
    Archive(
        "video_qa",
        tuple(f"{_FRAMES}/video_qa.tar.gz-{part:02}" for part in range(5)),
        f"{_FRAMES}/video_qa",
        "video_qa",
    ),
)


def needed(task: Task) -> list[Archive]:
    """Archives with the media of a task: those that its options name folders of."""
    folders = list(_texts(task.options))
    if task.modality is Modality.IMAGE:
        folders.append(ARCHIVES[0].target)
    held = [holder(folder) for folder in folders]
    return [archive for archive in ARCHIVES if archive in held]


def holder(path: str) -> Archive | None:
    """The archive that a file of the tree comes from; None where it comes from none."""
    inside = [archive for archive in ARCHIVES if f"{path}/".startswith(f"{archive.target}/")]
    return inside[0] if inside else None


def _texts(options: Any) -> Iterator[str]:
    """Every string in nested options."""
    if isinstance(options, str):
        yield options
    elif isinstance(options, dict):
        yield from (text for value in options.values() for text in _texts(value))
    elif isinstance(options, (list, tuple)):
        yield from (text for value in options for text in _texts(value))
