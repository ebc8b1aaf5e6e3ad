"""The family of a checkpoint, by what its folder says."""

from __future__ import annotations

import os
from pathlib import Path

from rzen_eval.errors import ConfigError, ModelError
from rzen_eval.models import CLASSES
from rzen_eval.models.checkpoint.files import REPOSITORY
from rzen_eval.models.checkpoint.json_file import read_object


def family_of(checkpoint: str, base: str | None = None) -> tuple[str, Path] | None:
    """The family that loads a checkpoint.

    Args:
        checkpoint: a folder with `config.json`, or an adapter.
        base: the model that an adapter is merged into; None: the one that it names.

    Returns:
        The family and the file that names it; None where no file on this machine does.
    """
    folder = Path(os.path.expanduser(checkpoint))  # noqa: PTH111 - where no home folder is known, this leaves it alone
    file = folder / "config.json"
    family = _said(file, "model_type")
    if family in CLASSES:
        return str(family), file
    below = base or _said(folder / "adapter_config.json", "base_model_name_or_path")
    return family_of(str(below)) if isinstance(below, str) and below != checkpoint else None


def check_there(checkpoint: str) -> None:
    """Refuse a checkpoint whose family no file says, where that is the folder's fault and not the user's to give.

    Raises:
        ConfigError: there is no such folder, or it holds no checkpoint.
    """
    folder = Path(os.path.expanduser(checkpoint))  # noqa: PTH111 - as above
    if folder.is_dir():
        if not any((folder / name).is_file() for name in ("config.json", "adapter_config.json")):
            raise ConfigError(
                f"{checkpoint} holds no config.json, so it is no checkpoint; give model.checkpoint=FOLDER"
            )
    elif not REPOSITORY.fullmatch(checkpoint):
        raise ConfigError(
            f"no folder at {checkpoint}; model.checkpoint= takes a folder or a hub repository written owner/name"
        )


def _said(file: Path, key: str) -> object:
    """A value of a JSON file; None where there is no such file, or it says nothing of the kind."""
    try:
        return read_object(file).get(key)
    except ModelError:
        return None
