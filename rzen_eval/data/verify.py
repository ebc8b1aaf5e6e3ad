"""Whether every picture and clip that tasks name is there and opens, before a model is loaded."""

from __future__ import annotations

import multiprocessing
import shlex
from collections import Counter, deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.core import SavedAsJpeg
from rzen_eval.data.archives import holder
from rzen_eval.data.archives import needed as archives_of
from rzen_eval.data.commands import command, word
from rzen_eval.data.known_holes import FEW_PAGES, HUMAN_LABELED
from rzen_eval.data.load import load_data
from rzen_eval.data.media import MissingMediaError
from rzen_eval.data.repository import Repository
from rzen_eval.data.row_sources import differences
from rzen_eval.data.video import Frame
from rzen_eval.errors import DataError, some
from rzen_eval.media import describe, image_size, open_rgb, portable
from rzen_eval.processes import begin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from rzen_eval.core import Media, Task
    from rzen_eval.data.archives import Archive, Marker

CHUNK = 64
"""Pictures that a worker is given at once."""
AHEAD = 4
"""Chunks in preparation for each worker; bounds the memory that encoded pictures take."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A picture or clip that is missing or damaged."""

    who: str
    """The query or candidate, the first of those that need it."""
    problem: str
    archive: Archive | None
    """Where it comes from; None where that is the repository of the rows."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of one task."""

    task: Task
    queries: int
    candidates: int
    media: int
    """Distinct pictures, and clips without any."""
    faults: Sequence[Fault]
    warnings: Sequence[str] = ()
    """What is odd about the rows, such as counts that are not the benchmark's."""
    place: str | None = None
    """Where the media were found; None where there are none of this task's own."""
    other_data: bool = False
    """Whether one of the warnings is that these are not the benchmark's data."""


def verify(
    tasks: Sequence[Task],
    *,
    deep: bool = False,
    workers: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Iterator[Verified]:
    """Check the media of tasks, one task after the other; a file that several need is opened once.

    Args:
        tasks: which.
        deep: decode every picture; otherwise its header is read, and of a video the first frame.
        workers: processes that do so; 0: this one does.
        progress: called with the number of pictures checked since the last call.
    """
    known: dict[str, str | None] = {}
    for task in tasks:
        try:
            yield _task(task, known, deep, workers, progress or _silent)
        except DataError as error:
            held = isinstance(error, MissingMediaError) or Repository.of(task).in_archives
            archive = next(iter(archives_of(task)), None) if held else None
            said = _first_clause(error).removeprefix(f"{task.id}: ")
            yield Verified(task, 0, 0, 0, [Fault("rows", said, archive)])


def report(verified: Verified, shown: int = 3) -> list[str]:
    """Lines about a task: all is there, or what is not, where it comes from and what mends it."""
    task = verified.task
    name = word(task)
    if not verified.faults:
        size = f"{verified.queries} queries, {verified.candidates} candidates"
        place = [f"  media in {verified.place}"] if verified.place else []
        pictures = f", {verified.media} pictures: all there, all open" if verified.media else ": all there"
        first = f"{name}: {size}{pictures}"
        return [first, *place, *(f"  {warning}" for warning in verified.warnings)]
    if not verified.media and verified.faults[0].who == "rows":
        return [f"{name}: {verified.faults[0].problem}", f"  mend with: {mend(task, verified.faults[0].archive)}"]
    lines = [f"{name}: {len(verified.faults)} of {verified.media} pictures and clips are missing or damaged"]
    for archive, count in Counter(fault.archive for fault in verified.faults).items():
        here = [fault for fault in verified.faults if fault.archive == archive]
        lines += [f"  {fault.who}: {fault.problem}" for fault in here[:shown]]
        lines += [f"  and {count - shown} more"] if count > shown else []
        held = " to ".join(dict.fromkeys((archive.parts[0], archive.parts[-1]))) if archive else task.dataset.repo
        marker = archive and archive.unpacked(Repository.of(task).media_source.tree_of(archive))
        if archive and marker and archive.without(task, marker):
            instead = _instead(task, archive, marker)
            lines.append(f"  {_bare(archive)} was unpacked and holds nothing for this task, {instead}")
        else:
            lines.append(f"  held by {held}; mend with: {mend(task, archive)}")
    return [*lines, f"  #188: {FEW_PAGES}"] if task.id == HUMAN_LABELED and verified.place else lines


def _bare(archive: Archive) -> str:
    return " to ".join(dict.fromkeys(part.rpartition("/")[2] for part in (archive.parts[0], archive.parts[-1])))


def _instead(task: Task, archive: Archive, marker: Marker) -> str:
    """What an archive held that gave a task nothing, and what to do about it."""
    of = f" (it is of commit {marker.commit[:12]})" if marker.commit else ""
    return (
        f"its folders are {some(list(marker.folders))}{of}: delete it, and run `rzen-eval data fetch` and `unpack` for"
        f" {word(task)} to get the archive of commit {archive.revision(task.source.media_revision)[:12]}"
    )


def mend(task: Task, archive: Archive | None) -> str:
    """The command that gets what is missing."""
    if archive is None and task.source.kind == "hub":
        return f"rm -r {shlex.quote(str(task.cache_dir / 'datasets'))}, since rows come from the hub at the next run"
    if archive is None:
        return command("fetch", [task])
    tree = Repository.of(task).media_source.tree_of(archive)
    unpack = command("unpack", [task], *(["--again"] if archive.unpacked(tree) else []))
    return f"{command('fetch', [task])} && {unpack}" if archive.missing(tree) else unpack


def _silent(_checked: int) -> None:
    """Progress that nobody watches."""


def _task(
    task: Task, known: dict[str, str | None], deep: bool, workers: int, progress: Callable[[int], object]
) -> Verified:
    data = load_data(task)
    archives = archives_of(task)
    needed: dict[str, tuple[str, Media]] = {}
    faults: dict[str, Fault] = {}
    for side, ids, items in (
        ("query", data.query_ids, data.queries),
        ("candidate", data.candidate_ids, data.candidates),
    ):
        for place, name in enumerate(ids):
            who = f"{side} {name!r}"
            try:
                item = items[place]
            except DataError as error:
                missing = error.folder if isinstance(error, MissingMediaError) else str(error)
                faults.setdefault(missing, Fault(who, _first_clause(error), holder(missing)))
                continue
            for media in (*item.images, *item.frames):
                needed.setdefault(_key(media, f"{task.id} {who}"), (who, media))
    waiting = {key: media for key, (_, media) in needed.items() if key not in known}
    known |= zip(waiting, _checked(list(waiting.values()), deep, workers, progress), strict=True)
    for key, (who, media) in needed.items():
        if problem := known[key]:
            # Whatever of a task is a file is of its one archive, wherever it was found.
            faults[key] = Fault(who, problem, archives[0] if archives and isinstance(media, Path) else None)
    clips = sum(key not in needed for key in faults)
    trees = {archive: Repository.of(task).media_source.tree_of(archive) for archive in archives}
    found = [*faults.values(), *filter(None, (_fewer(archive, tree) for archive, tree in trees.items()))]
    media_place = str(data.media["place"]) if data.media else None
    counts = len(data.query_ids), len(data.candidate_ids), len(needed) + clips
    return Verified(task, *counts, found, (*data.warnings, *differences(task)), media_place, data.other_data)


@cache
def _fewer(archive: Archive, tree: Path) -> Fault | None:
    """Files that were unpacked and are gone: of a clip that lost a frame, other frames would be sampled."""
    marker = archive.unpacked(tree)
    if marker is None:
        return None
    parts = {tree / part for part in archive.parts}
    files = (file for file in (tree / archive.target).rglob("*") if file not in parts and file.is_file())
    there = sum(not file.name.startswith(".rzen-") for file in files)
    if there >= marker.files:
        return None
    return Fault(archive.target, f"{marker.files - there} of {marker.files} unpacked files are gone", archive)


def _key(media: Media, who: str) -> str:
    """What tells a picture from others: its path, or who needs it where it has none."""
    if isinstance(media, SavedAsJpeg):
        return _key(media.media, who)
    return str(media) if isinstance(media, (Path, Frame)) else f"{who}, {describe(media)}"


def _checked(
    media: Sequence[Media], deep: bool, workers: int, progress: Callable[[int], object]
) -> Iterator[str | None]:
    """What is wrong with each picture, in order; None where nothing is."""
    if not workers or len(media) <= CHUNK:
        for picture in media:
            yield _problem(picture, deep)
            progress(1)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin) as pool:
        waiting: deque[Future[list[str | None]]] = deque()
        starts = iter(range(0, len(media), CHUNK))
        while True:
            while len(waiting) < AHEAD * workers and (start := next(starts, None)) is not None:
                chunk = [_movable(picture, deep) for picture in media[start : start + CHUNK]]
                waiting.append(pool.submit(_problems, chunk, deep))
            if not waiting:
                return
            try:
                found = waiting.popleft().result()
            except BrokenProcessPool as error:
                raise DataError(
                    "a process that opens pictures was killed, most likely for want of memory; run again with fewer"
                    " (runtime.workers=1)"
                ) from error
            yield from found
            progress(len(found))


@dataclass(frozen=True, slots=True)
class _Looked:
    """A picture that was looked at already, since only this process has it."""

    problem: str | None


def _movable(picture: Media, deep: bool) -> Media | _Looked:
    if not deep and not isinstance(picture, (Path, Frame)):
        return _Looked(_problem(picture, deep))
    try:
        return portable(picture)
    except DataError as error:
        return _Looked(_first_clause(error))


def _problems(pictures: Sequence[Media | _Looked], deep: bool) -> list[str | None]:
    return [picture.problem if isinstance(picture, _Looked) else _problem(picture, deep) for picture in pictures]


def _problem(picture: Media, deep: bool) -> str | None:
    try:
        if deep:
            open_rgb(picture)
        else:
            image_size(picture)
    except DataError as error:
        return _first_clause(error)
    return None


def _first_clause(error: DataError) -> str:
    """Without the advice to run what is running."""
    return str(error).split("; ", maxsplit=1)[0]
