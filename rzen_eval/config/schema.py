"""What a checked configuration holds."""

from __future__ import annotations

from pydantic import Field

from rzen_eval.benchmark.published import Reference
from rzen_eval.core import Frozen, Limit, Source, Task
from rzen_eval.core.tasks import Place
from rzen_eval.engine.settings import Runtime
from rzen_eval.models.declaration.external import AnySpec
from rzen_eval.models.declaration.reranker import AnyReranker
from rzen_eval.results.exchange.trackers import Track


class RunConfig(Frozen):
    """Everything that a run was asked to do."""

    limit: Limit | None
    frames: int = Field(gt=0)
    results_dir: Place
    cache_dir: Place
    data: Source
    model: AnySpec
    runtime: Runtime
    reference: Reference | None
    reranker: AnyReranker | None = None
    """The second stage of `rzen-eval rerank`; no run has one."""
    track: Track | None = None
    """Where scores are logged too; None: nowhere."""
    tasks: dict[str, Task]
