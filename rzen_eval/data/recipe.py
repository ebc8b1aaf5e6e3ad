"""A task's recipe: the module that turns its rows into queries, candidates and judgements."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rzen_eval.data.recipes.assemble import options
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from rzen_eval.core import Task
    from rzen_eval.data.recipes.typical import Typical


def recipe(task: Task) -> Any:
    """The module that a task names: of `rzen_eval.data.recipes`, or an import path.

    It has `load(task, repository) -> TaskData`; where it has options, a class `Options` for them; and `typical(task) ->
    Typical` where a run may be reckoned without its data; and
    `reads(file) -> bool` where a repository has files that none of its tasks reads.

    Raises:
        ConfigError: there is no such module, or it has no `load`.
    """
    name = task.recipe if "." in task.recipe else f"rzen_eval.data.recipes.{task.recipe}"
    try:
        module = import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"tasks.{task.id}.recipe: no recipe {task.recipe!r}, which is neither a module of rzen_eval.data.recipes"
            f" nor an import path ({error})"
        ) from error
    if not hasattr(module, "load"):
        raise ConfigError(f"tasks.{task.id}.recipe: {task.recipe!r} has no function load(task, repository)")
    return module


def check_options(task: Task) -> None:
    """Refuse options that a task's recipe does not take; of a recipe without a class `Options` nothing is known.

    Raises:
        ConfigError: there is no such recipe, or an option is unknown, missing or of a wrong type.
    """
    schema = getattr(recipe(task), "Options", None)
    if schema is not None:
        options(task, schema)


def typical(task: Task) -> Typical | None:
    """What a task's items are like, without its data; None where its recipe does not say."""
    says = getattr(recipe(task), "typical", None)
    return says(task) if says else None


def reads(task: Task, file: str) -> bool:
    """Whether a task or one beside it reads a file of its repository; where its recipe does not say, it reads all."""
    says = getattr(recipe(task), "reads", None)
    return bool(says(file)) if says else True
