"""Results of earlier runs: which are kept, and which must not be replaced."""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING, Any

from rzen_eval.core import Mark
from rzen_eval.data.repository import Repository
from rzen_eval.errors import DataError, ResultError, some
from rzen_eval.evaluation import provenance
from rzen_eval.files import leftovers
from rzen_eval.models.checkpoint.files import IN_MEMORY
from rzen_eval.results import per_query, protocol, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rzen_eval.core import Result, Task
    from rzen_eval.data.load import LoadedTask


def kept(folder: Path, loaded: LoadedTask, described: Mapping[str, Any], say: Callable[[str], object]) -> Result | None:
    """The result of an earlier run, if it is whole and everything that could change it is as it was then.

    Args:
        folder: of the model's results, with one of this task.
        loaded: the task as it is now.
        described: provenance of the model.
        say: given the reason why a result that could have been kept is not.

    Raises:
        ResultError: the result that is there is a full one and this task would replace it by a lesser one.
    """
    name = loaded.task.id
    file = folder / f"{name}.json"
    try:
        earlier = store.read(file)
    except ResultError as error:
        say(f"{name}: {error.args[0].partition(';')[0]}; it is scored again")
        return None
    if earlier.provenance.get("fingerprint") == provenance.fingerprint(loaded.task, loaded.content, described):
        problem = per_query.fault(folder, earlier)
        if problem is None:
            return earlier
        say(f"{name}: {problem.partition(';')[0]}; it is scored again")
    _guard(file, earlier, loaded)
    return None


def refuse_lesser(folder: Path, loaded: LoadedTask) -> None:
    """See that a result which is about to be made would not replace a better one.

    Args:
        folder: of the model's results.
        loaded: the task as it is now.

    Raises:
        ResultError: the one that is there is a full one and this task would replace it by a lesser one.
    """
    file = folder / f"{loaded.task.id}.json"
    try:
        earlier = store.read(file)
    except ResultError:
        return  # there is none, or none that can be read
    _guard(file, earlier, loaded)


def kept_unread(folder: Path, task: Task, described: Mapping[str, Any]) -> Result | None:
    """As `kept`, without reading the task's rows, where what identifies them alone tells that nothing has changed.

    That is so where the earlier result was made of rows alone: whether a task has media files beside its rows follows
    from the rows, the declaration and the code, which the fingerprint holds.

    Args:
        folder: of the model's results, with one of this task.
        task: as declared.
        described: provenance of the model.

    Returns:
        The result; None where the rows have to be read to tell, or for their faults to be found again.
    """
    try:
        earlier = store.read(folder / f"{task.id}.json")
        revision = Repository.of(task).revision
    except (ResultError, DataError):
        return None
    source = task.source
    refused = source.strict if source.strict is not None else source.kind != "mirror"
    content = (earlier.provenance.get("dataset") or {}).get("content")
    if (refused and earlier.warnings) or content != revision:
        return None
    same = earlier.provenance.get("fingerprint") == provenance.fingerprint(task, content, described)
    return earlier if same and per_query.fault(folder, earlier) is None else None


def _guard(file: Path, earlier: Result, loaded: LoadedTask) -> None:
    """Refuse to replace a full result of real data by a lesser one, before hours are spent on it."""
    task = loaded.task
    if earlier.limit is None and task.limit is not None:
        lesser = f"a score of {task.limit.words}"
    elif earlier.limit is None and earlier.source != "sample" and task.source.kind == "sample":
        lesser = "a score on the bundled sample"
    elif earlier.limit is None and Mark.OTHER_DATA not in earlier.marks and loaded.data.other_data:
        lesser = "a score on other data than the benchmark's"
    else:
        return
    raise ResultError(
        f"{task.id}: {file} holds a full result on data={earlier.source}, which {lesser} would replace;"
        " give results_dir=FOLDER"
    )


def tidy(folder: Path, cache_dir: Path) -> None:
    """Remove what runs have left that were killed while they wrote results, vectors or notes."""
    leftovers.remove_of_workers()
    below = [place for kind in ("vectors", "frames") for place in sorted((cache_dir / kind).glob("*"))]
    leftovers.remove([folder, *(folder / kind for kind in per_query.BESIDE), cache_dir, *(cache_dir.glob("*")), *below])


def of_others(folder: Path, tasks: Mapping[str, Task], now: Mapping[str, Any], key: str = "model.name") -> str | None:
    """What must be said of results that lie where a run's go and are of another model, or of this one in another way.

    Args:
        folder: of the model's results.
        tasks: of the run, by id.
        now: identity of the model, see `protocol.identity_of`.
        key: setting of the name that the folder has.

    Returns:
        One line; None where there are no such results. Those that cannot be read are not looked at.
    """
    kinds = {protocol.standing_apart(task.limit) for task in tasks.values()}
    differing = {}
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(ResultError):
            earlier = store.read(file)
            before = protocol.identity_of(earlier.provenance)
            beside = protocol.standing_apart(earlier.limit) in kinds
            if beside and (found := protocol.changes(before, now)):
                differing[earlier.id] = found[:3]
    if not differing:
        return None
    stay = [name for name in differing if name not in tasks]
    become = f"{some(stay)} stay beside those of this run, so no command will read the folder" if stay else "replaced"
    listed = "; ".join(protocol.listed(differing, ("these", "this run")))
    return (
        f"{folder} holds results of another model, or of this one in another way ({listed}): {become};"
        f" {key}=NAME keeps them apart"
    )


def of_unknown(folder: Path, tasks: Mapping[str, Task], described: Mapping[str, Any]) -> str | None:
    """What must be said where results of weights in memory go beside those of other tasks, as of another step perhaps.

    Args:
        folder: of the model's results.
        tasks: that are scored, by id.
        described: provenance of the model.

    Returns:
        One line; None where there are no such results, or weights are known by their content.
    """
    stay = sorted(file.stem for file in folder.glob("*.json") if file.stem not in tasks)
    unknown = described.get("weights") == IN_MEMORY or set(described) == {"name"}
    if not stay or not unknown:
        return None
    return (
        f"{folder} holds results of {some(stay)} beside those that come now; of weights in memory nobody can tell"
        " whether they are the same, and tables will average them; results_dir=FOLDER keeps them apart"
    )


@contextlib.contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Find out now, and not after hours of work, that results cannot be written; an empty folder is not left behind.

    Raises:
        ResultError: they cannot.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    _need_writable(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for place in made:
                place.rmdir()


def _need_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResultError(f"results cannot be written to {folder} ({error}); give results_dir=FOLDER") from error
