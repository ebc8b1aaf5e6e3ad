"""The nouns of the benchmark."""

from __future__ import annotations

from rzen_eval.core.items import Embedder, Encoded, Item, Kind, Media, SavedAsJpeg, Side, asked_of
from rzen_eval.core.limit import Limit
from rzen_eval.core.pairs import Reranker
from rzen_eval.core.results import Mark, QueryScores, Result, Run, Sampled
from rzen_eval.core.tasks import Characters, Dataset, Frozen, Instruction, Modality, Source, Task, TaskData, Whole
from rzen_eval.core.vectors import MultiVectors, Vectors

__all__ = [
    "Characters",
    "Dataset",
    "Embedder",
    "Encoded",
    "Frozen",
    "Instruction",
    "Item",
    "Kind",
    "Limit",
    "Mark",
    "Media",
    "Modality",
    "MultiVectors",
    "QueryScores",
    "Reranker",
    "Result",
    "Run",
    "Sampled",
    "SavedAsJpeg",
    "Side",
    "Source",
    "Task",
    "TaskData",
    "Vectors",
    "Whole",
    "asked_of",
]
