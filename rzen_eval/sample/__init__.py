"""Made-up repositories with the shape of the benchmark's, so that everything can be tried without a download."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import __version__ as _pillow

from . import images, mmeb_v3, specs, videos, vidore_v3
from .papers import TALL, WIDE
from .shapes import CROP, FRAME, SCENE
from .specs import SampleCount

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COUNTS", "SIZES", "VERSION", "SampleCount", "make"]

SIZES: Mapping[str, tuple[int, int]] = {
    "scene": (SCENE, SCENE),
    "crop": (CROP, CROP),
    "frame": (FRAME, FRAME),
    "form": WIDE,
    "poster": TALL,
}
"""Width and height of pictures and frames by what they are, in whole cells of 28 pixels; see `specs` for pages."""

COUNTS: Mapping[tuple[str, str | None], SampleCount] = {
    **specs.COUNTS,
    **images.COUNTS,
    **videos.COUNTS,
    **vidore_v3.COUNTS,
    **mmeb_v3.COUNTS,
}
"""What each task of the sample data holds, to be checked like the counts of real data.

By repository and configuration, as tasks declare them; the configuration is None where they declare none.
"""


def _version() -> str:
    """A hash of what the bytes of the sample data depend on: the source of this package and the version of Pillow."""
    content = hashlib.sha256(_pillow.encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()[:12]


VERSION = _version()
"""Names the sample data that this version of the package makes."""


def make(root: Path, world: str = "") -> None:
    """Write every repository of the sample data under a folder, as `<org>/<name>/`; the same bytes every time.

    Another world has other pages, pictures, clips and questions of the same kinds; `scripts/train_mini.py` learns from
    some. The sample itself is the one without a name.
    """
    from . import visdoc

    visdoc.write(root, world)
    images.write(root, world)
    videos.write(root, world)
    vidore_v3.write(root, world)
    mmeb_v3.write(root, world)
