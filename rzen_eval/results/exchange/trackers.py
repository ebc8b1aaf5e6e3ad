"""Scores where people look at their training runs: trackio, Weights & Biases, MLflow."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rzen_eval.core import Frozen
from rzen_eval.errors import ConfigError, ResultError, failure

if TYPE_CHECKING:
    from collections.abc import Iterator


class Track(Frozen):
    """A tracker, and what to call things in it (Hydra group `track`)."""

    kind: Literal["trackio", "wandb", "mlflow"]
    project: str = "rzen_eval"
    run: str | None = None
    """None: the model's name."""
    step: int | None = None
    """Of the training run that the weights are of."""
    online: bool = False
    """Send to where the tracker's own settings say; else nothing leaves this machine."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a tracker is told."""

    name: str
    """The model's."""
    numbers: Mapping[str, float]
    """By flat name."""
    config: Mapping[str, Any]
    """What was asked for, and links."""
    files: Sequence[Path] = ()
    """Results, kept as an artefact."""
    folder: Path = field(default_factory=Path)
    """Where a tracker that keeps runs in files puts them, unless it has a place of its own."""


class _Tracker(Protocol):
    def __call__(self, module: Any, track: Track, report: Report) -> None:
        """Tell the run that is under way in this process, or one of its own."""


def need(track: Track) -> Any:
    """The tracker's library, asked for before the work.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module(track.kind)
    except ImportError as error:
        raise ConfigError(f"track={track.kind}: {error}; pip install 'rzen-eval[{track.kind}]'") from error


def tell(track: Track, report: Report) -> None:
    """Log numbers, configuration and files: into the run that is under way in this process, or into one of its own.

    Raises:
        ConfigError: the tracker is not installed.
        ResultError: it fails; results on disk are not touched.
    """
    module = need(track)
    try:
        # What trackers print is not for those who read tables from standard output.
        with contextlib.redirect_stdout(sys.stderr):
            _TRACKERS[track.kind](module, track, report)
    except Exception as error:
        raise ResultError(
            f"track={track.kind}: {failure(error)}; the results are on disk, and the same command logs them again"
        ) from error


def _trackio(module: Any, track: Track, report: Report) -> None:
    with contextlib.ExitStack() as stack:
        if module.context_vars.current_run.get() is None:
            if not track.online:
                stack.enter_context(_unset("TRACKIO_SPACE_ID", "TRACKIO_DATASET_ID", "TRACKIO_SERVER_URL"))
            module.init(
                project=track.project,
                name=track.run or report.name,
                config=dict(report.config),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            stack.callback(module.finish)
        module.log(dict(report.numbers), step=track.step)
        if report.files:
            module.log_artifact(_artefact(module, report))


def _artefact(module: Any, report: Report) -> Any:
    """The result files, as trackio and wandb both take them."""
    artefact = module.Artifact(_plain(f"{report.name}-results"), type="evaluation")
    for file in report.files:
        artefact.add_file(str(file))
    return artefact


def _wandb(module: Any, track: Track, report: Report) -> None:
    run, own = module.run, module.run is None
    if own:
        report.folder.mkdir(parents=True, exist_ok=True)
        run = module.init(
            project=track.project,
            name=track.run or report.name,
            config=dict(report.config),
            mode="online" if track.online else "offline",
            dir=str(report.folder),
            settings=module.Settings(silent=True, console="off", x_disable_stats=True),
        )
    run.log(dict(report.numbers), step=track.step)
    if report.files:
        run.log_artifact(_artefact(module, report))
    if own:
        run.finish()


def _mlflow(module: Any, track: Track, report: Report) -> None:
    with contextlib.ExitStack() as stack:
        if module.active_run() is None:
            if not track.online:
                before = module.get_tracking_uri()
                stack.callback(module.set_tracking_uri, before)
                report.folder.mkdir(parents=True, exist_ok=True)
                module.set_tracking_uri(f"sqlite:///{report.folder}/mlflow.db")
            experiment = module.get_experiment_by_name(track.project)
            place = None if track.online else (report.folder / "mlflow").as_uri()
            number = experiment.experiment_id if experiment else module.create_experiment(track.project, place)
            stack.enter_context(module.start_run(experiment_id=number, run_name=track.run or report.name))
            module.log_params({key: str(value)[:500] for key, value in _flat(report.config).items()})
        named = {re.sub(r"[^\w\-. /:]", "_", key): value for key, value in report.numbers.items()}
        module.log_metrics(named, step=track.step)
        for file in report.files:
            module.log_artifact(str(file), artifact_path="results")


_TRACKERS: dict[str, _Tracker] = {"trackio": _trackio, "wandb": _wandb, "mlflow": _mlflow}


@contextlib.contextmanager
def _unset(*names: str) -> Iterator[None]:
    """Without variables of the environment that say where to send."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _plain(name: str) -> str:
    """A name that an artefact may have."""
    return re.sub(r"[^\w.-]", "_", name)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
