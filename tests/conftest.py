"""What every test may rely on: no network, no cache of the user's, fixtures carried along."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import PIL
import pytest
from filelock import FileLock

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

Command = Callable[..., str]
FIXTURES = Path(__file__).parent / "fixtures"
SAME_PIXELS = int(PIL.__version__.split(".")[0]) >= 13
"""Below version 13 Pillow rounds some pixels of a bicubic resize otherwise than in the references, made with 13."""


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder of this test run; processes that share its tests share what is made of the sample."""
    folder = tmp_path_factory.mktemp("cache")
    if "PYTEST_XDIST_WORKER" in os.environ:
        for made in ("sample", "datasets"):
            shared = tmp_path_factory.getbasetemp().parent / made
            shared.mkdir(exist_ok=True)
            (folder / made).symlink_to(shared)
    os.environ["RZEN_EVAL_CACHE"] = str(folder)
    yield folder
    del os.environ["RZEN_EVAL_CACHE"]


@pytest.fixture(scope="session")
def sample_root(cache: Path) -> Path:
    """The bundled sample on disk, made once and shared with every test that runs on it."""
    from rzen_eval.data import bundled

    with FileLock(cache / "sample" / "lock"):
        return bundled.folder(cache)


@pytest.fixture
def fresh(sample_root: Path, tmp_path: Path) -> Path:
    """A cache folder with nothing in it but the sample."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    (folder / "sample").symlink_to(sample_root.parent)
    return folder


@pytest.fixture(scope="session")
def trackio(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tracker, which keeps runs in a folder of this test run."""
    os.environ["TRACKIO_DIR"] = str(tmp_path_factory.mktemp("trackio"))
    return pytest.importorskip("trackio", reason="the extra [trackio]")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command in an empty folder, which ends with `code`; gives what it prints, or where that is not 0 its error."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> str:
        from rzen_eval.cli.main import main

        assert main(list(words)) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    return run


@pytest.fixture
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers begin as forks of a process that has imported, which takes no time; all else is as in one that is new."""
    from tests import forked

    forks, other = forked.context(), multiprocessing.get_context
    monkeypatch.setattr(multiprocessing, "get_context", lambda kind=None: forks if kind == "spawn" else other(kind))


@pytest.fixture
def checkpoint() -> Path:
    """A random Qwen2-VL of 219,520 parameters with Qwen2's special tokens."""
    return FIXTURES / "tiny_qwen2vl"


@pytest.fixture
def mirror() -> Path:
    """Dataset repositories as a download leaves them, a few rows each."""
    return FIXTURES / "mirror"
