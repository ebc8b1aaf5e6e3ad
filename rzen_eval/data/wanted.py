"""What tasks need of the hub: row repositories, and archives of the media repository."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from rzen_eval.core import Modality
from rzen_eval.data.archives import ARCHIVES, DOCUMENTS, OF_V3, V3, needed
from rzen_eval.data.recipe import reads
from rzen_eval.data.repository import Repository
from rzen_eval.data.row_files import is_rows
from rzen_eval.errors import ConfigError, DataError, reason
from rzen_eval.offline import spare_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from huggingface_hub.hf_api import DatasetInfo

    from rzen_eval.core import Task
    from rzen_eval.data.archives import Archive


class UnavailableError(DataError):
    """The hub does not answer, or does not have what it is asked for."""

    def __init__(self, message: str, *, unreachable: bool) -> None:
        super().__init__(message)
        self.unreachable = unreachable
        """It does not answer at all."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as the hub describes it."""

    path: str
    size: int
    sha256: str | None
    """Of large files; small ones have the sum that Git gives them."""
    git: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the hub has of something wanted."""

    commit: str
    files: tuple[File, ...]


@dataclass(frozen=True)
class Wanted:
    """A row repository, or an archive of the media repository, that tasks need."""

    repo: str
    revision: str | None
    folder: Path
    """Where its files go."""
    tasks: tuple[str, ...]
    """Ids of the tasks that need it."""
    archive: Archive | None = None
    takes: Callable[[str], bool] = is_rows
    """Whether a file of a row repository is fetched."""

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{self.repo} {self.archive.name}" if self.archive else self.repo

    @cached_property
    def listing(self) -> Listing:
        """Its files at the wanted revision.

        Raises:
            DataError: the hub cannot be asked, or does not hold it.
        """
        from huggingface_hub.errors import RevisionNotFoundError

        try:
            info = self._asked(self.revision)
        except RevisionNotFoundError as error:
            # Whoever rewrites a repository's history takes commits away; `fetch` says what came instead.
            if self.archive is None or self.revision != self.archive.commit:
                raise self.unavailable(error) from error
            info = self._asked(None)
        except Exception as error:
            raise self.unavailable(error) from error
        found = {
            entry.rfilename: File(
                entry.rfilename, entry.size or 0, entry.lfs.sha256 if entry.lfs else None, entry.blob_id
            )
            for entry in info.siblings or ()
        }
        names = self.archive.parts_of(found) if self.archive else [name for name in found if self.takes(name)]
        if absent := [name for name in names if name not in found]:
            raise DataError(
                f"{self.name}: the hub has no file {absent[0]} at {info.sha}; the benchmark's layout changed"
            )
        return Listing(str(info.sha), tuple(found[name] for name in names))

    def _asked(self, revision: str | None) -> DatasetInfo:
        spare_retries()
        from huggingface_hub import HfApi

        return HfApi().dataset_info(self.repo, revision=revision, files_metadata=True)

    def waiting(self) -> list[File]:
        """Files that are not on disk in their full size."""
        return [file for file in self.listing.files if size_of(self.folder / file.path) != file.size]

    def unavailable(self, error: Exception) -> UnavailableError:
        """The error of a hub that does not answer as it should."""
        from huggingface_hub.errors import HfHubHTTPError

        return UnavailableError(
            f"{self.name}: the hub does not serve it at {self.revision or 'main'} ({reason(error)});"
            " check the connection and run the same command again, it goes on where it stopped",
            unreachable=not isinstance(error, HfHubHTTPError),
        )


def wanted(tasks: Sequence[Task]) -> list[Wanted]:
    """What tasks need, each thing once. With `data=hub`, `datasets` gets the rows itself when a task is loaded.

    Raises:
        ConfigError: two tasks need different revisions of one repository, which has one folder only.
    """
    rows: dict[str, list[Task]] = {}
    media: dict[str, list[Task]] = {}
    for task in tasks:
        if task.source.kind == "mirror" and task.dataset.repo != V3:
            rows.setdefault(task.dataset.repo, []).append(task)
        if task.source.kind != "sample":
            for archive in needed(task):
                media.setdefault(archive.name, []).append(task)
    things = []
    for repo, users in rows.items():
        revisions = {task.dataset.revision for task in users}
        if len(revisions) > 1:
            raise ConfigError(
                f"{repo}: {users[0].id} and others need different revisions, {', '.join(map(str, revisions))},"
                " and a mirror holds one; give them another data.root, one after the other"
            )
        root = users[0].source.root
        if root is None:
            raise ConfigError("data.root is missing; give data.root=FOLDER")
        folder, names = root.expanduser().absolute() / repo, tuple(task.id for task in users)
        things.append(Wanted(repo, revisions.pop(), folder, names, takes=partial(_read_by, users)))
    for archive in (archive for archive in (*ARCHIVES, *OF_V3) if archive.name in media):
        users = media[archive.name]
        tree = Repository.of(users[0]).media_source.tree_of(archive)
        revision = archive.revision(users[0].source.media_revision)
        things.append(Wanted(archive.repo, revision, tree, tuple(task.id for task in users), archive))
    return things


def _read_by(users: Sequence[Task], file: str) -> bool:
    return is_rows(file) and any(reads(task, file) for task in users)


def beside(tasks: Sequence[Task]) -> list[Wanted]:
    """Archives that lie on disk and hold what document tasks have in their row repositories too."""
    users = [task for task in tasks if task.modality is Modality.VISDOC and task.source.kind != "sample"]
    if not users:
        return []
    media = Repository.of(users[0]).media_source
    trees = {archive: media.tree_of(archive) for archive in DOCUMENTS}
    names = tuple(task.id for task in users)
    return [Wanted(archive.repo, None, tree, names, archive) for archive, tree in trees.items() if archive.sizes(tree)]


def size_of(file: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    return file.stat().st_size if file.is_file() else None
