"""What tells the rows of a repository on disk from others: a hash of every byte."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from rzen_eval.data.commits import downloaded
from rzen_eval.data.row_files import below, is_rows
from rzen_eval.errors import DataError
from rzen_eval.files import digests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def signature(files: Sequence[Path], base: Path, cache_dir: Path) -> str:
    """A hash of the names and contents of some files.

    Args:
        files: which, below `base`.
        base: their names are relative to it.
        cache_dir: where the hashes of single files are kept.

    Raises:
        DataError: there is no file, or one cannot be read.
    """
    if not files:
        raise DataError(f"no file in {base}")
    notes = cache_dir / "signatures" / f"{hashlib.sha256(str(base).encode()).hexdigest()[:24]}.json"
    try:
        contents = digests(files, notes)
    except OSError as error:
        raise DataError(f"{error.filename or base} cannot be read ({error.strerror or error})") from error
    named = [[file.relative_to(base).as_posix(), content] for file, content in zip(files, contents, strict=True)]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]


def of_repository(folder: Path, cache_dir: Path) -> str:
    """Changes whenever a file of a mirrored repository does; begins with the hub's commit where a download noted it."""
    files = _files(folder)
    digest = signature(files, folder, cache_dir)
    commits = _commits(files, folder)
    return f"{commits[0]}+files:{digest}" if len(commits) == 1 else f"files:{digest}"


def commits_of(folder: Path) -> list[str]:
    """Commits that a mirrored repository's files were downloaded at, sorted; more than one is a mixture."""
    return _commits(_files(folder), folder)


def _commits(files: Sequence[Path], folder: Path) -> list[str]:
    found = {downloaded(folder, file.relative_to(folder).as_posix()) for file in files}
    return sorted(commit for commit in found if commit)


def _files(folder: Path) -> list[Path]:
    return [file for file in below(folder) if not _beside(file.relative_to(folder))]


def _beside(file: Path) -> bool:
    """Whether a file is no part of a repository's rows: what tools keep for themselves, and raw videos."""
    return file.parts[0] in {".cache", ".git"} or file.name.startswith("._") or not is_rows(file.as_posix())
