"""Classes of a user's own that misbehave: one line that names the class, and a process that is as it was."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rzen_eval import Item, evaluate, load_model
from rzen_eval.core import MultiVectors
from rzen_eval.errors import ConfigError, ModelError
from tests.toys import four_pages, toy_task

CLASSES = """
import os, sys
import numpy as np
import torch

def shades(items):
    return [int(item.text.split()[-1]) if item.text else int(np.asarray(item.images[0])[0, 0, 0]) for item in items]

def right(items):
    return np.array([np.eye(5)[shade // 60] for shade in shades(items)])

class Good:
    def embed(self, items, side): return right(items)

class Leaves:
    def embed(self, items, side): sys.exit(0)
class LeavesWithAWord:
    def embed(self, items, side): sys.exit("bye")
class Raises:
    def embed(self, items, side): raise ValueError("boom\\nsecond \\x1b[31mline")
class RaisesBase:
    def embed(self, items, side): raise type("Own", (BaseException,), {})("base")
class Stops:
    def embed(self, items, side): raise StopIteration
class Recurses:
    def embed(self, items, side): return self.embed(items, side)
class NeedsMemory:
    def embed(self, items, side): raise MemoryError("cannot allocate")
class LeavesWhenMade:
    def __init__(self): sys.exit(0)
    def embed(self, items, side): pass

class Nothing:
    def embed(self, items, side): return None
class Strings:
    def embed(self, items, side): return ["abc"] * len(items)
class Numbers:
    def embed(self, items, side): return np.ones(len(items))
class TooDeep:
    def embed(self, items, side): return np.ones((len(items), 2, 3, 4))
class Ragged:
    def embed(self, items, side): return [np.ones(4 + place % 2) for place in range(len(items))]
class Complex:
    def embed(self, items, side): return right(items) * 1j
class Objects:
    def embed(self, items, side): return np.array([[None] * 4] * len(items))
class Generator:
    def embed(self, items, side): return (row for row in right(items))
class Fewer:
    def embed(self, items, side): return right(items)[:-1]
class Clears:
    def embed(self, items, side): items.clear(); return np.zeros((0, 4))
class BySide:
    def embed(self, items, side): return np.ones((len(items), 4 if side == "query" else 5))
class ByBatch:
    n = 3
    def embed(self, items, side): ByBatch.n += 1; return np.ones((len(items), ByBatch.n))
class NotFinite:
    def embed(self, items, side): made = right(items); made[-1, 2] = np.nan; return made

class WithGradients:
    def embed(self, items, side):
        made = torch.tensor(right(items), requires_grad=True) * 2
        assert not made.requires_grad, "no memory is kept for gradients"
        return torch.nn.Parameter(made)
class Half:
    def embed(self, items, side): return torch.tensor(right(items)).bfloat16()
class Tensors:
    def embed(self, items, side): return [torch.tensor(row) for row in right(items)]
class Rows:
    def embed(self, items, side): return right(items).tolist()
class Cubes:
    def embed(self, items, side): return right(items)[:, None]
class ClosesOutput:
    def embed(self, items, side): sys.stdout.close(); sys.stderr.close(); return right(items)
class Wanders:
    def embed(self, items, side): os.chdir("/"); return right(items)
class Forks:
    def embed(self, items, side): os.fork(); return right(items)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The classes in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "misbehaving.py").write_text(CLASSES)
    yield "misbehaving"
    sys.modules.pop("misbehaving", None)


def score(module: str, name: str, root: Path, cache: Path, *settings: str) -> float:
    four_pages(root)
    model = load_model("python", f"class={module}:{name}", "device=cpu", *settings)
    return evaluate(toy_task(root, cache), model).score


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Leaves", "misbehaving:Leaves.embed failed (SystemExit: 0)"),
        ("LeavesWithAWord", "misbehaving:LeavesWithAWord.embed failed (SystemExit: bye)"),
        ("Raises", "misbehaving:Raises.embed failed (ValueError: boom second line)"),
        ("RaisesBase", "misbehaving:RaisesBase.embed failed (Own: base)"),
        ("Stops", "misbehaving:Stops.embed failed (StopIteration)"),
        ("Recurses", "misbehaving:Recurses.embed failed (RecursionError: "),
        ("NeedsMemory", "misbehaving:NeedsMemory.embed failed (MemoryError: cannot allocate)"),
        ("LeavesWhenMade", "model.class=misbehaving:LeavesWhenMade cannot be made (SystemExit: 0)"),
        ("Nothing", "misbehaving:Nothing: expected vectors of 4 items from embed"),
        ("Strings", "found list (values of type <U3, no real numbers)"),
        ("Numbers", "found ndarray (of shape (4,))"),
        ("TooDeep", "found ndarray (of shape (4, 2, 3, 4))"),
        ("Ragged", "item 1 of 4 has shape (5,), expected that of item 0, (4,)"),
        ("Complex", "found ndarray (values of type complex128, no real numbers)"),
        ("Objects", "found ndarray (values of type object, no real numbers)"),
        ("Generator", "found generator (neither an array nor a list)"),
        ("Fewer", "misbehaving:Fewer: expected vectors of 4 items from embed, an array of shape (4, dimensions)"),
        ("Clears", "misbehaving:Clears: expected vectors of 4 items"),
        ("BySide", "queries and candidates have 4 and 5 dimensions"),
        ("NotFinite", "vectors are not finite, the first of item 'q"),
    ],
)
def test_what_it_does_wrong_is_one_line(module: str, name: str, line: str, tmp_path: Path, cache: Path):
    with pytest.raises(ModelError) as caught:
        score(module, name, tmp_path / "data", cache)
    assert line in str(caught.value)
    assert str(caught.value).isprintable()


def test_batches_of_different_dimensions_are_one_line(module: str, tmp_path: Path, cache: Path):
    with pytest.raises(ModelError, match="items have vectors of 4 and of 7 dimensions; a model must give all the same"):
        score(module, "ByBatch", tmp_path / "data", cache, "batch_size=1")


@pytest.mark.parametrize(
    "name", ["Good", "WithGradients", "Half", "Tensors", "Rows", "Cubes", "ClosesOutput", "Wanders"]
)
def test_what_can_be_read_is_read(module: str, name: str, tmp_path: Path, cache: Path):
    assert score(module, name, tmp_path / "data", cache) == 1
    assert [sys.stdout.closed, sys.stderr.closed] == [False, False]
    assert Path.cwd() == tmp_path


def test_several_vectors_an_item_are_kept_apart(module: str):
    several = "class Several:\n    def embed(self, items, side): return torch.ones(len(items), 3, 5)\n"
    (Path.cwd() / f"{module}.py").write_text(CLASSES + several)
    made = load_model("python", f"class={module}:Several", "batch_size=2").embed([Item(text="shade 0")] * 3)
    assert isinstance(made, MultiVectors)
    assert (made.lengths.tolist(), made.rows.shape) == ([3, 3, 3], (9, 5))


def test_a_process_that_it_forks_does_not_go_on_as_the_run(module: str, tmp_path: Path, cache: Path):
    mark = tmp_path / "processes"
    assert score(module, "Forks", tmp_path / "data", cache) == 1
    with mark.open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    while True:
        try:
            _, status = os.wait()
        except ChildProcessError:
            break
        assert os.waitstatus_to_exitcode(status) == 1
    assert mark.read_text() == f"{os.getpid()}\n"


def test_closing_the_output_of_a_class_leaves_no_line_of_its_own_unwritten(
    module: str, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / f"{module}.py").write_text(CLASSES + "\nclass Says(ClosesOutput):\n    print('made')\n")
    assert score(module, "Says", tmp_path / "data", cache) == 1
    print("still here")
    assert capsys.readouterr().out == "made\nstill here\n"


SHARED = Path(__file__).parents[4] / "shared" / "cases" / "bad_models.py"


@pytest.mark.skipif(not SHARED.exists(), reason="a collection that lies beside the repository")
@pytest.mark.parametrize(
    "name",
    [
        "Raises", "RaisesBase", "RaisesInInit", "GenExit", "Exits", "Exits3", "Wrong1D", "Wrong3D", "Fewer", "NoneBack",
        "Strings", "Complex", "Obj", "F64Huge", "ZeroDim", "NaNs", "OneNaN", "Infs", "DimBySide", "Ragged", "Mutates",
        "MultiEmpty", "Generator", "Memory", "Recursion", "Script", "NotAClass", "function",
    ],
)  # fmt: skip
def test_models_that_misbehaved_elsewhere_are_one_line(
    name: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "path", [str(SHARED.parent), *sys.path])
    assert importlib.util.find_spec("bad_models") is not None
    with pytest.raises((ConfigError, ModelError)) as caught:
        score("bad_models", name, tmp_path / "data", cache)
    assert "\n" not in str(caught.value)
