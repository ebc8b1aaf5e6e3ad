"""Small repositories in the layout of ViDoRe V3, and a model that is a table of vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rzen_eval.core import Item, MultiVectors, Side, Vectors
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


@dataclass
class Table:
    """A model whose vectors are given, in the order of a task's queries and candidates."""

    queries: Sequence[Any]
    candidates: Sequence[Any]
    similarity: str = "cosine"
    seen: dict[Side, list[Item]] = field(default_factory=dict)
    """What it was asked to embed."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors | MultiVectors:
        self.seen[side] = list(items)
        vectors = self.queries if side is Side.QUERY else self.candidates
        assert len(vectors) == len(items)
        if np.ndim(vectors[0]) == 2:
            return MultiVectors.of([np.asarray(part, dtype=np.float32) for part in vectors])
        return np.asarray(vectors, dtype=np.float32)
