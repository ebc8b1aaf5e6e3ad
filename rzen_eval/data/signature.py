"""What tells the content of files on disk from other content.

Rows are known by a hash of every byte. A file that was hashed before is not read again as long as its size, its time,
its inode and its change time are the same, the last of which no tool that keeps times (rsync, tar, cp -p) can set.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from rzen_eval.data.commits import COMMIT, DOWNLOADS
from rzen_eval.data.row_files import below, is_rows
from rzen_eval.errors import DataError
from rzen_eval.files import state, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BLOCK = 1 << 20


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
    note = cache_dir / "signatures" / f"{hashlib.sha256(str(base).encode()).hexdigest()[:24]}.json"
    known = _known(note)
    now: dict[str, list[str]] = {}
    for file in files:
        name = file.relative_to(base).as_posix()
        try:
            seen = state(file)
            before = known.get(name)
            now[name] = [seen, before[1] if before and before[0] == seen else _digest(file)]
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error.strerror or error})") from error
    if any(known.get(name) != value for name, value in now.items()):
        write_whole(note, json.dumps(known | now).encode())
    return hashlib.sha256(json.dumps([[name, value[1]] for name, value in now.items()]).encode()).hexdigest()[:16]


def of_repository(folder: Path, cache_dir: Path) -> str:
    """Changes whenever a file of a mirrored repository does; begins with the hub's commit where a download noted it."""
    inside = [file for file in below(folder) if not _beside(file.relative_to(folder))]
    digest = signature(inside, folder, cache_dir)
    commits = commits_of(folder)
    return f"{next(iter(commits))}+files:{digest}" if len(commits) == 1 else f"files:{digest}"


def commits_of(folder: Path) -> list[str]:
    """Commits that a mirrored repository's files were downloaded at, sorted; more than one is a mixture."""
    notes = folder / DOWNLOADS
    files = [file.relative_to(folder) for file in below(folder)]
    lines = [_first_line(notes / f"{file.as_posix()}.metadata") for file in files if not _beside(file)]
    return sorted({line for line in lines if COMMIT.fullmatch(line)})


def _beside(file: Path) -> bool:
    """Whether a file is no part of a repository's rows: what tools keep for themselves, and raw videos."""
    return file.parts[0] in {".cache", ".git"} or file.name.startswith("._") or not is_rows(file.as_posix())


def _known(note: Path) -> dict[str, list[str]]:
    try:
        told = json.loads(note.read_bytes())
        return {str(name): [str(part) for part in value] for name, value in told.items() if len(value) == 2}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _first_line(file: Path) -> str:
    try:
        return file.read_text(errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""
