"""A small listing of a folder of data, names and sizes alone, that can be sent to somebody and laid again."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

MANY, FEW = 60, 4
"""Folders in a folder that are all looked into; of more the first few stand for the others."""
NAMED = 12
"""Files of a folder that are all named; of more the first few are."""
DEEPEST = 12
SKIPPED = frozenset({".git", ".cache", "blobs"})


def listing(root: Path) -> dict[str, Any]:
    """What a folder holds: of each folder its files' number, bytes and kinds, some of them by name, and its folders.

    No content is read, and no path above the folder is told.
    """
    return _folder(root, set(), DEEPEST)


def _folder(folder: Path, seen: set[str], deep: int) -> dict[str, Any]:
    real = os.path.realpath(folder)
    told: dict[str, Any] = {"link": True} if folder.is_symlink() else {}
    if real in seen or deep == 0:
        return told | {"not_looked_into": True}
    seen.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        return told | {"error": error.strerror or str(error)}
    folders = [entry.name for entry in entries if entry.name not in SKIPPED and entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if files:
        shown = files[:FEW] if len(files) > NAMED else files
        told["files"] = len(files)
        told["kinds"] = dict(Counter(Path(entry.name).suffix.lower() for entry in files))
        told["some"] = {entry.name: _size(entry) for entry in shown}
    if folders:
        told["folders"] = len(folders)
        chosen = folders[:FEW] if len(folders) > MANY else folders
        told["in"] = {name: _folder(folder / name, seen, deep - 1) for name in chosen}
    return told


def _size(entry: os.DirEntry[str]) -> int | None:
    """Bytes of a file; None of a link that leads nowhere."""
    try:
        return entry.stat().st_size
    except OSError:
        return None
