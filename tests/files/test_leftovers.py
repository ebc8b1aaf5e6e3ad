"""What a kill leaves is removed by the next run, and files go where their user said."""

import os
from _multiprocessing import SemLock
from functools import partial
from multiprocessing import process, synchronize
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest

from rzen_eval import processes
from rzen_eval.cli.main import main
from rzen_eval.evaluation import kept_results, provenance
from rzen_eval.files import leftovers, make_once, write_out, write_whole
from tests.forked import ended
from tests.runs import hits, write


def dies(folder: Path, how: str) -> int:
    """A process that dies while it makes something."""
    if how == "folder":
        make_once(folder / "sample" / "1", lambda place: place.mkdir() or os._exit(9))
    os.fsync = lambda _: os._exit(9)
    write_whole(folder / "runs" / "a.jsonl.gz", b"half")
    return 0


def killed(folder: Path, how: str) -> None:
    folder.mkdir(exist_ok=True)
    assert ended(partial(dies, folder, how), folder).code == 9


def hidden(folder: Path) -> list[str]:
    return [place.name for place in folder.rglob(".*")]


def test_what_a_killed_process_was_making_is_removed_by_the_next(tmp_path: Path):
    killed(tmp_path, "file")
    killed(tmp_path, "folder")
    assert len(hidden(tmp_path)) == 2
    make_once(tmp_path / "sample" / "1", Path.mkdir)
    kept_results.tidy(tmp_path, tmp_path / "cache")
    assert hidden(tmp_path) == []
    assert (tmp_path / "sample" / "1").is_dir()


def test_what_a_process_makes_that_is_there_or_elsewhere_is_left_alone(tmp_path: Path):
    own, other = leftovers.scratch_name("a"), ".a-00000000-1-0123456789ab"
    for name in (own, other, ".hidden", ".git"):
        (tmp_path / name).touch()
    assert leftovers.remove([tmp_path]) == []
    os.utime(tmp_path / other, (0, 0))
    os.utime(tmp_path / ".hidden", (0, 0))
    assert leftovers.remove([tmp_path]) == [tmp_path / other]


def leaves_what_workers_use() -> int:
    """A run that dies with its workers, and with the process that Python starts to tidy up after them."""
    process._parent_process = None
    processes.prepare()
    semaphore = synchronize.SemLock._make_name()
    SemLock(0, 1, 1, semaphore, False)
    Path("made").write_text(f"{get_temp_dir()}\n{leftovers.SEMAPHORES}/sem.{semaphore[1:]}")
    os._exit(9)


def test_sockets_and_semaphores_of_workers_that_were_killed_with_their_run_are_removed_by_the_next(tmp_path: Path):
    assert ended(leaves_what_workers_use, tmp_path).code == 9
    made = [Path(line) for line in (tmp_path / "made").read_text().splitlines()]
    assert [place.exists() for place in made] == [True, True]
    assert set(made) <= set(leftovers.remove_of_workers())
    assert [place.exists() for place in made] == [False, False]


def test_what_workers_of_a_run_use_that_goes_on_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(leftovers, "SEMAPHORES", tmp_path)
    own, gone = (f"sem.rzen_eval-{leftovers._host()}-{number}-abcdefgh" for number in (os.getpid(), 2**22 + 1))
    for name in (own, gone, "sem.mp-abcdefgh"):
        (tmp_path / name).touch()
    assert tmp_path / gone in leftovers.remove_of_workers()
    assert sorted(hidden.name for hidden in tmp_path.iterdir()) == sorted([own, "sem.mp-abcdefgh"])


def test_a_file_that_is_a_link_is_written_through_it(tmp_path: Path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "out.json"
    link.symlink_to(tmp_path / "disk" / "out.json")
    for content in (b"one", b"two"):
        write_out(link, content)
        assert link.is_symlink()
        assert (tmp_path / "disk/out.json").read_bytes() == content
    assert hidden(tmp_path) == []


def test_a_pipe_and_a_device_are_written_to_and_stay(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_out(pipe, b"hello")
    assert os.read(reader, 10) == b"hello"
    os.close(reader)
    assert pipe.is_fifo()
    write_out(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("output", ["/dev/stdout", "-link"])
def test_output_and_junit_go_to_links_and_standard_output(output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "m", "mscoco", hits(1, 2))
    assert main(["check", "m", "--baseline", "b.json", "--update"]) == 0
    (tmp_path / "-link").symlink_to("there.xml")
    words = ["check", str(tmp_path / "m"), "--baseline", str(tmp_path / "b.json"), f"--junit={output}"]
    done = ended(partial(main, words), tmp_path)
    assert done.code == 0
    assert "<testsuite" in (done.text if output == "/dev/stdout" else (tmp_path / "there.xml").read_text())


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_umask_decides_who_may_read_results(tmp_path: Path, mask: int):
    before = os.umask(mask)
    try:
        write(tmp_path / "m", "mscoco", hits(1, 2))
        make_once(tmp_path / "sample", Path.mkdir)
    finally:
        os.umask(before)
    for file in (tmp_path / "m").rglob("*.*"):
        assert file.stat().st_mode & 0o777 == 0o666 & ~mask
    for folder in (tmp_path / "m", tmp_path / "m/runs", tmp_path / "sample"):
        assert folder.stat().st_mode & 0o777 == 0o777 & ~mask


def test_git_is_asked_without_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text('#!/bin/sh\necho "locks $GIT_OPTIONAL_LOCKS"\n')
    (tmp_path / "bin/git").chmod(0o755)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert provenance._commit(tmp_path) == "locks 0"


def test_everything_in_the_cache_folder_is_listed_and_goes_and_media_only_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("vectors/m-a", "vectors/n-b", "datasets/x", "frames/y", "media/z", "sample/1", "strange"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_bytes(bytes(10**6))
    (tmp_path / "digests.json").write_text("{}")
    place = f"cache_dir={tmp_path}"
    assert main(["cache", place]) == 0
    listed = capsys.readouterr().out
    for name in ("m-a", "n-b", "datasets", "frames", "media", "sample", "strange", "digests.json"):
        assert f"| {name} " in listed
    assert main(["cache", place, "--prune", "m", "--prune", "datasets"]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "digests.json", "frames", "media", "sample", "strange", "vectors",
    ]  # fmt: skip
    assert main(["cache", place, "--prune", "all"]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["media", "strange", "vectors"]
    assert main(["cache", place, "--prune", "media", "--prune", "strange"]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["vectors"]
