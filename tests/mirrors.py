"""Small mirrors of the benchmark's repositories, made of a few rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from rzen_eval import load_data, load_task
from rzen_eval.core import Item, TaskData

MEDIA = "TIGER-Lab/MMEB-V2"
FRAMES = "video-tasks/frames"
EIGHT_OF_64 = (0, 9, 18, 27, 36, 45, 54, 63)
"""Which of 64 frames the benchmark takes."""


def write_rows(
    root: Path, repo: str, rows: Sequence[Mapping[str, Any]], config: str = "default", split: str = "test"
) -> None:
    """Add a configuration to a repository, as `hf download` leaves it."""
    folder = root / repo
    (folder / config).mkdir(parents=True)
    datasets.Dataset.from_list([dict(row) for row in rows]).to_parquet(folder / config / f"{split}.parquet")
    configs = sorted(place.parent.name for place in folder.glob("*/*.parquet"))
    head = "".join(
        f"- config_name: {name}\n  data_files:\n  - split: {split}\n    path: {name}/{split}.parquet\n"
        for name in configs
    )
    (folder / "README.md").write_text(f"---\nconfigs:\n{head}---\n")


def write_frames(root: Path, folder: str, n: int = 64, name: str = "frame_{:04d}.jpg", first: int = 1) -> None:
    """Files of one byte that stand for frames."""
    place = root / MEDIA / folder
    place.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + n):
        (place / name.format(number)).write_bytes(b"\0")


def saved(folder: str) -> list[str]:
    """The eight of 64 frames that the benchmark takes, named as ffmpeg's."""
    return [f"{FRAMES}/{folder}/frame_{number + 1:04d}.jpg" for number in EIGHT_OF_64]


def load(root: Path, task: str, *overrides: str) -> TaskData:
    """A task's data from a mirror."""
    return load_data(load_task(task, "data=mirror", f"data.root={root}", *overrides))


def media(item: Item) -> tuple[list[str], list[str]]:
    """Images and frames of an item, relative to the media's root."""
    images, frames = ([str(path).partition(f"{MEDIA}/")[2] for path in paths] for paths in (item.images, item.frames))
    return images, frames


def candidates(data: TaskData) -> dict[str, Item]:
    """Candidates by id."""
    return dict(zip(data.candidate_ids, data.candidates, strict=True))
