"""How a task's data lie on this machine, as far as it shows without decoding a picture."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.core import Modality
from rzen_eval.data.archives import DOCUMENTS, OF_V3, folder_of, needed
from rzen_eval.data.media import is_empty, pictures_in
from rzen_eval.data.places import known_places
from rzen_eval.data.recipe import recipe
from rzen_eval.data.repository import Repository
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Task, TaskData
    from rzen_eval.data.archives import Archive

PAGES = ("queries", "corpus", "qrels")
"""Configurations of a document task's repository."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of one task."""

    task: Task
    rows: str | None = None
    """The repository, or the file beside the media, that holds its rows; None where there is none."""
    n_rows: int | None = None
    """Queries in them."""
    place: str | None = None
    """Where its media were found."""
    media: int = 0
    """Clips, or pictures, that the rows name."""
    whole: int = 0
    """Those of them that are there."""
    frames: Sequence[int] = ()
    """Frames of each clip that has some."""
    raw: int = 0
    """Clips whose frames would be taken from raw videos."""
    archive: Archive | None = None
    """Where its media come from; None where they are in the rows."""
    tree: Path | None = field(default=None, compare=False)
    """The tree that the archive belongs in."""
    problem: str | None = None
    """Why it cannot be run; None where it can."""
    warnings: Sequence[str] = ()

    @property
    def shown_frames(self) -> str:
        """Median, and the extremes where they differ."""
        if not self.frames:
            return ""
        low, middle, high = min(self.frames), statistics.median_low(self.frames), max(self.frames)
        return str(middle) if low == high else f"{middle} ({low} to {high})"


def examine(task: Task, *, quick: bool = False) -> Examined:
    """Look at one task.

    Args:
        task: as declared.
        quick: whether it can be run is all that is asked: its first clips stand for all.
    """
    repository = Repository.of(task)
    archives = needed(task)
    archive = archives[0] if archives else None
    rows, tree = rows_of(repository), None
    try:
        if task.modality is Modality.VISDOC:
            if _shown(task, repository):
                return Examined(task, rows, _pages(task, repository))
            archive = DOCUMENTS[-1]
        tree = repository.media_source.tree_of(archive) if archive else None
        data: TaskData = recipe(task).load(task, repository)
        warnings = [*repository.warnings(), *repository.media_source.warnings()]
    except DataError as error:
        said = str(error).removeprefix(f"{task.id}: ")
        return Examined(task, rows, place=_unproven(task, repository), archive=archive, tree=tree, problem=said)
    place = repository.media_source.found_at()
    where = str(place["place"]) if place else None
    if quick and (where or archive is None):
        return Examined(task, rows, len(data.query_ids), where, archive=archive, tree=tree)
    counts, hollow, problems = _media(repository, data)
    named, whole, raw = len(counts), sum(count > 0 for count in counts), repository.media.from_videos["raw"]
    lacking = named - whole - raw
    problem = (problems or [f"{lacking} of {named} clips or pictures are not there"])[0] if lacking > 0 else None
    if hollow and problem is None:
        problem = f"{hollow} of {named} clips or pictures are empty files, or have frames that are"
    frames = [count for count in counts if count] if task.modality is Modality.VIDEO else []
    return Examined(
        task, rows, len(data.query_ids), where, named, whole, frames, raw, archive, tree, problem, warnings
    )  # fmt: skip


def available(tasks: Sequence[Task]) -> list[Task]:
    """Tasks that can be run now: their rows are there, and the first of their clips."""
    return [task for task in tasks if task.source.kind == "sample" or examine(task, quick=True).problem is None]


def _unproven(task: Task, repository: Repository) -> str | None:
    """A folder that may hold a task's media, where there are no rows to tell; None where there is none."""
    archives, name = needed(task), folder_of(task)
    if not archives or name is None:
        return None
    target, roots = archives[0].target, [tree.folder for tree in repository.media_source.trees]
    images = task.modality is Modality.IMAGE
    for known in known_places(target if images else f"{target}/{name}"):
        for root in roots:
            if "*" not in known and (place := root / known / (name if images else "")).is_dir():
                return f"{place.relative_to(root)}, perhaps"
    return None


def rows_of(repository: Repository) -> str | None:
    """The repository, or the file beside the media, that holds rows; None where there is none."""
    if repository.in_archives:
        targets = [archive.target for archive in OF_V3]
        there = any((tree.folder / target).is_dir() for tree in repository.media_source.trees for target in targets)
        return repository.dataset.repo if there else None
    if repository.source.kind == "hub":
        return "the hub"
    if repository.folder:
        return repository.dataset.repo
    return repository.own.place if repository.own else None


def _shown(task: Task, repository: Repository) -> bool:
    """Whether rows of a document task carry their pages, by what the table says of its columns."""
    if task.recipe != "visdoc" or repository.source.kind == "hub":
        return True
    corpus = repository.files("corpus")
    if corpus.reader != "parquet":
        return True
    from pyarrow import ArrowException, parquet

    try:
        return all("image" in parquet.read_schema(file).names for file in corpus.files)
    except ArrowException as error:
        raise DataError(f"{task.id}: {corpus.files[0]} cannot be read ({error}); get the repository again") from error


def _pages(task: Task, repository: Repository) -> int | None:
    """Rows of the queries; the pages are not read, of which there are gigabytes."""
    if repository.source.kind == "hub":
        return None
    if task.recipe != "visdoc":
        if repository.folder is None:
            repository.files(None)
        return None
    counts = [repository.count(config) for config in PAGES]
    return counts[0] if task.dataset.language is None else None


def _media(repository: Repository, data: TaskData) -> tuple[list[int], int, list[str]]:
    """What is there of a task's media.

    Returns:
        Frames of each clip that the rows name, or 1 for each picture, 0 for what is not there; how many of them are
        empty files or have some; and what is said of items that cannot be made.
    """
    media = repository.media
    clips = [(place, pictures_in(place)) for place in map(media.path, dict.fromkeys(media.clips))]
    shown: dict[str, int] = {}
    problems = []
    for items in (data.queries, data.candidates):
        for place in range(len(items)):
            try:
                item = items[place]
            except DataError as error:
                problems.append(str(error))
                continue
            shown |= {str(image): int(Path(image).is_file()) for image in item.images if isinstance(image, Path)}
    hollow = sum(any(map(is_empty, pictures or [place])) for place, pictures in clips)
    hollow += sum(map(is_empty, map(Path, shown)))
    return [*(len(pictures) for _, pictures in clips), *shown.values()], hollow, problems
