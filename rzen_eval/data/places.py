"""Where a task's media lie: in the one canonical tree, or where other tools and other hands have put them.

A place counts when the first clips of the rows are in it. Which places there are was collected from public scripts,
configurations and reports of people who ran on the real archives; a clip's own folder is never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from rzen_eval.data.archives import ARCHIVES, COMMIT, LEVEL, REPO, SPELLINGS, V3, V3_COMMIT, holder
from rzen_eval.files import entries, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

PROOFS = 8
"""Clips, or pictures, of the first rows that are looked for in every place."""
VIDEOS = "video-tasks/videos"
"""Of raw videos; they come from another repository, TIGER-Lab/MMEB_Raw_Video."""
BASES = {
    "video-tasks": ("video-tasks", "video-tasks/video-tasks", "video_tasks", "video_tasks/video_tasks"),
    "image-tasks": ("image-tasks", "image_tasks"),
    "visdoc-tasks": ("visdoc-tasks", "visdoc-tasks/visdoc-tasks", "visdoc_tasks"),
    "text-tasks": ("text-tasks", "text_tasks"),
    "tool-tasks": ("tool-tasks", "tool_tasks"),
    "memory-tasks": ("memory-tasks", "memory_tasks"),
}
"""Names that the folder of a modality goes by; MMEB-V3's have underscores."""
ROOTS = {REPO: (REPO, "MMEB-V2", "mmeb_v2"), V3: (V3, "MMEB-V3", "mmeb_v3")}
"""Folders below `data.root` that hold a tree, by repository."""
IMAGE_WRAPPERS = ("", "MMEB", "mmeb_v1/MMEB", "mmeb_v1")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the media of a task are."""

    canonical: str
    """Where this package's own unpacking puts them, relative to the tree."""
    folder: Path
    """Where they were found; the canonical place where they were not."""
    n_found: int
    """How many of the clips that were looked for are there."""
    asked: int
    tried: int
    """Places that were looked at; of these most are not there at all."""


def task_folder(path: str) -> str:
    """The folder of a task that a clip or a picture lies in, by its canonical path."""
    archive = holder(path)
    parts = path.split("/")
    if archive:
        depth = len(archive.target.split("/"))
        return archive.target if archive.name == "mmeb_v1" else "/".join(parts[: depth + 1])
    return "/".join(parts[:4]) if path.startswith(f"{VIDEOS}/") else "/".join(parts[:-1])


@dataclass(frozen=True, slots=True)
class Where:
    """What is searched for media."""

    roots: tuple[Path, ...]
    """Trees, in order; never empty. What is not found is expected in the first."""
    given: bool = False
    """The root was named by the user: it may also be a folder inside a tree, such as `video-tasks/frames`."""
    own: Path | None = None
    """A folder that the user named for this task; nothing else is looked at then."""

    def find(self, canonical: str, inside: Sequence[str], exists: Callable[[Path], bool]) -> Place:
        """The place that holds a task's media.

        Places are tried in order, first with names as they are known and then whatever their case. The first that
        holds all that is asked for is taken, else the first of those that hold most.

        Args:
            canonical: the task's folder in the canonical tree.
            inside: paths of clips or pictures below the task's folder, of which the first few are asked for.
            exists: whether one of them is there.
        """
        asked = list(dict.fromkeys(inside))[:PROOFS]
        best, folder = 0, self.own or self.roots[0] / canonical
        tried: set[Path] = set()
        for place in self._places(canonical):
            if place in tried:
                continue
            tried.add(place)
            found = sum(exists(place / name) for name in asked) if place.is_dir() else 0
            if found > best:
                best, folder = found, place
            if found == len(asked):
                break
        return Place(canonical, folder, best, len(asked), len(tried))

    def _places(self, canonical: str) -> Iterator[Path]:
        known, roots = known_places(canonical), self.roots
        if self.own:
            yield from (self.own, self.own / LEVEL, self.own.parent)
            roots = (self.own,)
        if self.own or self.given:
            parts = [path.split("/") for path in known]
            tails = dict.fromkeys("/".join(path[start:]) for path in parts for start in range(len(path)))
            known = [tail for tail in tails if tail != LEVEL]
        for exact in (True, False):
            for pattern, root in product(known, roots):
                yield from _expanded(root, pattern, exact=exact)


@lru_cache(maxsize=200)
def known_places(canonical: str) -> list[str]:
    """Paths that a task's media may have below the root of a tree, the canonical one first; `*` is any one folder."""
    archive = holder(canonical)
    if archive and archive.name == "mmeb_v1":
        return [
            "/".join(filter(None, (base, wrapper)))
            for wrapper, base in product(IMAGE_WRAPPERS, (*BASES["image-tasks"], ""))
            if base or wrapper
        ]
    base, _, rest = canonical.partition("/")
    *outer, task = rest.split("/")
    names = (task, *SPELLINGS.get(task, ()))
    if not archive or not outer:
        inner = ["/".join((*outer, name)) for name in names]
    else:
        kind = outer[0]
        wrappers: tuple[str, ...] = ("", f"{archive.name}/", f"{archive.name}/{archive.name}/")
        if archive.name == "video_ret":
            ways = ("", "data/ziyan/video_retrieval/", "data/*/video_retrieval/", "video_retrieval/")
            wrappers = tuple(wrapper + way for wrapper, way in product(wrappers, ways))
        order = sorted(wrappers, key=lambda wrapper: wrapper != f"{archive.name}/")
        inner = [f"{kind}/{wrapper}{name}{level}" for wrapper, level, name in product(order, ("", f"/{LEVEL}"), names)]
    return list(
        dict.fromkeys(
            [canonical, *(f"{other}/{tail}".rstrip("/") for tail, other in product(inner, BASES.get(base, (base,))))]
        )
    )


def _expanded(root: Path, pattern: str, *, exact: bool) -> list[Path]:
    """Folders that a path of names may mean, sorted."""
    found = [root]
    for name in pattern.split("/"):
        if name == "*":
            found = [folder / entry for folder in found for entry in entries(folder) if (folder / entry).is_dir()]
        elif exact:
            found = [folder / name for folder in found]
        else:
            found = [folder / entry for folder in found for entry in entries(folder) if plain(entry) == plain(name)]
    return found


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder that holds `image-tasks/`, `video-tasks/` and `visdoc-tasks/`, or some of them."""

    folder: Path
    repo: str | None
    """The repository that it is a copy of; None where that cannot be told."""


def trees(root: Path) -> list[Tree]:
    """Trees that are there, in order.

    Args:
        root: `data.root`, which holds the repositories: as `ORG/NAME`, as in the hub's cache, or being the tree itself.
    """
    found = [Tree(root / name, repo) for repo, names in ROOTS.items() for name in names if (root / name).is_dir()]
    for repo in ROOTS:
        cache = root / f"datasets--{repo.replace('/', '--')}" / "snapshots"
        commits = [name for name in entries(cache) if (cache / name).is_dir()]
        found += [
            Tree(cache / name, repo) for name in sorted(commits, key=lambda name: name not in {COMMIT, V3_COMMIT})
        ]
    names = {*(name for base in BASES.values() for name in base), "MMEB", *(archive.name for archive in ARCHIVES)}
    return [*found, Tree(root, None)] if names & {*entries(root)} else found
