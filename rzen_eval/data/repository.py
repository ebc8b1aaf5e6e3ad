"""Rows of dataset repositories, from the hub, a mirror on disk or the bundled sample, through one loading code."""

from __future__ import annotations

import errno
import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from rzen_eval.data import bundled
from rzen_eval.data.archives import COMMIT, REPO, holder
from rzen_eval.data.commits import commit_of
from rzen_eval.data.media import MediaTree
from rzen_eval.data.places import Tree, Where, trees
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import datasets

    from rzen_eval.core import Dataset, Source, Task
    from rzen_eval.data.archives import Archive


@dataclass(frozen=True)
class Repository:
    """A dataset repository as seen by one task."""

    task_id: str
    dataset: Dataset
    source: Source
    cache_dir: Path
    own_media: Path | None = None
    """A folder that the user named for this task's media."""

    @classmethod
    def of(cls, task: Task) -> Repository:
        """The repository that a task declares."""
        return cls(task.id, task.dataset, task.source, task.cache_dir, task.media)

    @cached_property
    def folder(self) -> Path:
        """The repository on disk, for a mirror or the sample.

        Raises:
            DataError: the mirror does not hold it.
        """
        root = bundled.folder(self.cache_dir) if self.source.kind == "sample" else self.source.root or Path()
        folder = root.expanduser() / self.dataset.repo
        if not folder.is_dir():
            raise DataError(
                f"{self.task_id}: no folder at {folder}; get it with"
                f" `hf download {self.dataset.repo} --repo-type dataset"
                f"{f' --revision {self.dataset.revision}' if self.dataset.revision else ''} --local-dir {folder}`"
            )
        return folder.resolve()

    @cached_property
    def revision(self) -> str:
        """What identifies the content: a commit on the hub; elsewhere a signature of the files' names, sizes and times.

        Raises:
            DataError: the hub cannot be asked, or the mirror does not hold the repository.
        """
        if self.source.kind == "sample":
            return f"sample:{bundled.version()}"
        if self.source.kind == "mirror":
            return _signature(self.folder)
        if self.dataset.revision:
            return self.dataset.revision
        from huggingface_hub import HfApi

        try:
            return str(HfApi().dataset_info(self.dataset.repo).sha)
        except Exception as error:
            raise self._unavailable(error) from error

    def rows(self, config: str | None, columns: Sequence[str], optional: Sequence[str] = ()) -> datasets.Dataset:
        """A configuration's rows, memory-mapped, with encoded images left encoded.

        Args:
            config: name of the configuration, such as `corpus`; None where the repository has one only.
            columns: columns to keep; all must be there.
            optional: columns to keep where they are there.

        Raises:
            DataError: the repository, the configuration, the split or a column is missing, or a file is damaged.
        """
        import datasets

        if self.source.kind == "hub":
            where: dict[str, Any] = {"path": self.dataset.repo, "revision": self.revision}
        else:
            where = {"path": str(self.folder)}
        if self.source.kind != "hub" or not sys.stderr.isatty():
            datasets.disable_progress_bars()
        datasets.logging.set_verbosity_error()
        try:
            table = datasets.load_dataset(**where, name=config, split=self.dataset.split, cache_dir=str(self._tables))
        except Exception as error:
            raise self._unavailable(error, config) from error
        missing = [column for column in columns if column not in table.column_names]
        if missing:
            raise DataError(
                f"{self.task_id}: {self.dataset.repo}{f', {config}' if config else ''}: no column {missing[0]!r};"
                f" found {', '.join(table.column_names)}"
            )
        table = table.select_columns([*columns, *(name for name in optional if name in table.column_names)])
        for name, feature in table.features.items():
            if isinstance(feature, datasets.Image):
                table = table.cast_column(name, datasets.Image(decode=False))
        return table

    @cached_property
    def trees(self) -> list[Tree]:
        """Folders that may hold the pictures and frames, in order; the first where none is there yet is to be made."""
        if self.source.kind == "sample":
            return [Tree(bundled.folder(self.cache_dir) / REPO, None)]
        if self.source.media:
            return [Tree(self.source.media.expanduser().absolute(), None)]
        base = (self.source.root or self.cache_dir / "media").expanduser().absolute()
        found = trees(base)
        if self.source.kind == "hub":
            from huggingface_hub.constants import HF_HUB_CACHE

            found += [tree for tree in trees(Path(HF_HUB_CACHE)) if tree.repo]
        return found or [Tree(base / REPO, REPO)]

    def tree_of(self, archive: Archive) -> Path:
        """The tree that an archive belongs in: that which holds it or what was unpacked of it, else a copy of V2."""
        holding = [tree.folder for tree in self.trees if archive.sizes(tree.folder) or archive.unpacked(tree.folder)]
        copies = [tree.folder for tree in self.trees if tree.repo in {None, REPO}]
        base = (self.source.root or self.cache_dir / "media").expanduser().absolute()
        return [*holding, *copies, base / REPO][0]

    @cached_property
    def media(self) -> MediaTree:
        """Pictures and frames that lie beside the rows, in `TIGER-Lab/MMEB-V2`."""
        roots = tuple(tree.folder for tree in self.trees)
        own = self.own_media and self.own_media.expanduser().absolute()
        where = Where(roots, given=self.source.media is not None, own=own)
        return MediaTree(roots[0], self.cache_dir, where)

    def media_warnings(self) -> list[str]:
        """What is odd about the media of this task, once they are settled."""
        counts, told = self.media.from_videos, self.media_found()
        warnings = []
        if counts["raw"]:
            warnings.append(
                f"frames of {counts['raw']} of {counts['clips']} clips are taken from raw videos; the archive's have"
                " other numbers and sizes, so the score is not that of the benchmark's frames"
            )
        pinned = self.source.media_revision or COMMIT
        if told and told["commit"] and len(pinned) == len(COMMIT) and told["commit"] != pinned:
            warnings.append(f"the media are of commit {told['commit'][:12]}, expected {pinned[:12]}")
        return warnings

    def media_found(self) -> dict[str, Any] | None:
        """Where the media of this task were found, for provenance; None where it has none of its own."""
        found = [place for place in self.media.places.values() if place.found]
        if not found or self.source.kind == "sample":
            return None
        place, root = found[0], self.source.root and self.source.root.expanduser().absolute()
        inside = root and place.folder.is_relative_to(root)
        tree = next((tree for tree in self.trees if place.folder.is_relative_to(tree.folder)), None)
        of_v2 = tree and tree.repo in {None, REPO}
        return {
            "place": place.folder.relative_to(root).as_posix() if root and inside else str(place.folder),
            "canonical": place.canonical,
            "commit": commit_of(tree.folder, holder(place.canonical)) if tree and of_v2 else None,
            **({"from_videos": self.media.from_videos["raw"]} if self.media.from_videos["raw"] else {}),
        }

    @property
    def _tables(self) -> Path:
        """Where the memory-mapped tables lie: a folder for each content.

        In one folder `datasets` would take two repositories of one name, in different mirrors, for the same.
        """
        content = f"{self.source.kind} {self.dataset.repo} {self.revision}"
        return self.cache_dir / "datasets" / hashlib.sha256(content.encode()).hexdigest()[:16]

    def _unavailable(self, error: Exception, config: str | None = None) -> DataError:
        reason = shorten(str(error), 200, placeholder=" ...") or type(error).__name__
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return DataError(
                f"{self.task_id}: no space left for the rows of {self.dataset.repo} in {self.cache_dir};"
                " free some or give cache_dir=FOLDER"
            )
        what = f"{self.dataset.repo}{f', {config}, split {self.dataset.split}' if config else ''}"
        if self.source.kind == "hub":
            revision = self.dataset.revision or "main"
            return DataError(
                f"{self.task_id}: the hub does not serve {what} at {revision} ({reason});"
                " check the connection, or use data=mirror data.root=FOLDER"
            )
        return DataError(f"{self.task_id}: {what} in {self.folder} cannot be read ({reason}); get the repository again")


def _signature(folder: Path) -> str:
    """Changes whenever a file of a mirrored repository does; the hub's own commit where the download noted it."""
    notes = sorted((folder / ".cache/huggingface/download").rglob("*.metadata"))
    commits = {note.read_text().splitlines()[0] for note in notes if note.stat().st_size}
    files = sorted(file for file in folder.rglob("*") if file.is_file() and ".cache" not in file.parts)
    stats = [(file.relative_to(folder).as_posix(), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    digest = hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:16]
    return f"{commits.pop()}+files:{digest}" if len(commits) == 1 else f"files:{digest}"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One encoded image in a memory-mapped table; nothing is in memory until it is read."""

    table: datasets.Dataset
    row: int
    column: str
    label: str

    def read(self) -> bytes:
        """The encoded bytes.

        Raises:
            DataError: the row holds no image.
        """
        cell = self.table[self.row][self.column] or {}
        if cell.get("bytes"):
            return bytes(cell["bytes"])
        if cell.get("path"):
            return Path(cell["path"]).read_bytes()
        raise DataError(f"{self.label} holds no image")

    def __str__(self) -> str:
        return self.label
