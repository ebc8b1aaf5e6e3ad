"""The engine that a run asked for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rzen_eval.engine.inline import Inline
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.process_pool import ProcessPool
from rzen_eval.engine.ranks import Ranks
from rzen_eval.engine.ray_pool import RayPool, cluster
from rzen_eval.engine.supervisor import Supervisor
from rzen_eval.engine.worker import WorkerSettings
from rzen_eval.errors import ConfigError
from rzen_eval.models import open_model
from rzen_eval.models.device import share, share_cores
from rzen_eval.models.interface import Metered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rzen_eval.engine.inline import Engine
    from rzen_eval.engine.job import Done, Step
    from rzen_eval.engine.plan import Plan
    from rzen_eval.engine.ranks import Rank
    from rzen_eval.engine.settings import Runtime
    from rzen_eval.engine.vector_store import VectorStore
    from rzen_eval.models.declaration.local import Declared
    from rzen_eval.models.interface import Model, Pairwise


@contextmanager
def opened(
    runtime: Runtime, spec: Declared, model: Model | Pairwise, store: VectorStore, *, rank: Rank, cache_dir: Path
) -> Iterator[Engine]:
    """The engine that a run asked for, its workers not yet started.

    Args:
        runtime: what was asked for.
        spec: the model's declaration, for workers.
        model: the model, for this process; its weights are loaded only where it computes, and when it has something to.
        store: where vectors go.
        rank: place of this process among those that run the same command.
        cache_dir: where digests of weights are kept.

    Raises:
        ConfigError: a pool or cluster inside each of several ranks, or of a model that computes elsewhere.
    """
    if runtime.kind == "inline":
        share_cores(model.device, runtime.loaders())
        with Loader(runtime.loaders(), runtime.timeout) as loader:
            yield _Loading(model, Inline(model, loader) if rank.world == 1 else Ranks(model, loader, rank))
        return
    if rank.world > 1:
        raise ConfigError(
            f"runtime={runtime.kind} starts its own workers, but this is one of {rank.world} ranks;"
            " give runtime=inline, or start one process"
        )
    if isinstance(model, Metered):
        raise ConfigError(
            f"runtime={runtime.kind}: {spec.name} computes elsewhere; give runtime=inline and"
            f" {spec.setting}.concurrency=NUMBER"
        )
    budget = runtime.tokens_per_batch or model.tokens_per_batch
    if runtime.kind == "pool":
        gpus = _gpus(model)
        on_gpu = model.device.type == "cuda"
        size = runtime.models(max(1, gpus) if on_gpu else 0)
        loaders = runtime.loaders(size, gpu=on_gpu)
        open_at = partial(_open, spec, cache_dir, gpus, -(-size // max(1, gpus)))
        yield Supervisor(
            ProcessPool(size, WorkerSettings(open_at, store.folder, store.dtype, budget, loaders, 1)), runtime.timeout
        )
    else:
        there = cluster()
        gpu = there.gpus > 0 and spec.device != "cpu"
        if gpu and model.device.type != "cuda":
            raise ConfigError(
                f"runtime=ray: the cluster has {there.gpus} GPUs and this machine none, so that results would name its"
                f" CPU; start the run on a machine of the cluster with a GPU, or give {spec.setting}.device=cpu"
            )
        size = runtime.processes or (there.gpus if gpu else there.cpus)
        settings = WorkerSettings(
            partial(_open, spec, cache_dir, 0, 1), store.folder, store.dtype, budget, runtime.loaders(size, gpu=gpu), 1
        )
        yield Supervisor(RayPool(size, settings, int(gpu)), runtime.timeout)


@dataclass(frozen=True, slots=True)
class _Loading:
    """Loads the weights before the first window and not in it, so that weights that do not load end the run."""

    model: Model | Pairwise
    engine: Engine

    def run(self, plan: Plan) -> Iterator[Step | Done]:
        """As `Engine`.

        Raises:
            ModelError: the weights cannot be loaded, or the user does not want to pay.
        """
        if plan.order():
            self.model.load()
            if isinstance(self.model, Metered):
                self.model.confirm(unit.item for job in plan.jobs() for unit in job.units)
        yield from self.engine.run(plan)


def _gpus(model: Model | Pairwise) -> int:
    """GPUs to spread workers over; 0: each takes the device that was asked for."""
    import torch

    return torch.cuda.device_count() if model.spec.device == "auto" else 0


def on_device(spec: Declared, gpus: int, place: int) -> Declared:
    """A declaration with the device of a worker."""
    return spec.model_copy(update={"device": f"cuda:{place % gpus}"}) if gpus and spec.device == "auto" else spec


def _open(spec: Declared, cache_dir: Path, gpus: int, sharing: int, place: int) -> Model:
    """In a worker: the model with its weights, and its part of a GPU's memory where several share one."""
    model = open_model(on_device(spec, gpus, place), cache_dir)
    share(model.device, sharing)
    model.load()
    return model
