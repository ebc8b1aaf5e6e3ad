"""Where a number comes from."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rzen_eval.core import Task

PACKAGE = Path(__file__).parents[1]
"""The folder of this package's code."""
LIBRARIES = ("datasets", "decord", "flash_attn", "numpy", "peft", "pillow", "tokenizers", "torch", "transformers")
"""Those that can move a score; some are extras, and may not be there."""
LABELS = frozenset({"name", "license", "revision", "parameters_b", "checkpoint"})
"""What a model says of itself that changes no vector: its weights are known by their contents, not by their place."""


@cache
def software() -> dict[str, str]:
    """Versions of this package and of the libraries that can move a score, and a hash of this package's code."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.is_relative_to(PACKAGE / "sample"):
            continue
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    versions = {name: found for name in LIBRARIES if (found := _version(name))}
    return {"rzen_eval": __version__, "code": digest.hexdigest()[:16], **versions}


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


@cache
def machine() -> dict[str, Any]:
    """The computer, and the commit of the checkout that the code ran from; none for an installed package."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "git_commit": _commit(PACKAGE.parent),
    }


def _commit(checkout: Path) -> str | None:
    """The commit of this package's own checkout, never that of a repository that it happens to be installed in."""
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(  # noqa: S603 - nothing from outside
            # Without this git would write its index, and take a lock that others wait for.
            command,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:
        return None
    return found.stdout.strip() or None


def embedding(model: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A short hash of everything but the item that could change a vector, and what went into it.

    Beside the model's weights and settings that is this package's own code that makes vectors, and the libraries
    that decode, tokenize and compute; metrics, pools and tables are not in it.
    """
    sources = [PACKAGE / "media.py", *sorted((PACKAGE / "models").rglob("*.py"))]
    code = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    libraries = {name: found for name, found in software().items() if name not in {"rzen_eval", "code", "datasets"}}
    made_by = {"model": {key: value for key, value in model.items() if key not in LABELS}, "code": code, **libraries}
    return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:16], made_by


def fingerprint(task: Task, content: str, model: Mapping[str, Any]) -> str:
    """A hash of everything that could change a result: task, data, model and software, but not speed or place.

    Args:
        task: as declared.
        content: what identifies the content of the task's rows and media.
        model: provenance of the model.
    """
    # Neither where data lie nor how strictly they are looked at changes a score, and frames only that of a video.
    place = {"root", "strict", "media", "media_revision", "trust_files"}
    left_out: Any = {"cache_dir": True, "media": True, "source": place, "frames": task.modality != "video"}
    left_out |= {"characters": True}
    said = {
        "task": task.model_dump(mode="json", exclude=left_out),
        "content": content,
        "model": {key: value for key, value in model.items() if key not in LABELS},
        "software": software(),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
