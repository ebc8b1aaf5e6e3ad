"""Keys of vectors: the same for what is the same to the model, and for nothing else."""

import os
import time
from pathlib import Path

import pytest

from rzen_eval import Item
from rzen_eval.engine.item_key import item_key
from tests.toys import page


@pytest.mark.parametrize("how", ["written over", "moved into its place"])
def test_a_file_of_the_same_size_and_time_in_the_place_of_another_has_another_key(tmp_path: Path, how: str):
    file = tmp_path / "a.png"
    file.write_bytes(page(1))
    item, stat = Item(images=[file]), file.stat()
    before = item_key("", item)
    assert item_key("", item) == before
    time.sleep(0.02)  # more than the grain of a file system's clock
    other = file if how == "written over" else tmp_path / "b.png"
    other.write_bytes(page(1)[: stat.st_size - 1] + b"\0")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert item_key("", item) != before
