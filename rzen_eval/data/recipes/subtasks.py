"""Subtasks of a memory task: folders with queries and judgements, over a corpus beside or above them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rzen_eval.data.recipes.repeated import original
from rzen_eval.data.row_files import below
from rzen_eval.data.tree_rows import fields, name_of
from rzen_eval.errors import DataError
from rzen_eval.files import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.data.tree_rows import TreeRows

QUERIES = ("queries.jsonl", "query.jsonl", "queries.parquet", "query.parquet")
JUDGEMENTS = ("qrels.tsv", "qrels.jsonl", "qrels.parquet", "qrels/test.jsonl", "qrels/test.parquet")
CORPORA = ("corpus.jsonl", "corpus.parquet", "documents.jsonl", "documents.parquet")
CANDIDATES = ("candidates.jsonl", "candidates.parquet", "query_candidates.jsonl", "query_candidates.parquet")
SCENE = ("scene_id", "_id", "id", "qid", "query_id", "query-id")
LISTED = ("candidate_doc_ids", "candidate_ids", "candidates", "doc_ids")
INSTRUCTIONS = "memory-tasks/task_instructions.json"


@dataclass(frozen=True, slots=True)
class Part:
    """One subtask; a task that has none is one itself."""

    folder: str
    """Relative to the task's folder."""
    queries: str
    corpus: str
    judgements: str | None
    prefix: str = ""
    """Of its queries' ids."""
    corpus_prefix: str = ""
    """Of its documents' ids."""
    instruction: str | None = None
    """None: the task's own."""


def find(files: TreeRows, folder: str) -> list[Part]:
    """Subtasks in a task's folder, in the order of their folders' names.

    A folder without judgements, or without a corpus in it or above it, is left out, with a warning. The instruction is
    that of the folder's name, or of the task's where it has one only.

    Raises:
        DataError: there is none.
    """
    place = files.place_of(folder)
    if place is None:
        files.file(f"{folder}/{QUERIES[0]}")
    root = Path(place or ".").resolve()
    parts: list[Part] = []
    # Folders that are links are looked into, since people link disks.
    there = sorted(below(root), key=lambda one: one.relative_to(root).parts)
    for name in QUERIES:
        for file in (one for one in there if one.name == name):
            inside = file.parent.relative_to(root).as_posix()
            inside = "" if inside == "." else inside
            judged = next((one for one in JUDGEMENTS if (file.parent / one).is_file()), None)
            corpus = _corpus(root, inside)
            if judged is None or corpus is None:
                lacking = "judgements" if judged is None else "corpus, and no folder above it has one,"
                files.odd.append(f"{files.task.id}: {inside or folder} has no {lacking} and is left out")
            else:
                parts.append(_part(files, folder, inside, corpus, (name, judged)))
    if not parts:
        raise DataError(
            f"{files.task.id}: no folder in {root} has queries, judgements and a corpus; get the archive again"
        )
    return parts


def _corpus(root: Path, inside: str) -> PurePosixPath | None:
    """The corpus of a subtask's folder, or of the nearest above it."""
    here = PurePosixPath(inside)
    above = [here, *here.parents] if inside else [here]
    return next((one / name for one in above for name in CORPORA if (root / one / name).is_file()), None)


def _part(files: TreeRows, folder: str, inside: str, corpus: PurePosixPath, names: tuple[str, str]) -> Part:
    beside = corpus.parent.as_posix()
    queries, judged = (str(PurePosixPath(folder, inside, name)) for name in names)
    return Part(
        inside,
        queries,
        f"{folder}/{corpus}",
        judged,
        prefix=f"{inside}::" if inside else "",
        corpus_prefix=f"{beside}::" if beside != "." else "",
        instruction=_instruction(files, folder, inside),
    )


def _instruction(files: TreeRows, folder: str, inside: str) -> str | None:
    task, subtask = PurePosixPath(folder).name, PurePosixPath(inside).name
    place = files.place_of(INSTRUCTIONS)
    told: Mapping[str, Any] = {}
    if place is not None:
        files.files[INSTRUCTIONS] = place
        told = _instructions(place).get(task, {})
    alone = next(iter(told.values())) if len(told) == 1 and not inside else None
    found = next((told[name] for name in (subtask, task) if name in told), alone)
    if found is None:
        files.odd.append(f"{files.task.id}: {inside or folder} has no instruction in {INSTRUCTIONS}")
    elif not isinstance(found, str):
        whose = f"of {task}, {subtask}" if subtask else f"of {task}"
        raise DataError(f"{files.task.id}: {INSTRUCTIONS}: the instruction {whose} is {found!r:.60}; expected a text")
    return found


def _instructions(file: Path) -> Mapping[str, Any]:
    try:
        said = read_json(file)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read ({error}); get the archive again") from error
    return {name: told for name, told in said.items() if isinstance(told, dict)} if isinstance(said, dict) else {}


def pools(
    files: TreeRows, parts: Sequence[Part], query_ids: Sequence[str], ids: Mapping[str, object]
) -> dict[str, Sequence[str]]:
    """Candidates of each query as a file beside its queries lists them, each of them once.

    Where one query has none, all queries are ranked against the whole corpus, as WeMM's copy of the evaluator does,
    with a warning.
    """
    found: dict[str, Sequence[str]] = {}
    strange: set[str] = set()
    for part in parts:
        beside = (str(PurePosixPath(part.queries).with_name(name)) for name in CANDIDATES)
        path = next((one for one in beside if files.place_of(one)), None)
        for number, row in enumerate(files.rows(path) if path else ()):
            place, named = f"{files.task.id}: {path}: row {number}", fields(row, LISTED)
            scene = name_of(fields(row, SCENE), place)
            if not named or scene is None:
                continue
            if not isinstance(named, list):
                raise DataError(f"{place}: candidates are {named!r:.60}; expected a list of ids")
            listed = [f"{part.corpus_prefix}{name_of(one, place)}" for one in named]
            strange.update(name for name in listed if name not in ids)
            found[f"{part.prefix}{scene}"] = [name for name in dict.fromkeys(listed) if name in ids]
    if strange:
        odd = f"{len(strange)} candidates of queries are not in the corpus and are left out, {min(strange)!r} first"
        files.odd.append(f"{files.task.id}: {odd}")
    found = {name: found.get(original(name), ()) for name in query_ids}
    if lacking := [name for name in query_ids if not found[name]]:
        every = list(ids)
        odd = f"{len(lacking)} of {len(query_ids)} queries have no candidates of their own; all are ranked against all"
        files.odd.append(f"{files.task.id}: {odd}")
        found = {name: every for name in query_ids}  # noqa: C420 - one list for all, which nobody changes
    return found
