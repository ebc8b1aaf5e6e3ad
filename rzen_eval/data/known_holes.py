"""Holes in the benchmark's data that others have met, by the issue of TIGER-AI-Lab/VLM2Vec that reports them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rzen_eval.data.examine import Examined

FRAMES_KEPT = 64
"""Frames that the official evaluator takes of a raw video."""
FEWER: dict[str, float] = {"hmdb51": 0.98, "smthsmthv2": 0.89, "msr_vtt": 0.84}
"""Share of the archive's clips with fewer than 64 frames, of tasks where that tells the archive from raw videos."""
ENOUGH = 50
"""Clips that a share is taken of."""
HUMAN_LABELED = "vidore_esg_reports_human_labeled_v2"
FEW_PAGES = "visdoc-tasks.images has 230 pages of 1538; the row repository has them all"
REPEATED = 1800
"""Rows of MomentSeeker before 31 July 2025, 413 of them pairs that are there twice."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Something known to be wrong with the data."""

    issue: str
    what: str
    holds: Callable[[Examined], bool]


def _folders(examined: Examined) -> set[str]:
    marker = examined.archive.unpacked(examined.tree) if examined.archive and examined.tree else None
    return set(marker.folders) if marker else set()


KNOWN = (
    Hole(
        "#201",
        "of video_qa only MVBench came out: its first part alone was read, or two tars follow one another; run"
        " `rzen-eval data unpack --again`",
        lambda found: bool(found.problem) and _folders(found) == {"MVBench"},
    ),
    Hole(
        "#99",
        "frames of MomentSeeker are missing in the archive of before 27 June 2025; get video_mret again",
        lambda found: (
            bool(found.problem)
            and found.task.name == "MomentSeeker"
            and bool(_folders(found))
            and "MomentSeeker" not in _folders(found)
        ),
    ),
    Hole(
        "#123",
        f"the {REPEATED} rows with repeats, from before 31 July 2025; the current ones are 1602",
        lambda found: found.task.id == "momentseeker" and found.n_rows == REPEATED,
    ),
    Hole(
        "#93",
        "the rows of this task came to the media repository after June 2025; fetch the row repository",
        lambda found: found.rows is None and found.task.id in {"charades_sta", "momentseeker", "activitynetqa"},
    ),
    Hole(
        "#167",
        "page labels of before 3 November 2025, one page off; the corrected ones are in the `-page-fixed` repository",
        lambda found: bool(found.rows) and found.task.id.endswith("_page_v2_0"),
    ),
    Hole(
        "#188",
        FEW_PAGES,
        lambda found: found.task.id == HUMAN_LABELED and 0 < found.whole < found.media,
    ),
)


def holes(examined: Examined) -> Iterator[str]:
    """What is wrong with a task's data: known holes by their issue, and what nobody has reported yet."""
    known = [hole for hole in KNOWN if hole.holds(examined)]
    yield from (f"{hole.issue}: {hole.what}" for hole in known)
    yield from _of_frames(examined.task.id, examined.frames)
    singles = sum(count == 1 for count in examined.frames)
    if singles:
        yield f"new: {singles} of {len(examined.frames)} clips have one frame only"
    if examined.problem and not known and examined.whole:
        yield f"new: {examined.problem}"


def _of_frames(task: str, frames: Sequence[int]) -> Iterator[str]:
    """Whether frames look as if they were taken from raw videos, which the archive's were not in these tasks."""
    expected = FEWER.get(task)
    fewer = sum(count < FRAMES_KEPT for count in frames)
    if expected and len(frames) >= ENOUGH and fewer < expected / 2 * len(frames):
        yield (
            f"{fewer} of {len(frames)} clips have fewer than {FRAMES_KEPT} frames, {expected:.0%} in the archive: they"
            " are taken from raw videos, so other frames than the benchmark's"
        )
