"""Made-up repositories with the shape of the benchmark's, so that everything can be tried without a download."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import __version__ as _pillow

from .specs import COUNTS, SampleCount

__all__ = ["COUNTS", "VERSION", "SampleCount", "make"]


def _version() -> str:
    """A hash of what the bytes of the sample data depend on: the source of this package and the version of Pillow."""
    content = hashlib.sha256(_pillow.encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()[:12]


VERSION = _version()
"""Names the sample data that this version of the package makes."""


def make(root: Path) -> None:
    """Write every repository of the sample data under a folder, as `<org>/<name>/`; the same bytes every time."""
    from .visdoc import write

    write(root)
