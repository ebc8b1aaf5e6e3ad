"""Pictures on their way: how many are loaded ahead, each file once, and readers that die or hang."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rzen_eval.core import Item, Side
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import AHEAD, Loader
from rzen_eval.engine.plan import TaskSide
from rzen_eval.errors import DataError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.pictures.resize import Pictures, Sizing
from tests.engine.test_embed import ONE, SIZING, Counting, run
from tests.toys import page


def test_no_more_than_two_windows_are_loaded_at_a_time():
    opened: list[int] = []

    class Watched:
        def __init__(self, row: int) -> None:
            self.row = row

        def read(self) -> bytes:
            opened.append(self.row)
            return page(self.row)

    with Loader(1) as loader:
        stream = loader.stream([Pictures(SIZING, (Watched(row),))] for row in range(20))
        next(stream)
        assert len(opened) == AHEAD + 1
        assert len(list(stream)) == 19
    assert opened == list(range(20))


@pytest.fixture(scope="module")
def opened() -> list[str]:
    """Files that this process has opened for reading pictures; an audit hook stays for good, so there is one."""
    seen: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(".png"):
            seen.append(Path(str(arguments[0])).name)

    sys.addaudithook(hook)
    return seen


@pytest.mark.parametrize("clip", [False, True], ids=["frames as images", "frames as one clip"])
def test_every_file_is_opened_once(tmp_path: Path, opened: list[str], clip: bool):
    class Watching(Counting):
        def pictures(self, item: Item) -> Pictures:
            return Pictures(Sizing(ONE, ONE, clip=clip), tuple(item.images), tuple(item.frames))

    files = [tmp_path / f"{number:02}.png" for number in range(27)]
    for shade, file in enumerate(files):
        file.write_bytes(page(shade))
    items = [Item(text=f"5 {i}", images=files[i : i + 1], frames=files[i + 1 : i + 3]) for i in range(0, 27, 3)]
    opened.clear()
    with Loader(0) as inline:
        embed(Watching(), TaskSide("", Side.QUERY, items, list("abcdefghi")), loader=inline, tokens_per_batch=20)
    assert sorted(opened) == [file.name for file in files]


@dataclass(frozen=True)
class Deadly:
    """A picture whose reader is killed."""

    def image_size(self) -> tuple[int, int]:
        return 28, 28

    def identity(self) -> str:
        return "deadly"

    def read(self) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""


@pytest.mark.usefixtures("forking")
def test_an_item_that_kills_its_reader_three_times_is_named_and_what_loads_beside_it_is_not_lost():
    items = [Item(text="5", images=[page(9)]), Item(text="6", images=[Deadly()]), Item(text="7", images=[page(8)])]
    with Loader(1) as loader:
        with pytest.raises(DataError, match=r"candidate 'id1': a process that loads its pictures was killed 3 times"):
            run(items, loader)
        assert run([items[0], items[2]], loader)[1].vectors.tolist() == [[5, 9], [7, 8]]


@dataclass(frozen=True)
class Fatal(Deadly):
    """A picture whose reader is killed the first time."""

    mark: Path

    def read(self) -> bytes:
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return page(77)


@pytest.mark.usefixtures("forking")
def test_a_reader_that_is_killed_once_costs_nothing(tmp_path: Path):
    items = [Item(text=str(length), images=[page(length)]) for length in range(1, 20)]
    items[3] = Item(text="4", images=[Fatal(tmp_path / "died")])
    with Loader(1) as loader:
        vectors = run(items, loader)[1].vectors
    assert vectors[:, 1].tolist() == [1, 2, 3, 77, *range(5, 20)]
    assert (tmp_path / "died").exists()


@dataclass(frozen=True)
class Hanging(Deadly):
    """A picture that is never read to its end."""

    def read(self) -> bytes:
        time.sleep(600)
        return b""


@pytest.mark.usefixtures("forking")
def test_a_reader_that_hangs_is_killed_and_its_item_named():
    with Loader(1, timeout=4.0) as loader:
        with pytest.raises(DataError, match=r"candidate 'id0': .*more than 4 s"):
            run([Item(text="5", images=[Hanging()])], loader)
        assert run([Item(text="5", images=[page(9)])], loader)[1].vectors.tolist() == [[5, 9]]


LARGE = Budget(min_tokens=256, max_tokens=400)
DESCRIPTORS = Path("/proc/self/fd")


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="shared memory is used on Linux only")
def test_large_pictures_come_from_workers_as_they_are_and_leave_no_descriptor_open():
    pictures = [
        Pictures(Sizing(image=LARGE, frame=LARGE, clip=True), images=(page(1, (600, 500)),)),
        Pictures(Sizing(image=LARGE, frame=LARGE, clip=True), images=(page(2),), frames=(page(3), page(4), page(5))),
        Pictures(Sizing(image=LARGE, frame=LARGE), frames=(page(6, (900, 300)), page(7))),
    ]
    with Loader(1) as loader:
        next(loader.stream([pictures]))
        before = len([*DESCRIPTORS.iterdir()])
        for _ in range(3):
            came = next(loader.stream([pictures, pictures, pictures]))
        for outcome, one in zip(came, pictures, strict=True):
            assert not isinstance(outcome, DataError)
            for found, expected in zip(outcome, one.load(), strict=True):
                np.testing.assert_array_equal(found, expected)
        del came, outcome, found
        assert len([*DESCRIPTORS.iterdir()]) == before
