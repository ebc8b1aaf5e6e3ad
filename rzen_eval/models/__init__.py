"""Models: declarations, and one class an architecture that reads them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.models.declaration.local import Declared
    from rzen_eval.models.interface import Model, Pairwise

FAMILIES = {
    "qwen2_vl": "rzen_eval.models.families.qwen2_vl:Qwen2VL",
    "qwen2_5_vl": "rzen_eval.models.families.qwen2_5_vl:Qwen25VL",
    "colpali": "rzen_eval.models.families.colpali:ColPali",
    "colqwen2": "rzen_eval.models.families.colqwen:ColQwen2",
    "colqwen2_5": "rzen_eval.models.families.colqwen:ColQwen25",
    "colqwen3": "rzen_eval.models.families.colqwen:ColQwen3",
    "colqwen3_5": "rzen_eval.models.families.colqwen:ColQwen35",
    "jina_embeddings_v4": "rzen_eval.models.families.jina_embeddings:JinaEmbeddingsV4",
    "jina_embeddings_v4_multivector": "rzen_eval.models.families.jina_embeddings:JinaEmbeddingsV4MultiVector",
    "llava_onevision": "rzen_eval.models.families.llava_onevision:LlavaOnevision",
    "qwen3_vl": "rzen_eval.models.families.qwen3_vl:Qwen3VL",
    "qwen3_5": "rzen_eval.models.families.qwen3_5:Qwen35",
    "nemotron_colembed": "rzen_eval.models.families.nemotron_colembed:NemotronColEmbed",
    "qwen2_5_omni": "rzen_eval.models.families.qwen2_5_omni:Qwen25Omni",
    "nv_omni_embed": "rzen_eval.models.families.qwen2_5_omni:NVOmniEmbed",
}
"""Module and class of each architecture that runs here, imported when one is opened; the class says what it needs."""
CLASSES = FAMILIES | {
    "python": "rzen_eval.models.external.python_class:PythonClass",
    "sentence_transformers": "rzen_eval.models.external.sentence_transformers:SentenceTransformers",
    "api": "rzen_eval.models.external.api:Api",
    "openai": "rzen_eval.models.external.openai:OpenAI",
}
"""The same of every family."""
RERANKERS = {
    "qwen3_vl_reranker": "rzen_eval.models.rerankers.yes_no:Qwen3VLReranker",
    "qwen2_vl_reranker": "rzen_eval.models.rerankers.yes_no:Qwen2VLReranker",
    "python_reranker": "rzen_eval.models.rerankers.python_class:PythonReranker",
    "cross_encoder": "rzen_eval.models.rerankers.cross_encoder:CrossEncoderReranker",
    "rerank_endpoint": "rzen_eval.models.rerankers.endpoint:RerankEndpoint",
}
"""The same of every family that scores a query with a candidate."""


def class_of(family: str) -> Any:
    """The class that loads a family."""
    module, _, name = (CLASSES | RERANKERS)[family].partition(":")
    return getattr(import_module(module), name)


def open_reranker(spec: Declared, cache_dir: Path) -> Pairwise:
    """As `open_model`, of a model that scores pairs."""
    opened: Pairwise = class_of(spec.family)(spec, cache_dir)
    return opened


def open_model(spec: Declared, cache_dir: Path) -> Model:
    """A declared model with its files found and its settings resolved; weights load with the first batch.

    Raises:
        ModelError: the checkpoint is not there or is not what the declaration says.
    """
    opened: Model = class_of(spec.family)(spec, cache_dir)
    return opened
