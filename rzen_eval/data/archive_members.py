"""What members of an archive become on disk: files that appear whole, inside their target or not at all."""

from __future__ import annotations

import io
import itertools
import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from rzen_eval.data.archives import MARKER
from rzen_eval.data.tar_stream import BLOCK, members
from rzen_eval.errors import DataError
from rzen_eval.files import appearing

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Mapping

    from rzen_eval.data.archives import Archive
    from rzen_eval.data.tar_stream import Joined

SCRATCH = ".rzen-unpacking-"
"""Beginning of the name of the one file that is being written; a killed run leaves it, a finished one removes it."""
DISTRUSTED = ".rzen-distrusted"
"""In a target that a damaged archive was unpacked to; what lies there is written again."""
SHOWN = 10
"""Members that may fit no known place before an archive is refused; so many are named then."""
HELD = 1 << 24
"""Bytes of members that are kept in memory until the first member fits."""
RATIO = 20
"""How many times its size an archive may grow; pictures hardly do at all."""
SLACK = 1 << 28
"""Bytes that an archive may grow to in any case."""
JUNK = ("._", ".DS_Store")
"""Beginnings of the names of files that macOS adds, which are left out."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive held and what of it was new."""

    files: int
    bytes: int
    written: int
    """Files that were not there yet."""
    folders: Mapping[str, int] = field(default_factory=dict)
    """Files by the first folder below the target; empty where an earlier version unpacked it."""


def scratch(target: Path) -> Path:
    """The one file that is being written."""
    return target / f"{SCRATCH}{os.getpid()}"


@dataclass
class Laying:
    """One pass over an archive."""

    archive: Archive
    target: Path
    """Resolved."""
    raw: Joined
    files: int = 0
    total: int = 0
    written: int = 0
    folders: Counter[str] = field(default_factory=Counter)
    _checked: set[Path] = field(default_factory=set)
    """Folders that are known to lie in the target."""

    def run(self) -> Unpacked:
        """Write what is not there yet."""
        self.trusted = not (self.target / DISTRUSTED).exists()
        names: list[str] = []
        held: list[tuple[tarfile.TarInfo, IO[bytes] | None, PurePosixPath]] = []
        proven = False
        for member, content in members(self.raw):
            names += [member.name] if len(names) < SHOWN else []
            inside, fits = self._place(member)
            if inside.name.startswith(JUNK):
                continue
            if member.isdir():
                if fits:
                    self._folder(member, self.target / inside)
                continue
            if not (proven or fits):
                held.append((member, content and io.BytesIO(content.read(HELD + 1)), inside))
                if len(held) == SHOWN or sum(each.size for each, _, _ in held) > HELD:
                    raise self._other(names)
                continue
            if not proven:
                (self.target / MARKER).unlink(missing_ok=True)
                proven = True
            for each in (*held, (member, content, inside)):
                self._take(*each)
            held = []
        if not proven:
            raise self._other(names)
        return Unpacked(self.files, self.total, self.written, self.folders)

    def _place(self, member: tarfile.TarInfo) -> tuple[PurePosixPath, bool]:
        """Where a member belongs and whether it fits a known place, or an error if it should not exist at all."""
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            kind = "a FIFO" if member.isfifo() else "a device" if member.isdev() else "no file"
            raise self._refused(member, kind)
        inside, fits = self.archive.place(self._inside(member, member.name))
        if member.islnk():
            self._inside(member, member.linkname)
        elif member.issym():
            # After a name `..` would depend on what other links make of that name, so it may come first only.
            aim = Path(os.path.normpath((self.target / inside).parent / member.linkname))
            names = list(itertools.dropwhile(lambda part: part == "..", PurePosixPath(member.linkname).parts))
            if member.linkname.startswith("/") or ".." in names or not aim.is_relative_to(self.target):
                raise self._refused(member, f"a link out of its folder, to {member.linkname}")
        return inside, fits

    def _inside(self, member: tarfile.TarInfo, name: str) -> PurePosixPath:
        path = PurePosixPath(name)
        if path.is_absolute():
            raise self._refused(member, f"an absolute path, {name}" if name != member.name else "an absolute path")
        if ".." in path.parts:
            raise self._refused(member, "a path with '..'")
        return path

    def _take(self, member: tarfile.TarInfo, content: IO[bytes] | None, inside: PurePosixPath) -> None:
        """Lay a file or a link where it belongs."""
        place = self.target / inside
        if place == self.target:
            raise self._refused(member, "a file in the place of a folder")
        self._folder(member, place.parent)
        self.files += 1
        self.total += member.size
        self.folders[inside.parts[0]] += 1
        if self.total > SLACK + RATIO * self.raw.count:
            raise self._refused(member, f"more than {RATIO} times what was read so far, which no picture is")
        if member.issym() or member.islnk():
            self.written += self._link(member, place)
        elif not (self.trusted and _finished(place, member)):
            if content is None:
                raise self._refused(member, "a member without content")
            _write(content, place, member, scratch(self.target))
            self.written += 1

    def _folder(self, member: tarfile.TarInfo, folder: Path) -> None:
        """Make a folder; links among its parents are refused, since what `..` means beyond them shows only on disk."""
        if folder in self._checked:
            return
        if folder.resolve() != folder:
            raise self._refused(member, f"a path through a link, to {folder.resolve()} instead of {self.target}")
        folder.mkdir(parents=True, exist_ok=True)
        self._checked.add(folder)

    def _link(self, member: tarfile.TarInfo, place: Path) -> int:
        """A link to somewhere inside the target; returns how many were written."""
        if member.islnk():
            source = self.target / self.archive.place(PurePosixPath(member.linkname))[0]
            if not source.is_file() or source.is_symlink():
                raise self._refused(member, f"a hard link to {member.linkname}, which it does not hold as a file")
            if place.is_file() and place.samefile(source):
                return 0
            place.unlink(missing_ok=True)
            place.hardlink_to(source)
            return 1
        if place.is_symlink() and str(place.readlink()) == member.linkname:
            return 0
        place.unlink(missing_ok=True)
        place.symlink_to(member.linkname)
        return 1

    def _refused(self, member: tarfile.TarInfo, what: str) -> DataError:
        return DataError(
            f"{self.archive.name}: member {member.name!r} is {what}; refused, and so is the rest of"
            f" {self.archive.parts[0]}: get the archive again from the hub"
        )

    def _other(self, names: list[str]) -> DataError:
        """The error of an archive with a layout that nobody has seen yet."""
        expected = ", ".join(self.archive.folders[:5])
        found = f"its first members are {', '.join(map(repr, names))}" if names else "it holds no member"
        return DataError(
            f"{self.archive.name}: {self.archive.parts[0]} has an unknown layout: expected folders such as {expected},"
            f" {found}; nothing was written. Get the archive at the commit that `rzen-eval data plan` names, or report"
            " these names"
        )


def _finished(place: Path, member: tarfile.TarInfo) -> bool:
    try:
        stat = place.lstat()
    except FileNotFoundError:
        return False
    return (stat.st_size, int(stat.st_mtime)) == (member.size, int(member.mtime))


def _write(content: IO[bytes], place: Path, member: tarfile.TarInfo, beside: Path) -> None:
    """Write a file whole, with the archive's time but neither its owner nor its permissions."""
    beside.unlink(missing_ok=True)
    with appearing(place, beside):
        with beside.open("xb") as file:
            shutil.copyfileobj(content, file, BLOCK)
        os.utime(beside, (member.mtime, member.mtime))
