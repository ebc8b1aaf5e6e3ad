"""What can be read and seen of the sample on disk."""

from functools import cache

import numpy as np
import pyarrow.parquet as pq
from PIL import Image


@cache
def table(root, repo, config="data"):
    [path] = (root / repo / config).glob("*.parquet")
    return pq.read_table(path)


def shown(path):
    """Where in a frame, as shares of its sides, the middle of what is not background lies; and how large it is."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    ink = np.abs(pixels - pixels[0, 0]).sum(axis=2) > 150
    if not ink.any():
        return None, None, 0
    y, x = np.nonzero(ink)
    return x.mean() / ink.shape[1], y.mean() / ink.shape[0], int(ink.sum())
