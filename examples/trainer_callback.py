"""Scores of a suite at steps of transformers' Trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from rzen_eval import evaluate_suite, model_from

if TYPE_CHECKING:
    from collections.abc import Callable


class SuiteCallback(TrainerCallback):
    """Scores whenever the Trainer evaluates, so that `metric_for_best_model="eval_mmeb_overall"` chooses by it.

    Every rank calls it, and each embeds its share.

    Args:
        processor: of the model.
        declaration: a model of `conf/model` that is used in the same way.
        suite: what `task=` takes.
        log: given the numbers and the step, such as `lambda numbers, step: trackio.log(numbers, step=step)`.
        settings: further settings, such as `limit=100` and `data="mirror"`.
    """

    def __init__(
        self,
        processor: Any,
        declaration: str,
        suite: str = "visdoc",
        log: Callable[[dict[str, float], int], object] | None = None,
        **settings: Any,
    ) -> None:
        self._processor, self._declaration, self._suite = processor, declaration, suite
        self._log, self._settings = log, settings

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002 - the Trainer's
        """Add scores to the Trainer's own metrics."""
        model = model_from(given["model"], self._processor, declaration=self._declaration)
        numbers = evaluate_suite(model, self._suite, **self._settings).to_dict("eval_mmeb_")
        given["metrics"].update(numbers)
        if state.is_world_process_zero:
            state.log_history.append({"step": state.global_step, **numbers})
            if self._log is not None:
                self._log(numbers, state.global_step)
