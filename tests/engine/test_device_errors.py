"""A device that is full or lost, in the words of the libraries beneath torch, and several processes on one."""

import queue
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.cuda._utils import _get_device_index

from rzen_eval.core import Item, Side, Vectors
from rzen_eval.engine.embed import embed
from rzen_eval.engine.job import Job
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.ranks import Rank
from rzen_eval.engine.settings import Runtime
from rzen_eval.engine.start import opened
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.engine.worker import Worker, WorkerSettings
from rzen_eval.errors import ConfigError, DataError, DeviceError, ModelError
from rzen_eval.models import device
from rzen_eval.models.batch import Block
from rzen_eval.models.device import GpuMemory
from rzen_eval.models.interface import Planned
from rzen_eval.models.pictures.resize import Pixels
from tests.engine.toy import Toy

GB = 10**9
CUBLAS = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
HOST = "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call"
BROKEN = "CUDA error: an illegal memory access was encountered"


class Failing(Toy):
    """Fails of batches with more than so many items, and has a tensor at that moment."""

    def __init__(self, said: str, most: int) -> None:
        self.said, self.most, self.held = said, most, []

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        states = torch.zeros(3)
        self.held.append(weakref.ref(states))
        if len(planned) > self.most:
            raise RuntimeError(self.said)
        return super().forward(planned, pixels)


@pytest.fixture
def loader() -> Iterator[Loader]:
    with Loader(0) as made:
        yield made


def part(n: int = 8) -> TaskSide:
    return TaskSide("", Side.QUERY, [Item(text=f"10 {i}") for i in range(n)], [str(i) for i in range(n)])


@pytest.mark.parametrize("said", [CUBLAS, HOST, "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"])
def test_a_library_that_finds_no_memory_is_met_by_half_a_batch_too(loader: Loader, said: str):
    assert len(embed(Failing(said, 2), part(), loader=loader, tokens_per_batch=100).vectors) == 8
    with pytest.raises(DataError, match="does not fit into the device's memory"):
        embed(Failing(said, 0), part(), loader=loader, tokens_per_batch=100)


@pytest.mark.parametrize("said", [HOST, BROKEN, "mat1 and mat2 shapes cannot be multiplied"])
def test_an_error_that_is_kept_until_the_end_of_a_run_keeps_no_tensor(loader: Loader, said: str):
    model = Failing(said, 0)
    with pytest.raises((DataError, ModelError)) as kept:
        embed(model, part(), loader=loader, tokens_per_batch=100)
    assert kept.value.__cause__ is not None
    assert {held() for held in model.held} == {None}


def test_a_worker_whose_device_is_lost_ends_so_that_another_takes_its_windows(tmp_path: Path):
    plan = Plan(Failing(BROKEN, 0), VectorStore(tmp_path), 100)
    plan.add(part())
    inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    for job in plan.jobs():
        inbox.put(job)
    inbox.put(None)

    def run(said: str) -> list[Any]:
        settings = WorkerSettings(lambda _place: Failing(said, 0), tmp_path, "float32", 100, 0, None)
        return list(Worker(settings, 0).run(inbox))

    with pytest.raises(DeviceError, match="an illegal memory access"):
        run(BROKEN)
    for job in plan.jobs():
        inbox.put(job)
    inbox.put(None)
    assert all(isinstance(done.error, ModelError) for done in run("mat1 and mat2 shapes"))


class Gpu:
    """What torch says of a GPU of 80 GB, 60 of which nobody has, and of 10 GB of its own, 4 of them in use."""

    share = 1.0

    def put(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(torch.cuda, "current_device", lambda: 0)
        for name, said in {"mem_get_info": (60 * GB, 80 * GB), "memory_reserved": 10 * GB, "memory_allocated": 4 * GB,
                           "max_memory_allocated": 9 * GB, "reset_peak_memory_stats": None}.items():  # fmt: skip
            patch.setattr(torch.cuda, name, partial(self.asked, said))
        patch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda place: self.of_index(place) or self.share)
        patch.setattr(torch.cuda, "set_per_process_memory_fraction", self.keep)

    def asked(self, said: Any, place: Any) -> Any:
        assert _get_device_index(place, optional=True) in {0, None}
        return said

    def of_index(self, place: Any) -> None:
        """These two take a device with its number alone, or None."""
        assert place is None or _get_device_index(place) == 0

    def keep(self, share: float, place: Any) -> None:
        self.of_index(place)
        self.share = share


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_processes_that_share_a_gpu_keep_to_their_part_of_it(name: str, monkeypatch: pytest.MonkeyPatch):
    there, first = Gpu(), torch.device(name)
    there.put(monkeypatch)
    device.share(first, 1)
    device.share(torch.device("cpu"), 2)
    assert GpuMemory(first).free() == 66 * GB
    device.share(first, 2)
    assert there.share == pytest.approx(0.475)
    assert GpuMemory(first).free() == 34 * GB
    assert (GpuMemory(first).restart(), GpuMemory(first).peak()) == (4 * GB, 9 * GB)


def test_a_cluster_with_gpus_is_not_led_from_a_machine_without(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rzen_eval.engine.start.cluster", lambda: SimpleNamespace(cpus=8, gpus=2))
    model: Any = SimpleNamespace(device=torch.device("cpu"), tokens_per_batch=1024)
    spec: Any = SimpleNamespace(device="auto", setting="model", name="a")
    runtime, alone = Runtime(kind="ray"), Rank(0, 1, 0)
    with (
        pytest.raises(ConfigError, match=r"has 2 GPUs and this machine none.*model\.device=cpu"),
        opened(runtime, spec, model, VectorStore(None), rank=alone, cache_dir=Path()),
    ):
        pass


@pytest.mark.parametrize(("kind", "waits"), [("cuda", False), ("mps", True), ("cpu", True)])
def test_a_copy_is_waited_for_unless_its_memory_stays(kind: str, waits: bool):
    said: dict[str, bool] = {}

    class Content:
        def to(self, _device: torch.device, *, non_blocking: bool) -> torch.Tensor:
            said["waits"] = not non_blocking
            return torch.zeros(0, dtype=torch.uint8)

    Block(Content(), {}).sent(torch.device(kind))  # type: ignore[arg-type]
    assert said["waits"] is waits
