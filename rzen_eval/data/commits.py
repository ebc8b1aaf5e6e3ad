"""Which commit of the media repository a tree comes from, as far as those who laid it left a note."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rzen_eval.files import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.data.archives import Archive

NOTE = ".cache/rzen_eval/commits.json"
"""In a fetched repository: the commit of each file that `rzen-eval data fetch` got."""
DOWNLOADS = ".cache/huggingface/download"
"""Where `hf download --local-dir` keeps, for each file, its commit in the first line of `<path>.metadata`."""
COMMIT = re.compile(r"[0-9a-f]{40}")


def commit_of(tree: Path, archive: Archive | None = None) -> str | None:
    """The commit that an archive, or the whole tree, was taken from; None where nothing says so.

    Args:
        tree: the folder that holds `image-tasks/` and `video-tasks/`.
        archive: its marker, and the notes of its parts, are asked first.
    """
    if archive and (marker := archive.unpacked(tree)) and marker.commit and not archive.sizes(tree):
        return marker.commit
    names = archive.sizes(tree) if archive else {}
    noted = {commit for name in names for commit in (_noted(tree, name) or downloaded(tree, name),)}
    if len(noted) == 1 and None not in noted:
        return noted.pop()
    return _snapshot(tree) or _checkout(tree)


def _noted(tree: Path, name: str) -> str | None:
    try:
        commits = read_json(tree / NOTE)
        found = commits[name]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and COMMIT.fullmatch(found) else None


def downloaded(folder: Path, name: str) -> str | None:
    """The commit of a file as `hf download --local-dir` noted it; None where it did not."""
    return _first_line(folder / DOWNLOADS / f"{name}.metadata")


def _snapshot(tree: Path) -> str | None:
    """A folder of the hub's cache is named after its commit."""
    return tree.name if tree.parent.name == "snapshots" and COMMIT.fullmatch(tree.name) else None


def _checkout(tree: Path) -> str | None:
    """The commit of a Git clone, read from its files; nothing is run."""
    head = _text(tree / ".git/HEAD")
    if not head.startswith("ref: "):
        return head if COMMIT.fullmatch(head) else None
    name = head.removeprefix("ref: ")
    if ".." in name:
        return None
    if found := _first_line(tree / ".git" / name):
        return found
    packed = (line.partition(" ") for line in _text(tree / ".git/packed-refs").splitlines())
    return next((commit for commit, _, ref in packed if ref == name and COMMIT.fullmatch(commit)), None)


def _first_line(file: Path) -> str | None:
    first = _text(file).partition("\n")[0].strip()
    return first if COMMIT.fullmatch(first) else None


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
