"""Scores of a suite where Sentence-Transformers looks at its evaluators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentence_transformers.base.evaluation import BaseEvaluator

from rzen_eval import evaluate_suite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval import Item, Side, Vectors


class SuiteEvaluator(BaseEvaluator):
    """An evaluator for `SentenceTransformerTrainer(..., evaluator=...)`, or to be called with a model.

    Args:
        suite: what `task=` takes.
        settings: further settings, such as `limit=100` and `data="mirror"`.
    """

    def __init__(self, suite: str, **settings: Any) -> None:
        super().__init__()
        self.name, self.primary_metric, self.greater_is_better = "mmeb", "mmeb_overall", True
        self._suite, self._settings = suite, settings

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """Scores by name; `mmeb_overall` is the one to choose by. Nothing is written."""
        del output_path
        metrics = evaluate_suite(Encoder(model), self._suite, **self._settings).to_dict("mmeb_")
        self.store_metrics_in_model_card_data(model, metrics, epoch, steps)
        return metrics


class Encoder:
    """A model of Sentence-Transformers that reads texts and images, as the harness asks it."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        """One vector an item, float32."""
        encode = self.model.encode_query if side == "query" else self.model.encode_document
        vectors: Vectors = encode([_input(item) for item in items], show_progress_bar=False)
        return vectors


def _input(item: Item) -> Any:
    """A text, an image, or both; of a video the middle frame."""
    text = " ".join(filter(None, [item.instruction, item.text]))
    pictures = [*item.images, *item.frames[len(item.frames) // 2 :][:1]]
    if not pictures:
        return text
    return {"text": text, "image": pictures[0]} if text else pictures[0]
