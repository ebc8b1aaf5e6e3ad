"""Archives of the benchmark's media: which hold what, and how they are unpacked."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from rzen_eval.data import archives
from rzen_eval.data.archives import ARCHIVES, MARKER, holder
from rzen_eval.data.unpack import unpack
from rzen_eval.errors import DataError

BY_NAME = {archive.name: archive for archive in ARCHIVES}
CLS, RET, MRET, QA, IMAGES = (BY_NAME[name] for name in ("video_cls", "video_ret", "video_mret", "video_qa", "mmeb_v1"))
TIME = 1_700_000_000


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime = TIME
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def packed(members: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as writer:
        for info, content in members:
            info.size = len(content)
            writer.addfile(info, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


def files(**contents: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(member(name.replace("__", "/")), content) for name, content in contents.items()]


def lay(tree: Path, archive: archives.Archive, content: bytes) -> None:
    """Put an archive where a download puts it, cut into its parts."""
    length = -(-len(content) // len(archive.parts))
    for number, part in enumerate(archive.parts):
        (tree / part).parent.mkdir(parents=True, exist_ok=True)
        (tree / part).write_bytes(content[number * length : (number + 1) * length])


def found(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".tar.gz" not in file.name and file.name != MARKER
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("image-tasks/ImageNet-1K/0.jpg", "mmeb_v1"),
        ("video-tasks/frames/video_cls/K700/{id}", "video_cls"),
        ("video-tasks/frames/video_ret/MSVD", "video_ret"),
        ("video-tasks/frames/video_mret/Charades-STA/a/query", "video_mret"),
        ("video-tasks/frames/video_qa", "video_qa"),
        ("video-tasks/frames/video_qanda", None),
        ("video-tasks/videos/video_cls/K700/a.mp4", None),
        ("visdoc-tasks/ViDoSeek-page/1.png", None),
    ],
)
def test_every_path_of_the_tree_has_one_archive_or_none(path: str, name: str | None):
    archive = holder(path)
    assert (archive.name if archive else None) == name


@pytest.mark.parametrize(
    ("archive", "inside", "place"),
    [
        (IMAGES, "MMEB/CIRR/a.jpg", "image-tasks/CIRR/a.jpg"),
        (CLS, "K700/x/frame_0001.jpg", "video-tasks/frames/video_cls/K700/x/frame_0001.jpg"),
        (CLS, "./K700/x/1.jpg", "video-tasks/frames/video_cls/K700/x/1.jpg"),
        (MRET, "video_mret/QVHighlight/x/query/1.jpg", "video-tasks/frames/video_mret/QVHighlight/x/query/1.jpg"),
        (QA, "video_qa/egoschema/x/0000.jpeg", "video-tasks/frames/video_qa/egoschema/x/0000.jpeg"),
        (QA, "video_qa/EgoSchema/x/0000.jpeg", "video-tasks/frames/video_qa/EgoSchema/x/0000.jpeg"),
        (QA, "./video_qa/MVBench/a/b.mp4/1.jpg", "video-tasks/frames/video_qa/MVBench/a/b.mp4/1.jpg"),
        (MRET, "Charades-STA/x/query/1.jpg", "video-tasks/frames/video_mret/Charades-STA/x/query/1.jpg"),
        (RET, "data/ziyan/video_retrieval/MSR-VTT/frames/x/1.jpg", "video-tasks/frames/video_ret/MSR-VTT/x/1.jpg"),
        (RET, "./data/ziyan/video_retrieval/VATEX/frames/x/1.jpg", "video-tasks/frames/video_ret/VATEX/x/1.jpg"),
        (RET, "data/you/video_retrieval/MSVD/x/1.jpg", "video-tasks/frames/video_ret/MSVD/x/1.jpg"),
        (RET, "video_retrieval/YouCook2/frames/x/1.jpg", "video-tasks/frames/video_ret/YouCook2/x/1.jpg"),
        (RET, "video_ret/DiDeMo/x/1.jpg", "video-tasks/frames/video_ret/DiDeMo/x/1.jpg"),
        (RET, "video_ret/data/ziyan/video_retrieval/MSVD/frames/x/1.jpg", "video-tasks/frames/video_ret/MSVD/x/1.jpg"),
        (CLS, "video-tasks/frames/video_cls/SSv2/1/1.jpg", "video-tasks/frames/video_cls/SSv2/1/1.jpg"),
        (CLS, "video_tasks/frames/UCF101/v/1.jpg", "video-tasks/frames/video_cls/UCF101/v/1.jpg"),
        (IMAGES, "mmeb_v1/MMEB/VOC2007/a.jpg", "image-tasks/VOC2007/a.jpg"),
        (IMAGES, "./MSCOCO_i2t/a.jpg", "image-tasks/MSCOCO_i2t/a.jpg"),
        (IMAGES, "image_tasks/MMEB/CIRR/frames/a.jpg", "image-tasks/CIRR/frames/a.jpg"),
    ],
)
def test_members_land_where_the_benchmark_looks_for_them(
    archive: archives.Archive, inside: str, place: str, tmp_path: Path
):
    lay(tmp_path, archive, packed([(member(inside), b"picture")]))
    counts = unpack(archive, tmp_path)
    assert (tmp_path / place).read_bytes() == b"picture"
    assert (counts.files, counts.bytes, counts.written) == (1, 7, 1)
    assert json.loads((tmp_path / archive.target / MARKER).read_text())["files"] == 1


def test_an_archive_in_five_parts_is_read_as_one(tmp_path: Path):
    contents = {f"video_qa__MVBench__{number}.jpg": bytes([number]) * 5000 for number in range(50)}
    lay(tmp_path, QA, packed(files(**contents)))
    read: list[int] = []
    unpack(QA, tmp_path, progress=read.append)
    assert found(tmp_path / QA.target) == {f"MVBench/{number}.jpg": bytes([number]) * 5000 for number in range(50)}
    assert sum(read) == sum(QA.sizes(tmp_path).values()), "progress counts every compressed byte"


def test_two_tars_one_after_the_other_are_both_read(tmp_path: Path):
    one, two = packed(files(MVBench__a=b"1")), packed(files(MVBench__b=b"2", NExTQA__c=b"3"))
    for number, content in enumerate((one + two, gzip.compress(gzip.decompress(one) + gzip.decompress(two)))):
        tree = tmp_path / str(number)
        lay(tree, QA, content)
        assert unpack(QA, tree).folders == {"MVBench": 2, "NExTQA": 1}
        assert found(tree / QA.target) == {"MVBench/a": b"1", "MVBench/b": b"2", "NExTQA/c": b"3"}


def test_a_tar_without_its_end_or_with_something_behind_it_is_damaged(tmp_path: Path):
    tar = gzip.decompress(packed(files(K700__a=b"1")))
    for number, content in enumerate((tar[:1024], tar + b"something else" * 100)):
        tree = tmp_path / str(number)
        lay(tree, CLS, gzip.compress(content))
        with pytest.raises(DataError, match="a part is damaged, incomplete"):
            unpack(CLS, tree)
        assert not (tree / CLS.target / MARKER).exists()


def test_a_tar_that_is_not_compressed_is_read_all_the_same(tmp_path: Path):
    lay(tmp_path, CLS, gzip.decompress(packed(files(K700__a=b"1"))))
    assert unpack(CLS, tmp_path).files == 1


def test_an_archive_of_unknown_layout_is_refused_with_its_first_ten_members_before_anything_is_written(tmp_path: Path):
    names = [f"somewhere/else/{number}.jpg" for number in range(20)]
    lay(tmp_path, RET, packed([(member(name), b"1") for name in names]))
    with pytest.raises(
        DataError, match=r"video_ret: .* has an unknown layout: expected folders such as MSR-VTT"
    ) as error:
        unpack(RET, tmp_path)
    assert f"its first members are {', '.join(map(repr, names[:10]))}; nothing was written" in str(error.value)
    assert found(tmp_path / RET.target) == {}


def test_a_few_files_beside_the_tasks_are_laid_as_they_are_and_those_of_macos_are_left_out(tmp_path: Path):
    members = ["README.md", "video_qa/._MVBench", "video_qa/.DS_Store", "video_qa/MVBench/a", "video_qa/VideoMMMU/b"]
    lay(tmp_path, QA, packed([(member(name), b"1") for name in members]))
    assert unpack(QA, tmp_path).folders == {"README.md": 1, "MVBench": 1, "VideoMMMU": 1}
    assert set(found(tmp_path / QA.target)) == {"README.md", "MVBench/a", "VideoMMMU/b"}


def test_parts_that_are_cut_as_in_mmeb_v3_are_found_under_its_names(tmp_path: Path):
    content = packed(files(video_mret__QVHighlight__a=b"1"))
    place = tmp_path / "video_tasks/frames"
    place.mkdir(parents=True)
    for number, start in enumerate(range(0, len(content), 60)):
        (place / f"video_mret.tar.gz-{number:02}").write_bytes(content[start : start + 60])
    assert unpack(MRET, tmp_path).files == 1
    assert found(tmp_path / MRET.target) == {"QVHighlight/a": b"1"}
    (place / "video_mret.tar.gz-01").unlink()
    assert MRET.missing(tmp_path) == ["video_tasks/frames/video_mret.tar.gz-01"]


def test_a_pointer_of_git_lfs_is_refused_before_anything_is_read(tmp_path: Path):
    lay(tmp_path, QA, packed(files(MVBench__a=os.urandom(5000))))
    (tmp_path / QA.parts[2]).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 10737418240\n")
    with pytest.raises(DataError, match=r"video_qa.tar.gz-02 cannot be unpacked: it is a Git LFS pointer of 74 bytes"):
        unpack(QA, tmp_path)


def test_a_part_that_was_half_downloaded_is_named(tmp_path: Path):
    lay(tmp_path, QA, packed(files(**{f"MVBench__{number}": os.urandom(5000) for number in range(50)})))
    part = tmp_path / QA.parts[1]
    part.write_bytes(part.read_bytes()[:20000])
    with pytest.raises(DataError, match=r"video_qa.tar.gz-01 is shorter than the others\): a part is damaged"):
        unpack(QA, tmp_path)


def test_a_torn_marker_is_none(tmp_path: Path):
    lay(tmp_path, CLS, packed(files(K700__a=b"1")))
    unpack(CLS, tmp_path)
    marker = tmp_path / CLS.target / MARKER
    for torn in (b"", b'{"archive": "video_cls", "fil', b"[]", b'{"files": "many"}', b"\xff\xfe"):
        marker.write_bytes(torn)
        assert CLS.unpacked(tmp_path) is None
        assert unpack(CLS, tmp_path).written == 0, "what lies there is not written again"
        assert CLS.unpacked(tmp_path) is not None


def test_an_archive_that_grows_as_no_picture_does_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rzen_eval.data.archive_members.SLACK", 1 << 20)
    lay(tmp_path, CLS, packed([(member(f"K700/{number}"), bytes(1 << 20)) for number in range(30)]))
    with pytest.raises(DataError, match="more than 20 times what was read so far"):
        unpack(CLS, tmp_path)


def test_what_is_unpacked_is_not_unpacked_again_even_without_the_archive(tmp_path: Path):
    lay(tmp_path, CLS, packed(files(K700__a=b"1")))
    unpack(CLS, tmp_path)
    (tmp_path / CLS.parts[0]).unlink()
    assert unpack(CLS, tmp_path).written == 0


def test_asked_again_it_writes_only_what_is_gone_or_cut_short(tmp_path: Path):
    lay(tmp_path, CLS, packed(files(K700__a=b"111", K700__b=b"222", K700__c=b"333")))
    unpack(CLS, tmp_path)
    target = tmp_path / CLS.target
    (target / "K700/a").unlink()
    (target / "K700/b").write_bytes(b"2")
    assert unpack(CLS, tmp_path, again=True).written == 2
    assert found(target) == {"K700/a": b"111", "K700/b": b"222", "K700/c": b"333"}


def test_another_version_of_the_archive_is_unpacked_over_the_old_one(tmp_path: Path):
    lay(tmp_path, CLS, packed(files(K700__a=b"old", K700__b=b"same")))
    unpack(CLS, tmp_path)
    lay(tmp_path, CLS, packed(files(K700__a=b"newer", K700__b=b"same")))
    assert unpack(CLS, tmp_path).written == 1
    assert found(tmp_path / CLS.target) == {"K700/a": b"newer", "K700/b": b"same"}


def test_a_killed_run_leaves_whole_files_only_and_the_next_one_goes_on(tmp_path: Path):
    contents = {f"K700/{number}.jpg": os.urandom(200_000) for number in range(200)}
    lay(tmp_path, CLS, packed([(member(name), content) for name, content in contents.items()]))
    target = tmp_path / CLS.target
    code = (
        "import sys, time, pathlib; from rzen_eval.data import archives, tar_stream, unpack\n"
        "slow = lambda _: time.sleep(0.05)\n"
        "tar_stream.BLOCK = 1 << 18\n"
        "unpack.unpack(archives.ARCHIVES[1], pathlib.Path(sys.argv[1]), progress=slow)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as process:
        deadline = time.monotonic() + 20
        while len(list(target.glob("K700/*.jpg"))) < 10 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    kept = {name: content for name, content in found(target).items() if not name.startswith(".")}
    assert 10 <= len(kept) < 200
    assert all(contents[name] == content for name, content in kept.items())
    assert not (target / MARKER).exists()
    assert unpack(CLS, tmp_path).written == 200 - len(kept)
    assert found(target) == contents


ESCAPES = {
    "absolute": [(member("/etc/x"), b"")],
    "upwards": [(member("a/../../x"), b"")],
    "link to a place outside": [(member("K700/a", type=tarfile.SYMTYPE, linkname="../../x"), b"")],
    "absolute link": [(member("K700/a", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b"")],
    "link that goes up after a name": [
        (member("x", type=tarfile.DIRTYPE), b""),
        (member("d/q", type=tarfile.SYMTYPE, linkname="../x"), b""),
        (member("d/p", type=tarfile.SYMTYPE, linkname="q/../../z"), b""),
    ],
    "through a link": [
        (member("K700/d/e", type=tarfile.DIRTYPE), b""),
        (member("K700/s", type=tarfile.SYMTYPE, linkname="d/e"), b""),
        (member("K700/s/x"), b""),
    ],
    "hard link to a place outside": [(member("K700/a", type=tarfile.LNKTYPE, linkname="../x"), b"")],
    "absolute hard link": [(member("K700/a", type=tarfile.LNKTYPE, linkname="/etc/passwd"), b"")],
    "hard link to nothing": [(member("K700/a", type=tarfile.LNKTYPE, linkname="gone"), b"")],
    "character device": [(member("K700/a", type=tarfile.CHRTYPE), b"")],
    "block device": [(member("K700/a", type=tarfile.BLKTYPE), b"")],
    "FIFO": [(member("K700/a", type=tarfile.FIFOTYPE), b"")],
}


@pytest.mark.parametrize("members", ESCAPES.values(), ids=ESCAPES.keys())
def test_an_unsafe_member_is_refused_by_name_and_nothing_is_written_outside(
    members: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path
):
    lay(tmp_path / "tree", CLS, packed(members))
    with pytest.raises(DataError, match=f"^video_cls: member '{members[-1][0].name}' is .*; refused") as refused:
        unpack(CLS, tmp_path / "tree")
    assert "\n" not in str(refused.value)
    assert {file.name for file in tmp_path.iterdir()} == {"tree"}
    assert not (tmp_path / "tree" / CLS.target / MARKER).exists()


def test_links_inside_the_tree_are_kept(tmp_path: Path):
    hard, soft = (
        member("K700/b", type=tarfile.LNKTYPE, linkname="K700/a"),
        member("K700/c/d", type=tarfile.SYMTYPE, linkname="../a"),
    )
    lay(tmp_path, CLS, packed([(member("K700/a"), b"1"), (hard, b""), (soft, b"")]))
    assert unpack(CLS, tmp_path).written == 3
    assert found(tmp_path / CLS.target) == {"K700/a": b"1", "K700/b": b"1", "K700/c/d": b"1"}
    assert unpack(CLS, tmp_path, again=True).written == 0


def test_permissions_of_the_archive_do_not_count(tmp_path: Path):
    lay(tmp_path, CLS, packed([(member("K700/a", mode=0o4777), b"1")]))
    unpack(CLS, tmp_path)
    assert (tmp_path / CLS.target / "K700/a").stat().st_mode & 0o7111 == 0


def test_a_missing_part_is_named_with_the_command_that_gets_it(tmp_path: Path):
    lay(tmp_path, QA, packed(files(MVBench__a=b"1")))
    (tmp_path / QA.parts[3]).unlink()
    with pytest.raises(DataError, match=r"video_qa.tar.gz-03, one of 5; run `rzen-eval data fetch`"):
        unpack(QA, tmp_path)


def test_a_damaged_archive_is_refused_and_what_came_of_it_is_written_again(tmp_path: Path):
    whole = packed(files(K700__a=b"right"))
    lay(tmp_path, CLS, whole[:-8] + bytes(4) + whole[-4:])
    with pytest.raises(DataError, match=r"cannot be unpacked \(CRC check failed .* run `rzen-eval data fetch` again"):
        unpack(CLS, tmp_path)
    (tmp_path / CLS.target / "K700/a").write_bytes(b"wrong")
    os.utime(tmp_path / CLS.target / "K700/a", (TIME, TIME))
    lay(tmp_path, CLS, whole)
    assert unpack(CLS, tmp_path).written == 1
    assert found(tmp_path / CLS.target) == {"K700/a": b"right"}


@pytest.mark.parametrize(
    "content",
    [
        packed(files(a=b"1" * 5000))[:60],
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7801879510\n",
        gzip.compress(b"no tar at all" * 100),
        b"",
    ],
    ids=["cut short", "pointer", "no tar", "empty"],
)
def test_what_is_no_whole_archive_is_refused_in_one_line(content: bytes, tmp_path: Path):
    lay(tmp_path, CLS, content)
    with pytest.raises(DataError, match=r"^video_cls: .* cannot be unpacked") as refused:
        unpack(CLS, tmp_path)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / CLS.target / MARKER).exists()


def test_too_small_a_disk_is_known_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lay(tmp_path, CLS, packed(files(a=os.urandom(1000))))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(DataError, match=r"takes about 0.0 GB.*; make room or use another data.root"):
        unpack(CLS, tmp_path)


def test_members_do_not_pile_up_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rzen_eval.data.tar_stream.BLOCK", 1 << 14)
    peaks = []
    for count in (300, 3000):
        tree = tmp_path / str(count)
        lay(tree, CLS, packed([(member("K700/a"), b"")] * count))
        tracemalloc.start()
        unpack(CLS, tree)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
