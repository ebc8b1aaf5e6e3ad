"""What a model is called: its results lie in a folder of that name."""

from __future__ import annotations

import os
import re
from pathlib import Path

LONGEST = 150
"""Bytes of a name; files of the cache are named after it, and a file's name has 255 at most."""
OF_A_TRAINING = re.compile(
    r"(checkpoint|ckpt|step|global_step|epoch)[-_]?\d+|best|last|final|merged|model|adapter|hf", re.IGNORECASE
)
"""Names of folders that are in the folder of each training."""


def fits_a_file_name(name: str) -> str:
    """The name.

    Raises:
        ValueError: it is too long.
    """
    if len(name.encode()) > LONGEST:
        raise ValueError(f"expected a name of at most {LONGEST} bytes, found {len(name.encode())}")
    return name


def name_of(checkpoint: str) -> str:
    """What a model is called that has no other name than its checkpoint's: that of the repository or of the folder.

    Folders that every training leaves (`checkpoint-500`, `last`) are named together with the one that they lie in.
    """
    place = os.path.expanduser(checkpoint)  # noqa: PTH111 - where no home folder is known, this leaves it alone
    parts = Path(os.path.realpath(place) if os.path.isdir(place) else place).parts[-2:]  # noqa: PTH112 - says no too
    named = [re.sub(r"[^\w.+-]+", "-", part).lstrip(".+-") for part in parts]
    together = len(named) > 1 and OF_A_TRAINING.fullmatch(named[-1]) and named[0]
    return "-".join(named if together else named[-1:]) or "custom"
