"""What identifies the content of a checkpoint's files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from rzen_eval.files import digests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def content_hash(files: Sequence[Path], folder: Path, notes: Path) -> str:
    """SHA-256 over names and contents of files.

    Args:
        files: which.
        folder: what their names are relative to.
        notes: where digests are kept, see `digests`.
    """
    digest = hashlib.sha256()
    for file, content in zip(files, digests(files, notes), strict=True):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{content}\n".encode())
    return f"sha256:{digest.hexdigest()}"
