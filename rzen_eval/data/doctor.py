"""One page on the data of a machine as they are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rzen_eval.data.archives import DOCUMENTS, OF_V3
from rzen_eval.data.commands import command
from rzen_eval.data.examine import rows_of
from rzen_eval.data.known_holes import holes
from rzen_eval.data.repository import Repository
from rzen_eval.errors import some

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.data.archives import Archive
    from rzen_eval.data.examine import Examined

LABELS = {"vidoseek_page": "VLM2Vec/ViDoSeek-page", "mmlongbench_page": "VLM2Vec/MMLongBench-page"}
"""Tasks whose page labels were corrected in November 2025, and the repositories with those of before."""


def table(examined: Sequence[Examined]) -> list[dict[str, object]]:
    """A row a task: its rows, where its media are, how many of them, frames of a clip, and whether it can be run."""
    return [
        {
            "task": each.task.id,
            "rows": _rows(each),
            "media": each.place or ("in the rows" if each.archive is None else "nowhere"),
            "there": f"{each.whole} of {each.media}" if each.media else "",
            "frames": each.shown_frames,
            "runs": "yes" if each.problem is None else "no",
        }
        for each in examined
    ]


def _rows(each: Examined) -> str:
    if each.rows is None:
        return "none"
    if each.n_rows is None:
        return each.rows
    # Counts of the data sets that a benchmark was made from say nothing of its own.
    declared = each.task.n_queries if each.task.counts == "declared" else None
    return f"{each.rows}, {each.n_rows}" + (f" of {declared}" if declared else "")


def notes(examined: Sequence[Examined]) -> Iterator[str]:
    """What else there is to say: what cannot be run and why, holes, labels, and what to get."""
    runs = [each for each in examined if each.problem is None]
    yield f"{len(runs)} of {len(examined)} tasks can be run now" + (
        ": add task=available" if 0 < len(runs) < len(examined) else ""
    )
    for each in examined:
        if each.problem and each.rows:
            yield f"{each.task.id}: {each.problem}"
        for line in (*holes(each), *each.warnings):
            if line.removeprefix("new: ") != each.problem:
                yield f"{each.task.id}: {line}"
    yield from _labels(examined)
    yield from _to_get(examined)


def _labels(examined: Sequence[Examined]) -> Iterator[str]:
    for each in examined:
        if each.task.id not in LABELS or each.task.source.kind != "mirror":
            continue
        dataset = each.task.dataset.model_copy(update={"repo": LABELS[each.task.id], "revision": None})
        before = rows_of(Repository.of(each.task.model_copy(update={"dataset": dataset})))
        if each.rows:
            yield f"{each.task.id}: page labels as corrected in November 2025"
        elif before:
            yield (
                f"{each.task.id}: {before} has page labels of before November 2025, one page off (#167); they are data"
                f" 2.0, task=visdoc/{each.task.id}_v2_0"
            )


def _to_get(examined: Sequence[Examined]) -> Iterator[str]:
    """Commands for what is missing, once an archive and once for all rows."""
    rows = [each for each in examined if each.rows is None and each.archive not in OF_V3]
    if rows:
        yield f"rows of {len(rows)} tasks are missing: {command('fetch', [each.task for each in rows])}"
    lacking: dict[Archive, list[Examined]] = defaultdict(list)
    for each in examined:
        if each.archive and (each.problem or each.rows is None) and each.place is None:
            lacking[each.archive].append(each)
    for archive, users in lacking.items():
        tree, tasks = users[0].tree, [each.task for each in users]
        names = some([task.id for task in tasks])
        if tree and archive.unpacked(tree):
            yield f"{archive.name} was unpacked and gave nothing to {names}"
        elif tree and not archive.missing(tree):
            yield f"{archive.name} lies there and is not unpacked, for {names}: {command('unpack', tasks)}"
        elif archive in DOCUMENTS:
            yield f"pages of {names} are nowhere, their row repositories have them: {command('fetch', tasks)}"
        else:
            size = f"{archive.about_bytes / 1e9:.1f} GB" if archive.about_bytes else "of unknown size"
            both = f"{command('fetch', tasks)} && {command('unpack', tasks)}"
            yield f"{archive.name} ({size}) is not there, for {names}: {both}"
