"""Small repositories in the layout of ViDoRe V3, and a model that is a table of vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rzen_eval.core import Item, Side, Task, Vectors
from rzen_eval.data.load import load
from rzen_eval.engine.embed import Embedded
from rzen_eval.engine.spent import Spent
from rzen_eval.evaluation.score import Scored, finish
from rzen_eval.ranking.multivectors import as_vectors
from tests.toys import write_tables

LANGUAGES = ("french", "spanish", "english", "german", "italian", "portuguese")
"""In mteb's order."""
REPO = "vidore/vidore_v3_hr_mteb_format"
REPO_WITH_TEXT = "mteb/Vidore3HrOCRRetrieval"
Judgement = tuple[str, str, int]


def write(
    root: Path,
    pages: Mapping[str, bytes],
    queries: Mapping[str, Mapping[str, str]],
    judgements: Sequence[Judgement],
    *,
    texts: Sequence[str] | None = None,
    corpora: Sequence[str] = ("english",),
) -> Path:
    """A repository as `hf download` leaves it.

    Args:
        root: of the mirror.
        pages: encoded images by id.
        queries: by language, texts by id.
        judgements: of all languages.
        texts: of the pages; without them the repository is one of the first version.
        corpora: languages that have the pages; the harness reads one corpus, mteb each.
    """
    corpus: dict[str, list[Any]] = {
        "image": [{"bytes": content, "path": None} for content in pages.values()],
        "id": list(pages),
    }
    if texts is not None:
        corpus["text"] = list(texts)
    columns = zip(*judgements, strict=True)
    tables = {f"{language}-corpus": corpus for language in corpora}
    for language, asked in queries.items():
        tables[f"{language}-queries"] = {
            "language": [language] * len(asked),
            "id": list(asked),
            "text": list(asked.values()),
        }
        tables[f"{language}-qrels"] = dict(zip(("query-id", "corpus-id", "score"), columns, strict=True))
        columns = zip(*judgements, strict=True)
    folder = root / (REPO if texts is None else REPO_WITH_TEXT)
    return write_tables(folder, tables, {f"{language}-corpus" for language in corpora})


@dataclass(frozen=True)
class Table:
    """Vectors that are given, in the order of a task's queries and candidates."""

    queries: Sequence[Any]
    candidates: Sequence[Any]
    similarity: str = "cosine"

    def scored(self, task: Task) -> Scored:
        """What a task makes of them."""
        loaded = load(task)
        sides = (
            Embedded(as_vectors([np.asarray(row, dtype=np.float32) for row in given], len(ids)), None, Spent())
            for given, ids in ((self.queries, loaded.data.query_ids), (self.candidates, loaded.data.candidate_ids))
        )
        return finish(loaded, self, *sides, tokens_per_batch=8192)

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        """Nobody asks: the vectors are there."""
        raise NotImplementedError
