"""`rzen-eval data`: get the benchmark's data onto this machine, and prove that it is all there."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.cli.terminal import listing, show
from rzen_eval.cli.values import one_of
from rzen_eval.errors import ConfigError, DataError, some

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.data.wanted import UnavailableError, Wanted

ONLY = {"again": "unpack", "deep": "verify", "listing": "doctor"}
"""Options of one action."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Get the benchmark's data onto this machine, and prove that it is all there: plan says what it takes, fetch"
        " downloads, unpack opens the archives, verify looks at every row and picture, doctor says of a tree as it is"
        " what is where and what can be run (task=available). data.root=DIR alone means data=mirror."
    )
    parser.add_argument("action", **one_of("plan", "fetch", "unpack", "verify", "doctor"))
    parser.add_argument("--again", action="store_true", help="unpack: write files that are there, too")
    parser.add_argument("--deep", action="store_true", help="verify: decode every picture, not its header alone")
    parser.add_argument(
        "--listing", metavar="FILE", help="doctor: where to write names and sizes, for an issue; data-doctor.json"
    )
    parser.examples = [
        "rzen-eval data plan task=mmeb_v2 data.root=/data",
        "rzen-eval data doctor data.root=/data",
        "rzen-eval data verify --deep task=visdoc data.root=/data",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Plan, fetch, unpack or verify the data of tasks.

    Returns:
        The exit code: 1 if something is missing, does not fit on the disk or failed.
    """
    from rzen_eval.config import compose

    for option, action in ONLY.items():
        if getattr(chosen, option) and chosen.action != action:
            raise ConfigError(f"data {chosen.action}: --{option} is for data {action}; leave it out")
    if not any(word.startswith("data=") for word in settings):
        rooted = any(word.startswith("data.root=") for word in settings)
        settings = [*settings, "data=mirror" if rooted else "data=hub"]
    config = compose.load(settings, places)
    if chosen.action == "verify":
        return _verify(config, chosen.deep)
    if chosen.action == "doctor":
        return _doctor(config, Path(chosen.listing or "data-doctor.json"))
    if chosen.action == "unpack":
        return _unpack(config, chosen.again)
    return _plan(config) if chosen.action == "plan" else _fetch(config)


def _things(chosen: RunConfig, also: Sequence[Wanted] = ()) -> list[Wanted]:
    from rzen_eval.data.wanted import wanted

    things = [*wanted(list(chosen.tasks.values())), *also]
    if not things:
        source = {
            "sample": "the package makes the sample itself",
            "hub": "these tasks need no archives, and their rows come from the hub when a task is loaded",
        }
        print(f"Nothing to get: {source.get(chosen.data.kind, 'these tasks need nothing')}.")
    return things


def _plan(chosen: RunConfig) -> int:
    from rzen_eval.data.commits import COMMIT
    from rzen_eval.data.fetch import gigabytes

    things = _things(chosen)
    if not things:
        return 0
    rows, to_get, to_unpack = [], 0, 0
    errors: list[UnavailableError] = []
    for thing in things:
        size, missing, error = _sizes(thing, reachable=not any(error.unreachable for error in errors))
        errors += [error] if error else []
        done = bool(thing.archive and thing.archive.unpacked(thing.folder))
        to_get += 0 if done else missing or 0
        to_unpack += size or 0 if thing.archive and not done else 0
        state = "unpacked" if done else "?" if missing is None else gigabytes(missing) if missing else "there"
        at = thing.revision or "main"
        rows.append(
            {
                "what": thing.name,
                "for": ", ".join(thing.tasks) if len(thing.tasks) < 3 else f"{len(thing.tasks)} tasks",
                "at": at[:12] if COMMIT.fullmatch(at) else f"{at} (no pin)",
                "size": "?" if size is None else gigabytes(size),
                "to get": state,
            }
        )
    show(listing("needed", rows, spare=["at"]))
    if errors:
        print(f"\nSizes are not all the hub's: {errors[0]}")
        if any(task.modality == "visdoc" for task in chosen.tasks.values()):
            print("Pages come with the rows of the 24 document tasks, about 33 GiB together by public reports.")
    place = chosen.data.root or things[0].folder
    free = shutil.disk_usage(_existing(place.expanduser().absolute())).free
    enough = free >= to_get + to_unpack
    unpacked = f", about {gigabytes(to_unpack)} more once unpacked" if to_unpack else ""
    amount = f"{gigabytes(to_get)} to get{unpacked}"
    amount = (f"at least {amount}" if to_get else "how much to get is not known") if errors else amount
    print(f"\n{amount}, {gigabytes(free)} free at {place}{'' if enough else ': not enough'}")
    return 0 if enough else 1


def _sizes(thing: Wanted, *, reachable: bool) -> tuple[int | None, int | None, UnavailableError | None]:
    """Bytes in all, bytes still to get, and why not from the hub; of an archive some are known without it."""
    from rzen_eval.data.wanted import UnavailableError

    error = None
    if reachable:
        try:
            return sum(file.size for file in thing.listing.files), sum(file.size for file in thing.waiting()), None
        except UnavailableError as unavailable:
            error = unavailable
    about = (thing.archive.about_bytes or None) if thing.archive else None
    there = thing.archive and not thing.archive.missing(thing.folder)
    return about, 0 if there else about, error


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _fetch(chosen: RunConfig) -> int:
    from rzen_eval.data.fetch import fetch

    def get(thing: Wanted) -> None:
        if thing.archive and thing.archive.unpacked(thing.folder) and thing.archive.missing(thing.folder):
            print(f"{thing.name}: unpacked already, and its archive is gone; nothing to get")
            return
        if thing.archive and thing.archive.cut_otherwise(thing.folder):
            first, *_ = thing.archive.sizes(thing.folder)
            print(f"{thing.name}: lies in {thing.folder} as {first} and so on; nothing to get")
            return
        fetch(thing, print)

    return _each(_things(chosen), get)


def _unpack(chosen: RunConfig, again: bool) -> int:
    from tqdm import tqdm

    from rzen_eval.data.archives import folder_of
    from rzen_eval.data.unpack import unpack
    from rzen_eval.data.wanted import beside

    def open_up(thing: Wanted) -> None:
        if thing.archive is None:
            return
        total = sum(thing.archive.sizes(thing.folder).values())
        with tqdm(
            desc=thing.archive.name, total=total, unit="B", unit_scale=True, disable=None, leave=False, mininterval=1
        ) as bar:
            counts = unpack(thing.archive, thing.folder, again=again, progress=bar.update)
        print(
            f"{thing.name}: {counts.files} files in {thing.folder / thing.archive.target}, {counts.written} of them new"
        )
        marker = thing.archive.unpacked(thing.folder)
        users = [chosen.tasks[name] for name in thing.tasks]
        empty = [str(folder_of(task)) for task in users if marker and thing.archive.without(task, marker)]
        if marker and empty:
            raise DataError(
                f"{thing.archive.name}: holds nothing for {some(empty)}; its folders are {some(list(marker.folders))}:"
                " it is of another revision, or its last parts are missing"
            )

    things = [thing for thing in _things(chosen, beside(list(chosen.tasks.values()))) if thing.archive]
    if not things:
        print("Nothing to unpack: the chosen tasks need no archive.")
    return _each(things, open_up)


def _each(things: Sequence[Wanted], act: Callable[[Wanted], None]) -> int:
    """Do what can be done; one thing that fails does not stop the others."""
    failed = 0
    for thing in things:
        try:
            act(thing)
        except DataError as error:
            print(f"rzen-eval: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def _verify(chosen: RunConfig, deep: bool) -> int:
    from tqdm import tqdm

    from rzen_eval.data.verify import report, verify

    tasks = list(chosen.tasks.values())
    failed = other = warned = 0
    with tqdm(desc="verify", unit=" pictures", disable=None, leave=False) as bar:
        for found in verify(tasks, deep=deep, workers=chosen.runtime.loaders(), progress=bar.update):
            failed += bool(found.faults)
            other += found.other_data
            warned += bool(found.warnings) and not found.other_data
            bar.clear()
            print("\n".join(report(found)))
    print(
        f"\n{len(tasks) - failed} of {len(tasks)} tasks are complete"
        + (f", of {other} the rows are not the benchmark's (see above; data.strict=true refuses them)" if other else "")
        + (f", {warned} with a warning (see above)" if warned else "")
        + ("" if deep else "; headers only were read, --deep decodes every picture")
    )
    return 1 if failed else 0


def _doctor(chosen: RunConfig, file: Path) -> int:
    from tqdm import tqdm

    from rzen_eval.data.doctor import notes, table
    from rzen_eval.data.examine import examine
    from rzen_eval.data.tree_listing import listing as names_and_sizes
    from rzen_eval.files import write_out

    root = chosen.data.media or chosen.data.root
    if root is not None and not root.expanduser().is_dir():
        raise DataError(f"data doctor: no folder at {root}; data.root=FOLDER is where data lie, or are to lie")
    tasks = list(chosen.tasks.values())
    found = [examine(task) for task in tqdm(tasks, desc="doctor", unit=" tasks", disable=None, leave=False)]
    show(listing("tasks", table(found), spare=["rows"]))
    print("\n" + "\n".join(f"* {note}" for note in notes(found)))
    if root is not None:
        try:
            write_out(file, json.dumps(names_and_sizes(root.expanduser().absolute()), indent=1).encode())
            print(f"* {file} has names and sizes of what lies in {root}, for an issue about data that are not found")
        except OSError as error:
            print(f"* no listing of names and sizes: {file} cannot be written ({error}); give --listing FILE")
    return 0 if any(each.problem is None for each in found) else 1
