"""Getting repositories and archives from the hub: resumed where a download broke off, and checked against its sums."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rzen_eval.data.archives import ARCHIVES, COMMIT, REPO, needed
from rzen_eval.data.commits import NOTE
from rzen_eval.data.repository import Repository
from rzen_eval.errors import ConfigError, DataError, reason
from rzen_eval.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from huggingface_hub.hf_api import DatasetInfo

    from rzen_eval.core import Task
    from rzen_eval.data.archives import Archive

NOT_ROWS = ("*.zip", "*.tar", "*.tar.*", "*.tgz", "*.7z", "*.rar", "*.mp4", "*.avi", "*.mkv", "*.mov", "*.webm")
"""Files of row repositories that are left out: raw videos, of which the benchmark has frames in its own archives."""
CHECKED = ".cache/rzen_eval/checked.json"
"""In a fetched repository: size, time and sum of the files that were checked, so that they are read once only."""
PARTIAL = ".cache/rzen_eval/partial"
"""In the media repository: downloads under way, named by the sum that they will have."""
BLOCK = 1 << 22
WAITS = (1, 5, 20)
"""Seconds before a hub that answers that it is busy is asked again."""


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
            if self.archive is None or self.revision != COMMIT:
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
        names = self.archive.parts if self.archive else [name for name in found if _is_rows(name)]
        if absent := [name for name in names if name not in found]:
            raise DataError(
                f"{self.name}: the hub has no file {absent[0]} at {info.sha}; the benchmark's layout changed"
            )
        return Listing(str(info.sha), tuple(found[name] for name in names))

    def _asked(self, revision: str | None) -> DatasetInfo:
        from huggingface_hub import HfApi

        return HfApi().dataset_info(self.repo, revision=revision, files_metadata=True)

    def waiting(self) -> list[File]:
        """Files that are not on disk in their full size."""
        return [file for file in self.listing.files if _size(self.folder / file.path) != file.size]

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
        if task.source.kind == "mirror":
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
        things.append(
            Wanted(repo, revisions.pop(), root.expanduser().absolute() / repo, tuple(task.id for task in users))
        )
    for archive in (archive for archive in ARCHIVES if archive.name in media):
        users = media[archive.name]
        tree = Repository.of(users[0]).tree_of(archive)
        things.append(
            Wanted(REPO, users[0].source.media_revision or COMMIT, tree, tuple(task.id for task in users), archive)
        )
    return things


def fetch(thing: Wanted, say: Callable[[str], None]) -> None:
    """Download what is not there yet, and compare every file with the hub's sum.

    Args:
        thing: a repository or an archive.
        say: called with a line when it is done.

    Raises:
        DataError: the hub cannot be reached, the disk is too small, or a file is not what the hub has.
    """
    listing = thing.listing
    waiting = thing.waiting()
    thing.folder.mkdir(parents=True, exist_ok=True)
    free, missing = shutil.disk_usage(thing.folder).free, sum(file.size for file in waiting)
    if free < missing:
        raise DataError(
            f"{thing.name}: {gigabytes(missing)} are to be downloaded to {thing.folder}, {gigabytes(free)} are free;"
            " make room or use another data.root"
        )
    note, commits = thing.folder / CHECKED, thing.folder / NOTE
    checked, commit_of = _read(note), _read(commits)
    for file in listing.files:
        _download(thing, file)
        _check(thing, file, checked)
        write_whole(note, json.dumps(checked, indent=1).encode())
        commit_of[file.path] = listing.commit
        write_whole(commits, json.dumps(commit_of, indent=1).encode())
    other = thing.revision == COMMIT and listing.commit != COMMIT
    say(
        f"{thing.name}: {len(listing.files)} files, {gigabytes(sum(file.size for file in listing.files))}, at"
        f" {listing.commit}{f', since the hub has no commit {COMMIT[:12]} any more' if other else ''};"
        f" {len(waiting)} downloaded, all sums are the hub's"
    )


def _read(note: Path) -> dict[str, Any]:
    """What earlier runs noted; nothing, where that note is not there or not whole."""
    try:
        return dict(json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _download(thing: Wanted, file: File) -> None:
    """Get a file unless it is there; a hub that is busy is asked again after a while."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    for wait in (*WAITS, None):
        try:
            if thing.archive:
                _resume(thing, file)
            else:
                HfApi().hf_hub_download(
                    thing.repo, file.path, repo_type="dataset", revision=thing.listing.commit, local_dir=thing.folder
                )
        except HfHubHTTPError as error:
            if wait is None or error.response.status_code < 500:
                raise thing.unavailable(error) from error
            time.sleep(wait)
        except Exception as error:
            raise thing.unavailable(error) from error
        else:
            return


def _resume(thing: Wanted, file: File) -> None:
    """Get an archive's part, going on with what a killed process left.

    `hf_hub_download` throws that away in recent versions (2.4 does, on account of file systems that do not keep locks)
    and starts gigabytes anew. Here what two processes write at once is caught by the sum.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    place = thing.folder / file.path
    if _size(place) == file.size:
        return
    part = thing.folder / PARTIAL / f"{file.sha256 or file.git}"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    with part.open("r+b") as stream:
        if stream.seek(0, os.SEEK_END) > file.size:
            stream.truncate(0)
            stream.seek(0)
        http_get(
            hf_hub_url(thing.repo, file.path, repo_type="dataset", revision=thing.listing.commit),
            stream,
            resume_size=stream.tell(),
            headers=build_hf_headers(),
            expected_size=file.size,
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    part.replace(place)


def gigabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e9:.1f} GB" if size >= 5e7 else f"{size / 1e6:.1f} MB"


def _is_rows(name: str) -> bool:
    return not any(fnmatch(name.lower(), pattern) for pattern in NOT_ROWS)


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _check(thing: Wanted, file: File, checked: dict[str, Any]) -> None:
    """Compare a file with the hub's sum, unless it was compared before and has not changed since."""
    place = thing.folder / file.path
    stat = place.stat()
    expected = file.sha256 or file.git
    state = [stat.st_size, stat.st_mtime_ns, expected]
    if expected is None or checked.get(file.path) == state:
        return
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(f"blob {stat.st_size}\0".encode(), usedforsecurity=False)
    with place.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != expected:
        place.unlink()
        raise DataError(
            f"{thing.name}: {file.path} arrived with the sum {digest.hexdigest()[:16]}…, expected {expected[:16]}…;"
            " it was deleted, run the same command again"
        )
    checked[file.path] = state
