"""The 18 video tasks and a variant: where each lies, how much it holds, and its rows with frames on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import labels, moments, mvbench, quiz, search
from .rows import seeded
from .specs import SampleCount

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .release import Release

FOLDER = "TIGER-Lab/MMEB-V2/video-tasks/frames"
EXTRACTED, DECODED = "frame_{:04}.jpg", "{:04}.jpeg"
"""Names of frames: extracted ones count from 1; those of the question tasks count from 0."""

_MAKERS = {**labels.MAKERS, **quiz.MAKERS, "MVBench": mvbench.make, **search.MAKERS, **moments.MAKERS}


@dataclass(frozen=True, slots=True)
class VideoTask:
    """A repository of one task."""

    repo: str
    count: SampleCount
    group: str
    """Folder of the frames of all tasks of its kind."""
    folder: str
    """Folder of its own frames in that."""
    maker: str
    config: str | None = None
    """None where there is one only, or where all of them are one task."""
    split: str = "test"

    def release(self, world: str = "") -> Release:
        """Rows and films, the same on every call."""
        return _MAKERS[self.maker](seeded(self.folder, world), self.count.n_queries)


def _task(
    repo: str, n_queries: int, n_candidates: int, place: str, *, config: str | None = None, split: str = "test"
) -> VideoTask:
    group, folder = place.split("/")
    maker = repo.rpartition("/")[2] if folder == "MomentSeeker" else folder
    return VideoTask(repo, SampleCount(n_queries, n_candidates), group, folder, maker, config, split)


TASKS = (
    _task("VLM2Vec/Kinetics-700", 16, 700 + 8, "video_cls/K700"),
    _task("VLM2Vec/HMDB51", 16, 51 + 16, "video_cls/HMDB51"),
    _task("VLM2Vec/UCF101", 16, 101 + 16, "video_cls/UCF101"),
    _task("VLM2Vec/Breakfast", 20, 10, "video_cls/Breakfast"),
    _task("VLM2Vec/SmthSmthV2", 20, 10, "video_cls/SSv2"),
    _task("VLM2Vec/Video-MME", 16, 45, "video_qa/Video-MME"),
    _task("VLM2Vec/NExTQA", 16, 21, "video_qa/NExTQA", config="MC"),
    _task("VLM2Vec/EgoSchema", 12, 60, "video_qa/EgoSchema", config="Subset"),
    _task("VLM2Vec/MVBench", 20, 72, "video_qa/MVBench", split="train"),
    _task("VLM2Vec/ActivityNetQA", 16, 2, "video_qa/ActivityNetQA"),
    _task("VLM2Vec/MSR-VTT", 16, 16, "video_ret/MSR-VTT", config="test_1k"),
    _task("VLM2Vec/MSVD", 16, 16, "video_ret/MSVD"),
    _task("VLM2Vec/DiDeMo", 16, 16, "video_ret/DiDeMo"),
    _task("lmms-lab/YouCook2", 16, 16, "video_ret/YouCook2", split="val"),
    _task("VLM2Vec/VATEX", 16, 16, "video_ret/VATEX"),
    _task("VLM2Vec/QVHighlight", 12, 60, "video_mret/QVHighlight"),
    _task("VLM2Vec/Charades-STA", 12, 60, "video_mret/Charades_STA"),
    _task("VLM2Vec/MomentSeeker", 16, 32, "video_mret/MomentSeeker"),
    _task("VLM2Vec/MomentSeeker_1k8", 23, 32, "video_mret/MomentSeeker"),
)
"""The benchmark's own labels, which are no part of the rows, count as candidates: 700, 51, 101 and 10 of them."""

COUNTS: Mapping[tuple[str, str | None], SampleCount] = {(task.repo, task.config): task.count for task in TASKS}


def write(root: Path, world: str = "") -> None:
    """Write the repositories and the frames under a folder."""
    from .files import save, write_repository

    for task in TASKS:
        release = task.release(world)
        place = root / FOLDER / task.group / task.folder
        for name, film in release.films.items():
            if not (place / name).exists():
                for index, frame in enumerate(film.frames()):
                    file = DECODED.format(index) if task.group == "video_qa" else EXTRACTED.format(index + 1)
                    save(place / name, file, frame)
        for name, picture in release.pictures.items():
            save(place, name, picture.draw())
        write_repository(root / task.repo, task.split, release.tables)
