"""The package as seen from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.config import compose
from rzen_eval.core import Item, Side
from rzen_eval.data.load import load_data
from rzen_eval.engine.peers import Peers
from rzen_eval.engine.settings import Runtime
from rzen_eval.errors import ConfigError
from rzen_eval.evaluation.arguments import check_embedder, check_runtime
from rzen_eval.evaluation.score import evaluate
from rzen_eval.evaluation.suite import model_name, score_suite
from rzen_eval.evaluation.suite_result import SuiteResult
from rzen_eval.evaluation.tracking import track
from rzen_eval.models import open_model, open_reranker
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.ranking.metrics import score_run

if TYPE_CHECKING:
    from rzen_eval.core import Embedder, Reranker, Task
    from rzen_eval.models.interface import Model

__all__ = [
    "Item",
    "Side",
    "SuiteResult",
    "evaluate",
    "evaluate_suite",
    "load_data",
    "load_model",
    "load_reranker",
    "load_task",
    "model_from",
    "score_run",
]


def load_model(name: str, *overrides: str, **settings: Any) -> Model:
    """Load a declared model.

    Args:
        name: file name in `conf/model`, such as `rzenembed_v2_7b`.
        overrides: settings of the declaration, such as `checkpoint=/models/rzen`, `dtype=bf16`, `device=cpu`.
        settings: the same as keywords: `device="cpu"`.

    Returns:
        The model, with `embed(items, side)`.

    Raises:
        ConfigError: no such model or setting.
        ModelError: the checkpoint cannot be found or loaded, or not all of its weights are used.
    """
    words = _words("load_model", name, overrides, settings)
    chosen = compose.load([f"model={name}", *(_of("model", word) for word in words)], need_tasks=False)
    model = open_model(chosen.model, chosen.cache_dir)
    model.load()
    return model


def model_from(module: Any, processor: Any, *overrides: str, declaration: str, **settings: Any) -> Model:
    """A module of transformers that is in memory as a model, with no checkpoint on disk.

    It computes with the very weights that are there, where they are and in their dtype, so that a call in the middle of
    a training run scores what has been trained by then. Nothing of the module is changed.

    Args:
        module: of the declaration's family, whatever it is wrapped in: a language-model head, adapters of peft, DDP.
        processor: with `tokenizer` and `image_processor`, or a tokenizer alone.
        overrides: settings of the declaration, such as `max_length=2000`.
        declaration: file name in `conf/model` of a model that is used in the same way: its prompt, budgets, positions
            and length hold, its checkpoint is not looked at.
        settings: the same as overrides, as keywords.

    Returns:
        The model, with `embed(items, side)`.

    Raises:
        ConfigError: no such declaration or setting, or it is none of a model that is computed here.
        ModelError: the module is of another family.
    """
    words = _words("model_from", declaration, overrides, settings)
    spec = compose.load([f"model={declaration}", *(_of("model", word) for word in words)], need_tasks=False).model
    if not isinstance(spec, ModelSpec):
        raise ConfigError(
            f"model_from: {declaration} is of family {spec.family}, which transformers does not compute here; an object"
            " with embed(items, side) needs no model_from"
        )
    from rzen_eval.models.families.in_memory import model_of

    return model_of(module, processor, spec)


def load_reranker(name: str, *overrides: str, **settings: Any) -> Reranker:
    """Load a declared reranker.

    Args:
        name: file name in `conf/reranker`, such as `qwen3_vl_reranker_2b`.
        overrides: settings of the declaration, such as `checkpoint=/models/reranker`, `dtype=bf16`, `device=cpu`.
        settings: the same as keywords: `device="cpu"`.

    Returns:
        The reranker, with `score(query, candidates)`.

    Raises:
        ConfigError: no such reranker or setting.
        ModelError: the checkpoint cannot be found or loaded, or not all of its weights are used.
    """
    words = [_of("reranker", word) for word in _words("load_reranker", name, overrides, settings)]
    chosen = compose.load([f"reranker={name}", *words], need_tasks=False)
    if chosen.reranker is None:
        raise ConfigError(f"reranker={name} is no reranker; expected one of conf/reranker")
    reranker = open_reranker(chosen.reranker, chosen.cache_dir)
    reranker.load()
    return reranker


def load_task(name: str, *overrides: str, **settings: Any) -> Task:
    """A declared task.

    Args:
        name: path in `conf/task`, such as `visdoc/vidore_arxivqa`; the id or the leaderboard's name alone do.
        overrides: as on the command line, such as `data=mirror`, `data.root=/data`, `limit=10`. Without `data` it is
            the made-up sample.
        settings: the same as keywords: `limit=10`.

    Returns:
        The task, which knows where its data are; nothing is loaded.

    Raises:
        ConfigError: no such task or setting, or the name is a suite's.
    """
    tasks = compose.load([f"task={name}", *_words("load_task", name, overrides, settings)]).tasks
    if len(tasks) != 1:
        raise ConfigError(
            f"{name!r} is a suite of {len(tasks)} tasks; load_task takes one, such as {next(iter(tasks))!r},"
            " and evaluate_suite all of them"
        )
    return next(iter(tasks.values()))


def evaluate_suite(
    model: Embedder,
    suite: str | Sequence[str] = "mmeb_v2",
    *overrides: str,
    runtime: Runtime | None = None,
    results_dir: str | Path | None = None,
    **settings: Any,
) -> SuiteResult:
    """Score a model on a suite in this process, in the middle of a training run, say.

    The mode, dtype, gradients and random numbers of the model and of the process are left as they were, and nothing is
    written unless `results_dir` is given. Where `torch.distributed` is set up every process calls it: each embeds its
    share with its own copy of the whole model, the first scores, and all get the result.

    Args:
        model: anything with `embed(items, side)`, see `evaluate`; of a module of transformers see `model_from`.
        suite: what `task=` takes: a suite, a task, or several.
        overrides: as on the command line, such as `data=mirror`, `data.root=/data`.
        runtime: how to embed; by default all in this process and without a word.
        results_dir: where ordinary result files are written, in a folder of the model's name.
        settings: the same as overrides, as keywords: `limit=100`, `track="trackio"`.

    Returns:
        `.overall`, `.groups`, `.tasks`, `.failed`, `.to_dict()`.

    Raises:
        ConfigError: no such suite or setting, or the model is none.
        RzenEvalError: every task failed; the first one's error.
    """
    check_embedder("evaluate_suite(model, suite)", model)
    check_runtime("evaluate_suite(model, suite)", runtime)
    if not isinstance(suite, str) and not (isinstance(suite, Sequence) and all(isinstance(one, str) for one in suite)):
        raise ConfigError(f"evaluate_suite(model, suite): expected the name of a suite, or a list, found {suite!r:.60}")
    if not isinstance(results_dir, str | Path | None):
        raise ConfigError(f"evaluate_suite(results_dir=...): expected a folder, found {results_dir!r:.60}")
    names = suite if isinstance(suite, str) else ",".join(suite)
    chosen = f"task={names}" if isinstance(suite, str) else f"task=[{names}]"
    words = _words("evaluate_suite", names, overrides, settings)
    for word in words:
        if word.partition("=")[0].partition(".")[0] in {"model", "runtime", "results_dir"}:
            raise ConfigError(f"evaluate_suite: {word!r} is not taken; the model, runtime= and results_dir= are given")
    config = compose.load([chosen, *words])
    folder = Path(results_dir).expanduser().absolute() if results_dir is not None else None
    found = score_suite(names, config.tasks, model, runtime or Runtime(workers=0, progress="quiet"), folder)
    if Peers.here().first:
        track(config, found, model_name(model), folder and folder / model_name(model))
    return found


def _of(group: str, word: str) -> str:
    """A setting of a declaration as the command line takes it."""
    return word if word.startswith((f"{group}.", "cache_dir=")) else f"{group}.{word}"


def _words(what: str, name: object, overrides: Sequence[object], settings: Mapping[str, Any]) -> list[str]:
    """Words of the command line.

    Raises:
        ConfigError: a name or an override is no text.
    """
    for given in (name, *overrides):
        if not isinstance(given, str):
            raise ConfigError(
                f"{what}: expected names and settings as text, found {type(given).__name__}: {given!r:.60}"
            )
    return [*map(str, overrides), *(f"{key}={_spelled(value)}" for key, value in settings.items())]


def _spelled(value: Any) -> str:
    """A value as the command line takes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}: {_spelled(one)}' for key, one in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(_spelled, value))}]"
    return str(value)
