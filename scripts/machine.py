"""What else a machine does while something is measured on it: wall times mean little where more is to do than cores."""

from __future__ import annotations

import os


def told() -> str:
    """Its load of the last minute beside its cores, with a warning where wall times are those of other work, too."""
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    busy = "; wall times are those of other work, too: compare CPU times alone" * (load > cores + 0.5)
    return f"load {load:.1f} on {cores} cores{busy}"
