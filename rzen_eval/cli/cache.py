"""`rzen-eval cache`: what the vectors that are kept take, and throwing them away."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from rzen_eval.cli.terminal import add_format, listing, show
from rzen_eval.errors import ConfigError, nearest

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = "List the folders of vectors that runs have kept, with their size, or remove some."
    parser.add_argument(
        "--prune",
        action="append",
        default=[],
        metavar="NAME",
        help="remove the folder NAME, or all of the model NAME; all removes every one",
    )
    add_format(parser)


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """List the folders of vectors with their size, or remove some.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose

    prunes = chosen.prune
    root = compose.load(settings, places, need_tasks=False).cache_dir / "vectors"
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    for prune in prunes:
        doomed = [folder for folder in folders if prune in {"all", folder.name} or folder.name.startswith(f"{prune}-")]
        if not doomed:
            known = [folder.name for folder in folders]
            raise ConfigError(f"cache: nothing called {prune!r} in {root}{nearest(prune, known)}; see the list")
        for folder in doomed:
            shutil.rmtree(folder)
            print(f"removed {folder}")
    if not prunes:
        _list(root, folders, chosen.format)
    return 0


def _list(root: Path, folders: Sequence[Path], kind: str | None) -> None:
    from rzen_eval.engine.vector_store import SUFFIX

    rows = []
    for folder in folders:
        files = [file for file in folder.iterdir() if file.is_file()]
        rows.append({
            "vectors of": folder.name,
            "chunks": sum(file.suffix == SUFFIX for file in files),
            "damaged": sum(file.suffix == ".damaged" for file in files),
            "MB": round(sum(file.stat().st_size for file in files) / 1e6, 1),
        })  # fmt: skip
    note = f"{len(rows)} folders in {root}; rzen-eval cache --prune NAME removes one, --prune all every one"
    show(listing("folders", rows, notes=[note]), kind)
