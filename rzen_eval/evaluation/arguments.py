"""What people give from Python: checked at the door, and what comes out says what it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from rzen_eval.core import Task
from rzen_eval.engine.settings import Runtime
from rzen_eval.errors import ConfigError, first_fault

if TYPE_CHECKING:
    from rzen_eval.core import Result

SAMPLE = "made-up sample, not the benchmark: a score of it shows that the harness works and says nothing of a model"


def told_of_sample(result: Result) -> Result:
    """The same; of the made-up sample with a warning that says so."""
    if result.source != "sample":
        return result
    hint = '; load_task(NAME, "data=mirror", "data.root=DIR") reads the benchmark'
    return result.model_copy(update={"warnings": [SAMPLE + hint, *result.warnings]})


def check(task: object, model: object) -> None:
    """Name what is no task or no model, and what it may be."""
    if not isinstance(task, Task):
        swapped = " (task and model are swapped)" if isinstance(model, Task) else ""
        hint = f"; load_task({task!r}) loads one, evaluate_suite takes names" if isinstance(task, str) else ""
        raise ConfigError(f"evaluate(task, model): expected a Task, found {type(task).__name__}{swapped}{hint}")
    check_embedder("evaluate(task, model)", model)


def check_embedder(what: str, model: object) -> None:
    """See that a model has `embed(items, side)`.

    Args:
        what: was called, for the message.
        model: that it was given.

    Raises:
        ConfigError: it has not; the message says how to get one that has.
    """
    if callable(getattr(model, "embed", None)) and not isinstance(model, type):
        return
    found = f"the class {model.__qualname__}, no object of it" if isinstance(model, type) else type(model).__name__
    hints = {
        isinstance(model, str): f"; load_model({model!r}) loads a declared one",
        hasattr(model, "named_parameters"): "; model_from(module, processor, declaration=NAME) makes one of a module",
    }
    hint = next((text for holds, text in hints.items() if holds), "")
    raise ConfigError(f"{what}: expected an object with embed(items, side), found {found}{hint}")


def check_runtime(what: str, runtime: object) -> None:
    """See that how to embed is said by a `Runtime`, or not at all.

    Args:
        what: was called, for the message.
        runtime: that it was given.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(runtime, Runtime | None):
        raise ConfigError(f"{what}: expected runtime=Runtime(...), found {type(runtime).__name__}")


def limited(task: Task, limit: int | str) -> Task:
    """The same task with fewer queries."""
    try:
        return Task.model_validate({**task.model_dump(), "limit": limit})
    except ValidationError as error:
        raise ConfigError(f"evaluate(limit={limit!r}): {first_fault(error)[1]}") from error
