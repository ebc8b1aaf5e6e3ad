"""What the archives of the media repositories hold, and which of them a task needs.

MMEB-V2's official download script (`experiments/public/data/download_data.sh` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4) does
not fit its archives. Names and wrappers here are what people who ran on them report: ten sources for `video_ret`, four
to seven for the others. Page images of visual documents come with the rows, so these tasks need no archive;
those that hold them once more are in `DOCUMENTS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rzen_eval.core import Frozen, Modality
from rzen_eval.data import documents
from rzen_eval.files import read_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from rzen_eval.core import Task

REPO = "TIGER-Lab/MMEB-V2"
COMMIT = "e7bbfeb69a70dfe32ff36da3d6d8dbe31fc36af1"
"""The commit of the media that two other groups pin, after the visual documents were uploaded again."""
V3 = "VLM2Vec/MMEB-V3"
V3_COMMIT = "4a5560b2b64384204b6fea8a82ea986eba51f5aa"
"""The commit of MMEB-V3 that two other groups pin."""
MARKER = ".rzen-unpacked.json"
"""Beside the unpacked files: what they were unpacked from. Written last, so there is none after half the work."""
FRAMES = "video-tasks/frames"
LEVEL = "frames"
"""A folder between a video task and its clips in some archives and trees; taken off."""


class Marker(Frozen):
    """A finished unpacking."""

    archive: str
    parts: dict[str, int]
    """Bytes of each part."""
    files: int
    bytes: int
    folders: dict[str, int] = Field(default={})
    """Files by the first folder below the target; empty in markers of earlier versions."""
    commit: str | None = None
    """Commit of the media repository that the parts came from, where it is known."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive, in one file or cut into several."""

    name: str
    parts: tuple[str, ...]
    """Its files, relative to the repository."""
    target: str
    """The folder that its members belong in, relative to the tree."""
    folders: tuple[str, ...]
    """Folders of tasks in the target; which spelling is whose, see `SPELLINGS`."""
    wrapper: re.Pattern[str]
    """Folders that members may lie in inside the archive, and that are taken off."""
    about_bytes: int = 0
    """Its size by public reports, for want of the hub's own answer; 0 where it is not known, or no task needs it."""
    repo: str = REPO
    commit: str = COMMIT
    """The commit to fetch it at."""

    def _layout(self, tree: Path) -> tuple[str, ...]:
        """Names of the parts: those of the repository or, where more files lie there under them, those of MMEB-V3."""
        layouts = [self.parts]
        for stem in dict.fromkeys((self._stem, self._stem.replace("-tasks/", "_tasks/"))):
            names = [file.name for file in _numbered(tree / stem)]
            width, last = (len(names[-1].rpartition("-")[2]), int(names[-1].rpartition("-")[2])) if names else (0, -1)
            layouts += [(stem,), tuple(f"{stem}-{number:0{width}}" for number in range(last + 1))]
        return max(layouts, key=lambda names: sum((tree / name).is_file() for name in names))

    def parts_of(self, names: Collection[str]) -> tuple[str, ...]:
        """Its parts among the files of a repository; of one whose only known part has a number, all that are there."""
        numbered = re.compile(re.escape(self._stem) + r"-\d+")
        more = tuple(sorted(filter(numbered.fullmatch, names)))
        return more if more and len(self.parts) == 1 and self._stem != self.parts[0] else self.parts

    def cut_otherwise(self, tree: Path) -> bool:
        """Whether all of it is on disk, but under other names than those of the repository, such as MMEB-V3's."""
        return not self.missing(tree) and self._layout(tree) != self.parts

    @property
    def _stem(self) -> str:
        return re.sub(r"-\d+$", "", self.parts[0])

    def missing(self, tree: Path) -> list[str]:
        """Parts that are not on disk."""
        return [part for part in self._layout(tree) if not (tree / part).is_file()]

    def sizes(self, tree: Path) -> dict[str, int]:
        """Bytes of each part on disk, in order."""
        return {part: (tree / part).stat().st_size for part in self._layout(tree) if (tree / part).is_file()}

    def unpacked(self, tree: Path) -> Marker | None:
        """The marker of a finished unpacking; None where there was none, or where it is torn."""
        try:
            return Marker.model_validate(read_json(tree / self.target / MARKER))
        except (OSError, ValueError):
            return None

    def place(self, member: PurePosixPath) -> tuple[PurePosixPath, bool]:
        """Where a member belongs below the target, and whether it is one of a known task.

        Args:
            member: its path, relative and without `..`.
        """
        inside = PurePosixPath(self.wrapper.sub("", f"{member.as_posix()}/", count=1))
        if not inside.parts:
            return inside, True
        folder, *below = inside.parts
        known = self.folder(folder) is not None
        if known and below[:1] == [LEVEL] and self.target.startswith(FRAMES):
            below = below[1:]
        return PurePosixPath(folder, *below), known

    def revision(self, asked: str | None) -> str:
        """The revision to fetch it at.

        Args:
            asked: `data.media_revision`; one that is a commit is one of MMEB-V2's.
        """
        return asked if asked and (self.repo == REPO or not re.fullmatch("[0-9a-f]{40}", asked)) else self.commit

    def without(self, task: Task, marker: Marker) -> bool:
        """Whether what was unpacked holds nothing for a task; False where the marker does not say what it held."""
        wanted = folder_of(task)
        return (
            wanted is not None
            and bool(marker.folders)
            and not any(
                self.folder(name) == self.folder(wanted) if self.folder(wanted) else name == wanted
                for name in marker.folders
            )
        )

    def folder(self, name: str) -> str | None:
        """The folder of a task that goes by a name, whatever its case; None where no task of this archive does."""
        return _folder(self.folders, name)


@lru_cache(maxsize=1000)
def _folder(folders: tuple[str, ...], name: str) -> str | None:
    spelt = {_plain(other): folder for folder in folders for other in (folder, *SPELLINGS.get(folder, ()))}
    return spelt.get(_plain(name))


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-")


def _numbered(stem: Path) -> list[Path]:
    """`NAME-00`, `NAME-01` and so on."""
    pattern = re.compile(re.escape(stem.name) + r"-\d+")
    return (
        sorted(file for file in stem.parent.iterdir() if pattern.fullmatch(file.name)) if stem.parent.is_dir() else []
    )


def _wrapper(*folders: str, last: str = "") -> re.Pattern[str]:
    return re.compile(f"^(?:(?:{'|'.join(folders)})/)*{last}")


SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "egoschema": ("EgoSchema",),
    "Charades-STA": ("Charades_STA", "charades_sta_frames"),
    "SSv2": ("SmthSmthV2",),
    "K700": ("Kinetics-700",),
    **documents.PAGE_SPELLINGS,
}
"""Other names of a task's folder: of the official YAML, of earlier uploads, of the row repositories."""

IMAGE_FOLDERS = (
    "ImageNet-1K", "N24News", "HatefulMemes", "VOC2007", "SUN397", "Place365", "ImageNet-A", "ImageNet-R", "ObjectNet",
    "Country211", "OK-VQA", "A-OKVQA", "DocVQA", "InfographicsVQA", "ChartQA", "Visual7W", "ScienceQA", "VizWiz", "GQA",
    "TextVQA", "VisDial", "CIRR", "VisualNews_t2i", "VisualNews_i2t", "MSCOCO_t2i", "MSCOCO_i2t", "NIGHTS", "WebQA",
    "FashionIQ", "Wiki-SS-NQ", "OVEN", "EDIS", "MSCOCO", "RefCOCO", "RefCOCO-Matching", "Visual7W-Pointing",
)  # fmt: skip


_NAMES = ("video_cls", "video_ret", "video_mret", "video_qa")
_PARTS = {"video_qa": tuple(f"{FRAMES}/video_qa.tar.gz-{part:02}" for part in range(5))}
_FOLDERS = {
    "video_cls": ("SSv2", "HMDB51", "UCF101", "K700", "Breakfast"),
    "video_ret": ("MSR-VTT", "MSVD", "DiDeMo", "YouCook2", "VATEX"),
    "video_mret": ("QVHighlight", "Charades-STA", "MomentSeeker"),
    "video_qa": ("Video-MME", "NExTQA", "egoschema", "MVBench", "ActivityNetQA"),
}
_BYTES = {
    "video_cls": 9_600_000_000,
    "video_ret": 7_801_879_510,
    "video_mret": 22_500_000_000,
    "video_qa": 51_700_000_000,
}
RETRIEVAL = "(?:(?:data/[^/]+/)?video_retrieval/)?"
"""`data/ziyan/video_retrieval/`, as it lay on the machine of whoever packed `video_ret`."""
ARCHIVES = (
    Archive(
        "mmeb_v1",
        ("image-tasks/mmeb_v1.tar.gz",),
        "image-tasks",
        IMAGE_FOLDERS,
        _wrapper("image-tasks", "image_tasks", "mmeb_v1", "MMEB"),
        7_000_000_000,
    ),
    *(
        Archive(
            name,
            _PARTS.get(name, (f"{FRAMES}/{name}.tar.gz",)),
            f"{FRAMES}/{name}",
            _FOLDERS[name],
            _wrapper("video-tasks", "video_tasks", "frames", name, last=RETRIEVAL if name == "video_ret" else ""),
            _BYTES[name],
        )
        for name in _NAMES
    ),
)

DOCUMENTS = tuple(
    Archive(
        f"visdoc-tasks.{inside}",
        (f"visdoc-tasks/visdoc-tasks.{inside}.tar.gz",),
        target,
        folders,
        _wrapper("visdoc-tasks", "visdoc_tasks", inside),
    )
    for inside, target, folders in (
        ("data", documents.ROWS, documents.ROW_FOLDERS),
        ("images", documents.PAGES, tuple(dict.fromkeys(documents.PAGE_FOLDERS.values()))),
    )
)
"""Rows and pages of the visual documents, which the row repositories have too: unpacked where they lie there."""

_OF_V3 = (
    ("MCMR", "image_tasks/MCMR.tar.gz", "image-tasks/MCMR", ("images", "query.jsonl", "candidates.jsonl"), "image"),
    ("text-tasks", "text_tasks/text_tasks.tar.part-000", "text-tasks", documents.TEXTS, "text"),
    ("tool-tasks", "tool_tasks/tool_tasks.tar.gz", "tool-tasks", ("ToolDe-Queries", "ToolDe-Candidates"), "tool"),
    ("memory-tasks", "memory_tasks/memory-tasks.tar", "memory-tasks", documents.MEMORIES, "memory"),
)
OF_V3 = tuple(
    Archive(
        name,
        (part,),
        target,
        folders,
        _wrapper(f"{kind}-tasks", f"{kind}_tasks", *(["MCMR"] if name == "MCMR" else [])),
        repo=V3,
        commit=V3_COMMIT,
    )
    for name, part, target, folders, kind in _OF_V3
)
"""Archives of MMEB-V3 with the rows of the tasks that it has beside those of MMEB-V2, and the pictures of MCMR."""


def needed(task: Task) -> list[Archive]:
    """Archives with the media of a task: those that its options name folders of."""
    held = [holder(folder) for folder in _texts(task.options)]
    if task.modality is Modality.IMAGE and not any(held):
        held.append(ARCHIVES[0])
    return [archive for archive in (*ARCHIVES, *OF_V3) if archive in held]


def folder_of(task: Task) -> str | None:
    """The name of a task's folder in its archive; None where none of the archives has one."""
    if task.modality is Modality.IMAGE and needed(task) == [ARCHIVES[0]]:
        return task.dataset.config
    for text in _texts(task.options):
        if archive := holder(text):
            inside = text.replace("{place}", str(task.options.get("place", ""))).removeprefix(f"{archive.target}/")
            first, *more = inside.split("/")
            return more[0] if first in documents.MEMORY_PLACES.values() else first
    return None


def holder(path: str) -> Archive | None:
    """The archive that a file of the tree comes from; None where it comes from none."""
    inside = [archive for archive in (*ARCHIVES, *DOCUMENTS, *OF_V3) if f"{path}/".startswith(f"{archive.target}/")]
    return max(inside, key=lambda archive: len(archive.target), default=None)


def _texts(options: Any) -> Iterator[str]:
    """Every string in nested options."""
    if isinstance(options, str):
        yield options
    elif isinstance(options, dict):
        yield from (text for value in options.values() for text in _texts(value))
    elif isinstance(options, (list, tuple)):
        yield from (text for value in options for text in _texts(value))
