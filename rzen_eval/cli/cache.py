"""`rzen-eval cache`: what lies in the cache folder and what it takes, and throwing it away."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.cli.terminal import add_format, listing, show
from rzen_eval.errors import ConfigError, nearest

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options

HOLDS = {
    "datasets": "tables of rows, made again from their files",
    "frames": "frames of video files, decoded again",
    "media": "media that were fetched; downloaded again",
    "models": "what models said of themselves",
    "sample": "the made-up sample, made again",
    "signatures": "what mirrors held",
    "digests.json": "digests of files, made again",
}
"""What lies in the cache folder beside vectors."""
FETCHED = "media"
"""What took a download: it goes only where it is named."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Something in the cache folder that can be removed by itself."""

    name: str
    place: Path
    what: str

    @property
    def files(self) -> list[Path]:
        """All of its files."""
        return [self.place] if self.place.is_file() else [file for file in self.place.rglob("*") if file.is_file()]


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = "List what lies in the cache folder, with its size, or remove some of it."
    parser.add_argument(
        "--prune",
        action="append",
        default=[],
        metavar="NAME",
        help="remove NAME, or all vectors of the model NAME; vectors: those of all models; all: everything but media",
    )
    add_format(parser)


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """List what is kept with its size, or remove some.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose

    root = compose.load(settings, places, need_tasks=False).cache_dir
    kept = _kept(root)
    for prune in chosen.prune:
        doomed = [one for one in kept if _meant(prune, one)]
        if not doomed and prune not in {"all", "vectors"}:
            near = nearest(prune, [one.name for one in kept])
            raise ConfigError(f"cache: nothing called {prune!r} in {root}{near}; see the list")
        for one in doomed:
            _remove(one.place)
            print(f"removed {one.place}")
    if not chosen.prune:
        _list(root, kept, chosen.format)
    return 0


def _remove(place: Path) -> None:
    try:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    except OSError as error:
        raise ConfigError(f"cache: {place} cannot be removed ({error.strerror or error})") from error


def _kept(root: Path) -> list[Kept]:
    """Everything in the cache folder: vectors by what made them, all else by its kind."""
    if not root.is_dir():
        return []
    vectors = sorted(place for place in (root / "vectors").glob("*") if place.is_dir())
    others = sorted(place for place in root.iterdir() if place.name != "vectors")
    return [
        *(Kept(place.name, place, "vectors") for place in vectors),
        *(
            Kept(place.name, place, HOLDS.get(place.name, "not of rzen-eval, or of a run that was killed"))
            for place in others
        ),
    ]


def _meant(prune: str, one: Kept) -> bool:
    if prune == "all":
        return one.name != FETCHED and (one.what == "vectors" or one.name in HOLDS or one.name.startswith("."))
    of_model = one.what == "vectors" and (prune == "vectors" or one.name.startswith(f"{prune}-"))
    return one.name == prune or of_model


def _list(root: Path, kept: Sequence[Kept], kind: str | None) -> None:
    from rzen_eval.engine.vector_store import SUFFIX

    rows = []
    for one in kept:
        files, vectors = one.files, one.what == "vectors"
        rows.append({
            "name": one.name,
            "what": one.what,
            "chunks": sum(file.suffix == SUFFIX for file in files) if vectors else None,
            "damaged": sum(file.suffix == ".damaged" for file in files) if vectors else None,
            "files": len(files),
            "MB": round(sum(file.stat().st_size for file in files) / 1e6, 1),
        })  # fmt: skip
    note = (
        f"{len(rows)} entries in {root}; rzen-eval cache --prune NAME removes one, --prune vectors all vectors,"
        " --prune all everything but media"
    )
    show(listing("kept", rows, notes=[note], prose=["what"]), kind)
