"""What a tracker is told of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.results.exchange.trackers import Report, tell

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.evaluation.suite_result import SuiteResult

SECRET = {"headers"}
"""Settings of a model that may hold what is not for others."""
LONG = {"architecture", "prompt"}


def track(config: RunConfig, scores: SuiteResult, name: str, folder: Path | None) -> None:
    """Tell the tracker that a run was asked to tell, if any.

    Args:
        config: of the run.
        scores: its scores.
        name: of the model.
        folder: of its results; None: they are not on disk.

    Raises:
        ConfigError: the tracker is not installed.
        ResultError: the tracker fails.
    """
    if config.track is None:
        return
    places = [folder / f"{task}.json" for task in scores.tasks] if folder else []
    links = {"report": str(folder / "report.html")} if folder and (folder / "report.html").is_file() else {}
    asked: dict[str, Any] = {
        "suite": scores.suite,
        "tasks": len(scores.groups_of),
        "limit": None if config.limit is None else str(config.limit),
        "frames": config.frames,
        "data": config.data.kind,
        "made_up": config.data.kind == "sample",
        "model": name,
        "results": str(folder) if folder else None,
        **links,
    }
    if folder is not None:
        asked["settings"] = config.model.model_dump(mode="json", by_alias=True, exclude=SECRET | LONG)
    tell(config.track, Report(name, scores.to_dict(), asked, places, folder or config.results_dir))
