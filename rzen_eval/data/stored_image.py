"""Pictures in the rows of a repository, or in files that its rows name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import DataError
from rzen_eval.media import upright

if TYPE_CHECKING:
    import datasets


def file_in(folder: Path | None, path: str) -> Path | None:
    """A regular file that a row names in a repository's folder; None for what lies elsewhere or is something else.

    Links in the folder are followed, as people link disks.
    """
    if folder is None or "\0" in path or "://" in path:
        return None
    place = Path(os.path.normpath(folder / path))
    return place if place.is_relative_to(folder) and place.is_file() else None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One encoded image in a memory-mapped table; nothing is in memory until it is read."""

    table: datasets.Dataset
    row: int
    column: str
    label: str
    folder: Path | None = None
    """The repository on disk, in which rows may name files."""

    def read(self) -> bytes:
        """The encoded bytes, turned upright as `datasets` does for the official evaluator.

        Raises:
            DataError: the row holds no image, or names a file that is none of the repository.
        """
        cell: Any = self.table[self.row][self.column] or {}
        if cell.get("bytes"):
            return upright(bytes(cell["bytes"]))
        if path := cell.get("path"):
            if file := file_in(self.folder, str(path)):
                return upright(file.read_bytes())
            raise DataError(f"{self.label} is the file {path!r:.60}; expected a picture, or a file of the repository")
        raise DataError(f"{self.label} holds no image")

    def __str__(self) -> str:
        return self.label
