"""Results on disk."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from rzen_eval.core import Mark, QueryScores, Result, Run
from rzen_eval.errors import ResultError, first_fault
from rzen_eval.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


BESIDE = {"runs": ".jsonl.gz", "queries": ".json.gz"}
"""What lies in folders beside results, and how its files end."""


def write(folder: Path, result: Result, run: Run, queries: QueryScores | None = None) -> Path:
    """Write a result to `<folder>/<id>.json` and its rankings to `<folder>/runs/<id>.jsonl.gz`.

    Scores of single queries go to `<folder>/queries/<id>.json.gz`: lists `query`, `score` and `exact`, of one length.
    Each file appears whole or not at all, and the result last: where it is, the others are too. It notes their
    digests in `provenance.files`.

    Raises:
        ResultError: the folder cannot be written or the disk is full; what was there before is untouched.
    """
    contents = {"runs": _lines(run)} | ({"queries": _columns(queries)} if queries else {})
    packed = {kind: gzip.compress(text.encode(), mtime=0) for kind, text in contents.items()}
    try:
        for kind, content in packed.items():
            write_whole(_beside(folder, result.id, kind), content)
    except OSError as error:
        raise _unwritten(folder, result, error) from error
    digests = {kind: _digest(content) for kind, content in packed.items()}
    return write_alone(folder, result.model_copy(update={"provenance": result.provenance | {"files": digests}}))


def write_alone(folder: Path, result: Result) -> Path:
    """Write a result of which there are no rankings; errors as for `write`."""
    file = folder / f"{result.id}.json"
    try:
        write_whole(file, (result.model_dump_json(indent=2) + "\n").encode())
    except OSError as error:
        raise _unwritten(folder, result, error) from error
    return file


def _unwritten(folder: Path, result: Result, error: OSError) -> ResultError:
    return ResultError(
        f"{result.id}: scored {result.score:.4f} but {folder / result.id}.json cannot be written ({error});"
        " free space or give results_dir=FOLDER, and run again"
    )


def read(file: Path) -> Result:
    """Read a result back.

    Raises:
        ResultError: the file is missing, damaged or of another format.
    """
    try:
        found = Result.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ResultError(f"{file} cannot be read ({error})") from error
    except ValidationError as error:
        where, what = first_fault(error)
        raise ResultError(f"{file}: {where}: {what}; remove it and score the task again") from error
    return found if "marks" in found.model_fields_set else found.model_copy(update={"marks": _marks_by_text(found)})


def _marks_by_text(result: Result) -> tuple[Mark, ...]:
    """Marks of a result that was written before there were any, which its warnings tell."""
    sentences = {Mark.OTHER_DATA: "not the benchmark's data", Mark.COLLAPSED: ": collapsed: "}
    return tuple(mark for mark, sentence in sentences.items() if any(sentence in text for text in result.warnings))


def read_queries(folder: Path, result: Result) -> QueryScores | None:
    """Read the scores of a result's single queries, in the order of their ids.

    Returns:
        The scores, or None where none were kept: results of other evaluators have none.

    Raises:
        ResultError: the file is damaged, or belongs to another result.
    """
    file = _beside(folder, result.id, "queries")
    if not file.is_file():
        return None
    try:
        content = json.loads(gzip.decompress(file.read_bytes()))
        ids = [str(query) for query in content["query"]]
        order = np.argsort(ids, kind="stable")
        score, exact = (np.array(content[name], dtype=np.float64) for name in ("score", "exact"))
        found = QueryScores([ids[place] for place in order], score[order], exact[order])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise ResultError(
            f"{file} cannot be read ({error!r}); remove {result.id}.json and score the task again"
        ) from error
    means = [float(values.mean()) if len(values) == result.n_queries else math.nan for values in (score, exact)]
    if not np.allclose(means, [result.score, result.exact], rtol=0, atol=1e-9):
        raise ResultError(
            f"{file}: expected {result.n_queries} queries with a mean of {result.score:.4f}, found {len(score)} with"
            f" {means[0]:.4f}; it is of another result, so remove {result.id}.json and score the task again"
        )
    return found


def fault(folder: Path, result: Result) -> str | None:
    """What is wrong with a result's rankings or the scores of its queries, in one line; None: nothing.

    They are there, they are the files that were written with this result, and its scores are the means of its queries.
    """
    digests = result.provenance.get("files")
    for kind in BESIDE:
        file = _beside(folder, result.id, kind)
        try:
            content = file.read_bytes()
        except OSError as error:
            return f"{file} cannot be read ({error.strerror})"
        if not isinstance(digests, dict) or digests.get(kind) != _digest(content):
            return f"{file} is cut short or of another result"
    try:
        read_queries(folder, result)
    except ResultError as error:
        return str(error)
    return None


def _lines(run: Run) -> str:
    rows: Iterable[dict[str, object]] = (
        {"query": query, "candidates": list(ranked), "scores": [round(float(s), 7) for s in run.scores[query]]}
        for query, ranked in run.ranking.items()
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def _beside(folder: Path, name: str, kind: str) -> Path:
    return folder / kind / f"{name}{BESIDE[kind]}"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _columns(queries: QueryScores) -> str:
    columns = {"query": list(queries.query_ids), "score": queries.score.tolist(), "exact": queries.exact.tolist()}
    return json.dumps(columns) + "\n"
