"""Where a task's media are looked for, where they were found, and what is odd about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.data import bundled
from rzen_eval.data.archives import COMMIT, REPO, V3, holder
from rzen_eval.data.commits import commit_of
from rzen_eval.data.media import MediaTree
from rzen_eval.data.places import Tree, Where, trees

if TYPE_CHECKING:
    from rzen_eval.core import Source
    from rzen_eval.data.archives import Archive


@dataclass(frozen=True)
class MediaSource:
    """The media of one task."""

    source: Source
    cache_dir: Path
    own: Path | None = None
    """A folder that the user named for this task."""

    @cached_property
    def base(self) -> Path:
        """The folder that holds repositories."""
        return (self.source.root or self.cache_dir / "media").expanduser().absolute()

    @cached_property
    def trees(self) -> list[Tree]:
        """Folders that may hold the pictures and frames, in order; the first where none is there yet is to be made."""
        if self.source.kind == "sample":
            return [Tree(bundled.folder(self.cache_dir) / repo, None) for repo in (REPO, V3)]
        if self.source.media:
            return [Tree(self.source.media.expanduser().absolute(), None)]
        found = trees(self.base)
        if self.source.kind == "hub":
            from huggingface_hub.constants import HF_HUB_CACHE

            found += [tree for tree in trees(Path(HF_HUB_CACHE)) if tree.repo]
        return found or [Tree(self.base / REPO, REPO)]

    def tree_of(self, archive: Archive) -> Path:
        """The tree that an archive belongs in: that which holds it or what came out of it, else its repository's."""
        holding = [tree.folder for tree in self.trees if archive.sizes(tree.folder) or archive.unpacked(tree.folder)]
        copies = [tree.folder for tree in self.trees if tree.repo in {None, archive.repo}]
        return [*holding, *copies, self.base / archive.repo][0]

    @cached_property
    def tree(self) -> MediaTree:
        """Pictures and frames by their paths in `TIGER-Lab/MMEB-V2`."""
        roots = tuple(tree.folder for tree in self.trees)
        own = self.own and self.own.expanduser().absolute()
        return MediaTree(roots[0], self.cache_dir, Where(roots, given=self.source.media is not None, own=own))

    def found_at(self) -> dict[str, Any] | None:
        """Where the media were found, for provenance; None where the task has none of its own."""
        found = [place for place in self.tree.places.values() if place.n_found]
        if not found or self.source.kind == "sample":
            return None
        place, raw = found[0], self.tree.from_videos["raw"]
        inside = self.source.root is not None and place.folder.is_relative_to(self.base)
        tree = next((tree for tree in self.trees if place.folder.is_relative_to(tree.folder)), None)
        archive = holder(place.canonical)
        known = tree and tree.repo in {None, archive.repo if archive else REPO}
        return {
            "place": place.folder.relative_to(self.base).as_posix() if inside else str(place.folder),
            "canonical": place.canonical,
            "commit": commit_of(tree.folder, archive) if tree and known else None,
            **({"from_videos": raw} if raw else {}),
        }

    def warnings(self) -> list[str]:
        """What is odd about the media, once they are settled."""
        counts, found = self.tree.from_videos, self.found_at()
        warnings = []
        if counts["raw"]:
            warnings.append(
                f"frames of {counts['raw']} of {counts['clips']} clips are taken from raw videos; the archive's have"
                " other numbers and sizes, so the score is not that of the benchmark's frames"
            )
        archive = holder(found["canonical"]) if found else None
        pinned = archive.revision(self.source.media_revision) if archive else COMMIT
        if found and found["commit"] and len(pinned) == len(COMMIT) and found["commit"] != pinned:
            warnings.append(f"the media are of commit {found['commit'][:12]}, expected {pinned[:12]}")
        return warnings
