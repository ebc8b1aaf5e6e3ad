"""What lies beside a result: rankings and scores of its single queries."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import BeforeValidator, model_validator

from rzen_eval.core import QueryScores, Run
from rzen_eval.errors import ResultError
from rzen_eval.files import read_whole
from rzen_eval.results.json_file import Part, parsed_as, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from rzen_eval.core import Result

Id = Annotated[str, BeforeValidator(lambda found: str(found) if isinstance(found, int) else found)]


class Ranked(Part):
    """A line of rankings."""

    query: Id
    candidates: list[str]
    """Ids, best first."""
    scores: list[float]
    """Of each candidate."""

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if len(self.candidates) != len(self.scores):
            raise ValueError(
                f"expected a score for each of {len(self.candidates)} candidates, found {len(self.scores)}"
            )
        return self


class Columns(Part):
    """Scores of single queries."""

    query: list[Id]
    score: list[float]
    """Official reading."""
    exact: list[float]
    """Textbook reading."""

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if not len(self.query) == len(self.score) == len(self.exact):
            raise ValueError(
                f"expected columns of one length, found {len(self.query)}, {len(self.score)}, {len(self.exact)}"
            )
        return self


BESIDE = {"runs": ".jsonl.gz", "queries": ".json.gz"}
"""Kinds of files, each in a folder of its name, and how they end."""


def packed(run: Run, queries: QueryScores | None) -> Mapping[str, bytes]:
    """The files of a result, by kind."""
    contents = {"runs": _lines(run)} | ({"queries": [_columns(queries)]} if queries else {})
    return {kind: _gzipped(lines) for kind, lines in contents.items()}


def _gzipped(lines: Iterable[str]) -> bytes:
    """A gzip file without a time; rankings are many times as long before as after."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(line.encode()) for line in lines), packer.flush()])


def _lines(run: Run) -> Iterator[str]:
    for query, ranked in run.ranking.items():
        scores = [round(float(s), 7) for s in run.scores[query]]
        yield json.dumps({"query": query, "candidates": list(ranked), "scores": scores}) + "\n"


def _columns(queries: QueryScores) -> str:
    columns = {"query": list(queries.query_ids), "score": queries.score.tolist(), "exact": queries.exact.tolist()}
    return json.dumps(columns) + "\n"


def place(folder: Path, task_id: str, kind: str) -> Path:
    """Where a file lies, in a model's folder of results."""
    return folder / kind / f"{task_id}{BESIDE[kind]}"


def digest(content: bytes) -> str:
    """What tells a file from one of another result."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def read_run(folder: Path, task_id: str) -> Run | None:
    """Rankings that were written beside a result.

    Args:
        folder: a model's folder of results.
        task_id: of the task.

    Returns:
        The rankings, or None where none were kept: results of other evaluators have none.

    Raises:
        ResultError: the file is damaged.
    """
    file = place(folder, task_id, "runs")
    if not file.is_file():
        return None
    again = "remove it and score the task again"
    lines = unpacked(file, again).splitlines()
    ranked = [parsed_as(file, Ranked, line, again) for line in lines]
    return Run({one.query: one.candidates for one in ranked}, {one.query: one.scores for one in ranked})


def read_queries(folder: Path, result: Result) -> QueryScores | None:
    """Read the scores of a result's single queries, in the order of their ids.

    Returns:
        The scores, or None where none were kept: results of other evaluators have none.

    Raises:
        ResultError: the file is damaged, or belongs to another result.
    """
    file = place(folder, result.id, "queries")
    if not file.is_file():
        return None
    remedy = f"remove {result.id}.json and score the task again", "cannot be read"
    content = parsed_as(file, Columns, unpacked(file, *remedy), *remedy)
    order = np.argsort(content.query, kind="stable")
    score, exact = np.array(content.score, dtype=np.float64), np.array(content.exact, dtype=np.float64)
    found = QueryScores([content.query[place] for place in order], score[order], exact[order])
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
        file = place(folder, result.id, kind)
        try:
            content = read_whole(file)
        except OSError as error:
            return f"{file} cannot be read ({error.strerror})"
        if not isinstance(digests, dict) or digests.get(kind) != digest(content):
            return f"{file} is cut short or of another result"
    try:
        read_queries(folder, result)
    except ResultError as error:
        return str(error)
    return None
