"""`rzen-eval failures`: the queries that a model got wrong, in the terminal."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.cli import scored_data
from rzen_eval.cli.terminal import add_format, show, texts
from rzen_eval.cli.values import whole
from rzen_eval.errors import RzenEvalError, reason, some

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.core import Item, Result, Task, TaskData
    from rzen_eval.results.report.judged_run import Judged
    from rzen_eval.results.store import ModelResults

MANY = 10
"""Queries of a task that are listed by default."""
TEXT = 60
"""Characters of a text."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "List the queries that a model got wrong, the worst first: what was asked, the right answer and its place, and"
        " what came first. Queries are read where the result says that its data were; data.root=DIR says where they are"
        " now."
    )
    parser.add_argument("model", metavar="RESULTS/MODEL", help="one model: its folder, or its name in ./results")
    parser.add_argument("-n", type=whole(1, 10**6), default=MANY, metavar="N", help=f"of each task, default {MANY}")
    add_format(parser)
    parser.examples = ["rzen-eval failures results/mini task=vidore_arxivqa", "rzen-eval failures results/mini -n 3"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """List wrong queries.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.results import store
    from rzen_eval.results.tables.document import Document, Part, Table

    model = store.one_model(chosen.model, Path("results"))
    composed, tasks = scored_data.tasks_of([model], settings, places)
    given = any(word.startswith("data") for word in settings)
    rows, notes, tables, flawless = [], [], [], []
    for task_id in tasks:
        found, said = _task(model, scored_data.placed([model], task_id, composed, given=given), task_id, chosen.n)
        rows += found
        if found:
            tables.append(Table.of([texts(row, without=["task"]) for row in found], said))
        elif said:
            notes.append(said)
        else:
            flawless.append(task_id)
    if flawless:
        notes.append(f"No query has another answer first in {some(flawless)}")
    report = shlex.join(["rzen-eval", "report", str(model.folder), *settings])
    notes.append(f"Everything, with pictures: {report}; an address there is report.html#/TASK/NUMBER")
    parts = [*(Part(tables=[table]) for table in tables), Part(paragraphs=notes)]
    show(Document(parts, rows, {"failures": rows}), chosen.format)
    return 0


def _task(model: ModelResults, task: Task | str, task_id: str, n: int) -> tuple[list[dict[str, Any]], str]:
    """Rows of a task's wrong queries, the worst first, and what is to be said: how many, or why none can be shown."""
    from rzen_eval.data.load import load_data
    from rzen_eval.results.per_query import read_run
    from rzen_eval.results.report.judged_run import judge

    result, run = model.results[task_id], read_run(model.folder, task_id)
    if run is None:
        return [], f"{task_id}: there are no rankings beside the result"
    if isinstance(task, str):
        return [], f"{task_id}: {task}"
    try:
        source = task.source.model_copy(update={"strict": False})
        data = load_data(
            task.model_copy(update={"limit": result.limit, "frames": _frames(result, task), "source": source})
        )
    except (RzenEvalError, OSError) as error:
        return [], f"{task_id}: {reason(error, 1000).removeprefix(f'{task_id}: ')}"
    judged = judge(result, run, data)
    if isinstance(judged, str):
        return [], f"{task_id}: the data that were found have {judged}"
    wrong = [place for place in range(len(data.query_ids)) if judged.missed(place)]
    if not wrong:
        return [], ""
    wrong.sort(key=lambda place: -2.0 if (margin := judged.margins[place]) is None else margin)
    said = f"{task_id}: {len(wrong)} of {len(data.query_ids)} queries have another answer first"
    more = f"; the worst {n}, -n {len(wrong)} lists all" if len(wrong) > n else ""
    return list(_rows(task_id, data, judged, wrong[:n])), f"{said}{more}"


def _frames(result: Result, task: Task) -> int:
    frames: int = result.provenance.get("frames") or task.frames
    return frames


def _rows(task_id: str, data: TaskData, judged: Judged, places: Sequence[int]) -> Iterator[dict[str, Any]]:
    where = {name: place for place, name in enumerate(data.candidate_ids)}

    def shown(name: str | None) -> str:
        return "-" if name is None or name not in where else _words(data.candidates[where[name]], name)

    for place in places:
        grades = data.qrels[data.query_ids[place]]
        right = next((name for name, grade in grades.items() if grade > 0), None)
        rank = judged.ranks[place]
        yield {
            "task": task_id,
            "number": place,
            "asked": _words(data.queries[place], ""),
            "right": shown(right),
            "place": "beyond 100" if rank is None else str(rank),
            "first": shown(next(iter(judged.top[place]), None)),
        }


def _words(item: Item, name: str) -> str:
    """What an item says; of one that shows something and says nothing, what that is and the file's name."""
    shown = "(pictures)" if len(item.images) > 1 else "(picture)" if item.images else "(video)" if item.frames else ""
    name = name.rstrip("/: ").rpartition("/")[2] if shown else name
    text = " ".join((item.text or f"{name} {shown}").split())
    return text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"
