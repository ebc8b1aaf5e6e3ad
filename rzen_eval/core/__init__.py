"""The nouns of the benchmark."""

from __future__ import annotations

from rzen_eval.core.items import Embedder, Encoded, Item, Kind, Media, SavedAsJpeg, Side
from rzen_eval.core.pairs import Reranker
from rzen_eval.core.results import Mark, QueryScores, Result, Run
from rzen_eval.core.tasks import Dataset, Frozen, Instruction, Modality, Source, Task, TaskData
from rzen_eval.core.vectors import MultiVectors, Vectors

__all__ = [
    "Dataset",
    "Embedder",
    "Encoded",
    "Frozen",
    "Instruction",
    "Item",
    "Kind",
    "Mark",
    "Media",
    "Modality",
    "MultiVectors",
    "QueryScores",
    "Reranker",
    "Result",
    "Run",
    "SavedAsJpeg",
    "Side",
    "Source",
    "Task",
    "TaskData",
    "Vectors",
]
