"""Files and folders: made whole or not at all, and looked for by name; how much of one is read is in `bounds`."""

from __future__ import annotations

import difflib
import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import time
import unicodedata
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from rzen_eval.files import leftovers
from rzen_eval.files.bounds import FILE, UNPACKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SETTLED = 2 * 10**9
"""Nanoseconds after its last change from which on a further change of a file shows in its times, on any file system."""
LONGEST_NAME, LONGEST_PATH = 255, 4000
"""Bytes, on any usual file system."""
COMPARED = 300
"""Names in a folder that a missing one is compared with letter by letter; among more only like ones are looked for."""


def make_once(place: Path, make: Callable[[Path], None]) -> Path:
    """The folder `place`, filled by `make` if it is not there yet.

    It is made beside its place and moved there whole, so that a killed run leaves no half of it and two
    runs that start together do not disturb each other.

    Raises:
        OSError: it is not there and cannot be written.
    """
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    leftovers.remove([place.parent])
    made = place.with_name(leftovers.scratch_name("making"))
    try:
        make(made)
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return place


def usable(path: str | os.PathLike[str]) -> Path:
    """A path that there could be, `~` being the home folder.

    Raises:
        ValueError: there could not; says why.
    """
    text = os.fspath(path)
    if "\0" in text:
        raise ValueError(f"expected a path, found {text!r:.60} with a null character")
    longest = max(len(os.fsencode(part)) for part in text.split("/"))
    if longest > LONGEST_NAME or len(os.fsencode(text)) > LONGEST_PATH:
        what = f"a name of {longest} bytes" if longest > LONGEST_NAME else f"one of {len(os.fsencode(text))} bytes"
        raise ValueError(f"expected a path, found {text!r:.60}..., {what}, which no file system takes")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{text}: no home folder is known, since HOME is not set and the system has no entry for this user; give a"
            " whole path, or set HOME"
        ) from error


def need_regular(file: str | os.PathLike[str]) -> os.stat_result:
    """What the system tells of a regular file; a device or a pipe would be read without end.

    Raises:
        OSError: it is not there, or it is something else.
    """
    told = os.stat(file)  # noqa: PTH116 - a tenth of the time, a hundred thousand times
    if not stat.S_ISREG(told.st_mode):
        kind = "a folder" if stat.S_ISDIR(told.st_mode) else "a device, a pipe or a socket"
        raise OSError(errno.EINVAL, f"it is {kind} and no regular file", os.fspath(file))
    return told


def read_whole(file: Path) -> bytes:
    """The content of a regular file of bounded size.

    Raises:
        OSError: it is not there, it is something else, or it is too large.
    """
    size = need_regular(file).st_size
    if size > FILE.most:
        raise OSError(errno.EFBIG, FILE.exceeded(size), os.fspath(file))
    return file.read_bytes()


def read_json(file: Path) -> Any:
    """What a regular file of bounded size holds; a byte order mark is read over.

    Raises:
        OSError: it is not there, it is something else, or it is too large.
        ValueError: it is no JSON.
    """
    try:
        return json.loads(read_whole(file).decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def unpack_whole(packed: bytes) -> bytes:
    """What gzip has packed, of bounded size.

    Raises:
        OSError: it is damaged, or too large.
        EOFError, zlib.error: it is damaged.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        content = stream.read(UNPACKED.most + 1)
    if len(content) > UNPACKED.most:
        raise OSError(errno.EFBIG, UNPACKED.exceeded())
    return content


def state(file: str | os.PathLike[str]) -> str:
    """What changes whenever a file is replaced or written to: size, time, inode and change time.

    Raises:
        OSError: it is not there.
    """
    return _state(os.stat(file))  # noqa: PTH116 - a tenth of the time, a hundred thousand times


def _state(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino} {status.st_ctime_ns}"


def digests(files: Iterable[str | os.PathLike[str]], notes: Path) -> list[str]:
    """SHA-256 of the content of each file, in hexadecimal.

    Digests are noted, so that gigabytes are read once. A file counts as the one that was read while its place and its
    `state` are the same; the time of change in it is set by the system alone, so that a copy which keeps size and time
    (rsync, tar, cp -p) is noticed. A file that has only just changed is read, and not noted.

    Args:
        files: which.
        notes: where digests are kept; where it cannot be written, files are read again next time.

    Raises:
        OSError: a file cannot be read.
    """
    noted, new, found = _noted(notes), dict[str, list[str]](), []
    for file in files:
        place, told = os.path.realpath(file), need_regular(file)
        seen, digest = noted.get(place, ["", ""])
        if seen != _state(told):
            with Path(file).open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if time.time_ns() - max(told.st_mtime_ns, told.st_ctime_ns) > SETTLED:
                new[place] = [_state(told), digest]
        found.append(digest)
    if new:
        with suppress(OSError):
            write_whole(notes, json.dumps(noted | new, indent=1).encode())
    return found


def _noted(notes: Path) -> dict[str, list[str]]:
    try:
        content = read_json(notes)
        return {place: [str(part) for part in value] for place, value in content.items() if len(value) == 2}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


@contextmanager
def appearing(file: Path, scratch: Path | None = None) -> Iterator[Path]:
    """Where to write what becomes `file` once it is whole; what was there before stays until then.

    Args:
        file: its folder is made if it is not there; where it is a link, what that leads to is replaced.
        scratch: where to write it, in the same file system; None: hidden beside it, under a name of its own.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    file = Path(os.path.realpath(file)) if file.is_symlink() else file
    scratch = scratch or file.with_name(leftovers.scratch_name(file.name[:150]))
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield scratch
        scratch.replace(file)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it, and that is on the disk when this returns.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    with appearing(file) as scratch, scratch.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def write_out(file: Path, content: bytes) -> None:
    """Write what a user wants in a place of his choice: a regular file as `write_whole` does, a device or pipe at once.

    Raises:
        OSError: it cannot be written.
    """
    if (file.exists() and not (file.is_file() or file.is_dir())) or file.parts[:2] in {("/", "dev"), ("/", "proc")}:
        with file.open("wb") as stream:
            stream.write(content)
    else:
        write_whole(file, content)


def entries(folder: Path) -> tuple[str, ...]:
    """Names in a folder, sorted; none where it cannot be listed."""
    try:
        return _entries(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=64)
def _entries(folder: Path, _changed: int) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in folder.iterdir()))


def plain(name: str) -> str:
    """A name without what file systems and people change in it: case, Unicode form, `_` for `-`."""
    return unicodedata.normalize("NFC", name).casefold().replace("_", "-")


def nearest_there(path: Path) -> str:
    """What is there in place of a missing file or folder, for the end of a message; empty where nothing is like it."""
    missing = path
    while not missing.parent.is_dir():
        if missing == missing.parent:
            return ""
        missing = missing.parent
    names = [name for name in entries(missing.parent) if ".tar" not in name]
    alike = [name for name in names if plain(name) == plain(missing.name)]
    alike = alike or [name for name in names if PurePath(name).stem == missing.stem]
    if not alike and len(names) <= COMPARED:
        alike = difflib.get_close_matches(missing.name, names, n=1)
    what = "the nearest name there is" if missing == path else f"the nearest name in {missing.parent} is"
    return f" ({what} {alike[0]!r})" if alike and alike[0] != missing.name else ""
