"""Where a number comes from."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rzen_eval.core import Task

LIBRARIES = ("datasets", "numpy", "pillow", "tokenizers", "torch", "transformers")


@cache
def software() -> dict[str, str]:
    """Versions of this package and of the libraries that can move a score, and a hash of this package's code."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    versions = {name: version(name) for name in LIBRARIES}
    return {"rzen_eval": version("rzen_eval"), "code": digest.hexdigest()[:16], **versions}


@cache
def machine() -> dict[str, Any]:
    """The computer, and the commit of the checkout that the code ran from; none for an installed package."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - nothing from outside
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "git_commit": found.stdout.strip() or None,
    }


def embedding(model: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A short hash of everything but the item that could change a vector, and what went into it.

    Beside the model's weights and settings that is this package's own code that makes vectors, and the libraries
    that decode, tokenize and compute; metrics, pools and tables are not in it.
    """
    package = Path(__file__).parent
    sources = [package / "media.py", *sorted((package / "models").glob("*.py"))]
    code = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    libraries = {name: version(name) for name in ("numpy", "pillow", "tokenizers", "torch", "transformers")}
    told = {"name", "license", "parameters_b", "checkpoint"}
    made_by = {"model": {key: value for key, value in model.items() if key not in told}, "code": code, **libraries}
    return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:16], made_by


def fingerprint(task: Task, content: str, model: Mapping[str, Any]) -> str:
    """A hash of everything that could change a result: task, data, model and software, but not speed or place.

    Args:
        task: as declared.
        content: what identifies the content of the task's rows and media.
        model: provenance of the model.
    """
    said = {
        "task": task.model_dump(mode="json", exclude={"cache_dir": True, "source": {"root"}}),
        "content": content,
        "model": dict(model),
        "software": software(),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
