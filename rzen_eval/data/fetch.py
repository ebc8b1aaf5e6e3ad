"""Getting repositories and archives from the hub: resumed where a download broke off, and checked against its sums."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

from rzen_eval.data.commits import NOTE
from rzen_eval.data.wanted import size_of
from rzen_eval.errors import DataError
from rzen_eval.files import read_json, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rzen_eval.data.wanted import File, Wanted

CHECKED = ".cache/rzen_eval/checked.json"
"""In a fetched repository: size, time and sum of the files that were checked, so that they are read once only."""
PARTIAL = ".cache/rzen_eval/partial"
"""In the media repository: downloads under way, named by the sum that they will have."""
BLOCK = 1 << 22
WAITS = (1, 5, 20)
"""Seconds before a hub that answers that it is busy is asked again."""


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
    pinned = thing.archive.commit if thing.archive else None
    lost = pinned is not None and thing.revision == pinned != listing.commit
    instead = f", since the hub has no commit {pinned[:12]} any more" if pinned and lost else ""
    say(
        f"{thing.name}: {len(listing.files)} files, {gigabytes(sum(file.size for file in listing.files))}, at"
        f" {listing.commit}{instead};"
        f" {len(waiting)} downloaded, all sums are the hub's"
    )


def _read(note: Path) -> dict[str, Any]:
    """What earlier runs noted; nothing, where that note is not there or not whole."""
    try:
        return dict(read_json(note))
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
    if size_of(place) == file.size:
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
