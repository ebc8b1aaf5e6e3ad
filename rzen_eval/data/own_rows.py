"""Rows that lie beside the media: JSON lines and tables of the media repositories, for want of the row repositories.

Which files there are, and what they are called, was collected from public code that reads them. MMEB-V2 has those of
video classification, moments and ActivityNetQA; MMEB-V3 has them for every video task, and `image-query`, a copy of the
image tasks' repository. Both have the document tasks' repositories in an archive, with the faulty page labels; a
set-up script lays the corrected ones over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.data.commits import downloaded
from rzen_eval.data.documents import LAID_OVER, RENAMED, ROWS
from rzen_eval.data.places import BASES
from rzen_eval.data.row_files import READERS, RowFiles, below, checked, count_rows, row_files
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LINES: Mapping[str, tuple[str, ...]] = {
    "VLM2Vec/Kinetics-700": ("k700",),
    "VLM2Vec/HMDB51": ("hmdb51",),
    "VLM2Vec/UCF101": ("ucf101",),
    "VLM2Vec/Breakfast": ("breakfast",),
    "VLM2Vec/SmthSmthV2": ("ssv2",),
    "VLM2Vec/MSR-VTT": ("msr-vtt",),
    "VLM2Vec/MSVD": ("msvd",),
    "VLM2Vec/DiDeMo": ("didemo",),
    "lmms-lab/YouCook2": ("youcook2-val",),
    "VLM2Vec/VATEX": ("vatex",),
    "VLM2Vec/Video-MME": ("video-mme",),
    "VLM2Vec/NExTQA": ("nextqa",),
    "VLM2Vec/EgoSchema": ("egoschema",),
    "VLM2Vec/ActivityNetQA": ("activitynetqa",),
    "VLM2Vec/QVHighlight": ("qvhighlight",),
    "VLM2Vec/Charades-STA": ("charades_sta",),
    "VLM2Vec/MomentSeeker": ("momentseeker_1k6", "momentseeker"),
    "VLM2Vec/MomentSeeker_1k8": ("momentseeker_1k8", "momentseeker"),
}
"""Files of `video-tasks/data`, without extension, by row repository. Of several the one with as many rows as declared
is taken: copies are known whose `momentseeker_1k6` is a link to the 1800 rows."""
FOLDERS: Mapping[str, str] = {
    "VLM2Vec/MVBench": "video-tasks/data/mvbench",
    "ziyjiang/MMEB_Test_Instruct": "image-query",
}
"""Folders that stand for a row repository."""


@dataclass(frozen=True, slots=True)
class OwnRows:
    """Rows of a media repository: a file of JSON lines, or a folder that stands for a row repository."""

    tree: Path
    place: str
    """Where they lie in the tree."""

    def files(self, config: str | None, split: str) -> RowFiles:
        """The files with the rows of a configuration.

        Raises:
            DataError: there are none, or they cannot be read.
        """
        path = self.tree / self.place
        if path.is_file():
            return checked([path], self.place)
        named = [path / f"{config}{extension}" for extension in READERS]
        if alone := [file for file in named if file.is_file()]:
            return checked(alone[:1], self.place)
        try:
            return row_files(path, config, split)
        except DataError as error:
            raise DataError(f"{self.place}: {error}") from error

    def count(self) -> int | None:
        """Rows of a file; None of a folder."""
        path = self.tree / self.place
        return count_rows(RowFiles(READERS[path.suffix], (path,))) if path.is_file() else None

    def all(self) -> list[Path]:
        """Every file that belongs to them."""
        path = self.tree / self.place
        return [path] if path.is_file() else below(path)


def own_rows(trees: Sequence[Path], repo: str, n_rows: int | None) -> OwnRows | None:
    """Rows in one of the trees; None where no tree has them.

    Args:
        trees: in which to look, in order.
        repo: the row repository that they stand for.
        n_rows: how many are expected; decides between files that may be the right ones.
    """
    names = [f"video-tasks/data/{name}{extension}" for name in LINES.get(repo, ()) for extension in READERS]
    pages = LAID_OVER.get(repo) or RENAMED.get(repo) or repo.rpartition("/")[2]
    names = names or [FOLDERS.get(repo) or f"{ROWS}/{pages}"]
    places = [place for name in names for place in _bases(name)]
    found = [OwnRows(tree, place) for tree in trees for place in places if (tree / place).exists()]
    if pages in LAID_OVER.values():
        found = [one for one in found if _fits(one.tree / one.place, laid_over=repo in LAID_OVER)]
    fitting = (one for one in found if len(found) > 1 and one.count() == n_rows)
    return next(fitting, found[0] if found else None)


def _fits(folder: Path, *, laid_over: bool) -> bool:
    """Whether rows are those downloaded over an archive's, or the archive's own; a mixture is neither."""
    names = [file.relative_to(folder).as_posix() for file in below(folder) if file.suffix in READERS]
    noted = {downloaded(folder, name) is not None for name in names if not name.startswith(".")}
    return noted == {True} if laid_over else True not in noted


def _bases(place: str) -> list[str]:
    base, _, rest = place.partition("/")
    return [f"{other}/{rest}".rstrip("/") for other in BASES.get(base, (base,))]
