"""The 36 image tasks: what each tells a model, how much it holds, and its rows with pictures on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import classes, grounding, matches, questions
from .rows import Entry, Row, seeded
from .specs import SampleCount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .rows import Picture

REPO = "ziyjiang/MMEB_Test_Instruct"
FOLDER = "TIGER-Lab/MMEB-V2/image-tasks"
_IMAGE = "<|image_1|>\n"
"""What stands before an instruction that comes with a picture."""

_CLASSIFY = "Represent the given image for classification"
_OBJECT = "Identify the object shown in the image"
_PLACE = "Identify the scene shown in the image"
_ASK = "Represent the given image with the following question:"
_GIVEN = "Represent the given image."
_CROP = "Represent the given cropped image of the object."
_SELECT = "Select the portion of the image that follows the language expressions"

_MAKERS = {**classes.MAKERS, **questions.MAKERS, **matches.MAKERS, **grounding.MAKERS}


@dataclass(frozen=True, slots=True)
class ImageTask:
    """A configuration of the repository."""

    name: str
    query: str
    """Instruction, word for word as in the benchmark's rows."""
    count: SampleCount
    candidate: str | None = None
    """Instruction; None where candidates are texts."""
    bare: bool = False
    """Whether the query's instruction comes without the mark of a picture."""
    files: str = "{:06}.jpg"
    """Names of the pictures, below the folder of the task."""

    def rows(self, world: str = "") -> Sequence[Row]:
        """The rows, the same on every call."""
        return _MAKERS[self.name](seeded(self.name, world), self.count.n_queries)


def _task(name: str, query: str, n_queries: int, n_candidates: int, **more: Any) -> ImageTask:
    return ImageTask(name, query, SampleCount(n_queries, n_candidates), **more)


TASKS = (
    _task("ImageNet-1K", _CLASSIFY, 24, 24, files="ILSVRC2012_val_{:08}.JPEG"),
    _task("N24News", "Represent the given news image with the following caption for domain classification:", 24, 24),
    _task("HatefulMemes", "Represent the given image for binary classification to determine whether it constitutes"
          " hateful speech or not", 16, 2, files="img/{:05}.png"),
    _task("VOC2007", _OBJECT, 20, 10),
    _task("SUN397", _PLACE, 24, 24),
    _task("Place365", _PLACE, 18, 18, files="Places365_val_{:08}.jpg"),
    _task("ImageNet-A", _CLASSIFY, 24, 24),
    _task("ImageNet-R", _CLASSIFY, 24, 24),
    _task("ObjectNet", _OBJECT, 18, 9, files="{:06}.png"),
    _task("Country211", "Identify the country depicted in the image", 18, 18),
    _task("OK-VQA", _ASK, 16, 14, files="COCO_val2014_{:012}.jpg"),
    _task("A-OKVQA", _ASK, 16, 19, files="{:012}.jpg"),
    _task("DocVQA", _ASK, 16, 24, files="{:06}.png"),
    _task("InfographicsVQA", _ASK, 16, 17, files="{:05}.jpeg"),
    _task("ChartQA", _ASK, 16, 16, files="{:06}.png"),
    _task("Visual7W", _ASK, 16, 24, files="v7w_{:07}.jpg"),
    _task("ScienceQA", _ASK, 16, 10, files="{:05}.png"),
    _task("VizWiz", _ASK, 16, 14, files="VizWiz_val_{:08}.jpg"),
    _task("GQA", _ASK, 16, 24),
    _task("TextVQA", _ASK, 16, 12),
    _task("VisDial", "Represent the given dialogue about an image, which is used for image retrieval:", 16, 24,
          candidate="Represent the given image", bare=True, files="VisualDialog_val2018_{:012}.jpg"),
    _task("CIRR", "Given an image, find a similar everyday image with the described changes:", 16, 64,
          candidate=_GIVEN, files="dev-{:04}-0-img0.png"),
    _task("VisualNews_t2i", "Retrieve an image of this news caption.", 16, 24, candidate=_GIVEN, bare=True),
    _task("VisualNews_i2t", "Find a caption for the news in the given photo.", 16, 24),
    _task("MSCOCO_t2i", "Find me an everyday image that matches the given caption:", 16, 24, candidate=_GIVEN,
          bare=True, files="COCO_val2014_{:012}.jpg"),
    _task("MSCOCO_i2t", "Find an image caption describing the given everyday image.", 16, 24,
          files="COCO_val2014_{:012}.jpg"),
    _task("NIGHTS", "Find a day-to-day image that looks similar to the provided image.", 16, 24, candidate=_GIVEN,
          files="distort/{:03}.png"),
    _task("WebQA", "Find a Wikipedia image that answers this question:", 16, 24,
          candidate="Represent the given Wikipedia image with related text information:"),
    _task("FashionIQ", "Find an image to match the fashion image and style note:", 16, 71, candidate=_GIVEN),
    _task("Wiki-SS-NQ", "Find the document image that can answer the given query:", 16, 24,
          candidate="Represent the given image", bare=True, files="{:06}.png"),
    _task("OVEN", "Retrieve a Wikipedia image-description pair that provides evidence for the question of this image:",
          16, 24, candidate="Represent the given Wikipedia image with related text information:"),
    _task("EDIS", "Find a news image that matches the provided caption:", 16, 24,
          candidate="Represent the given image with related text information:"),
    _task("MSCOCO", "Crop the image to to isolate the object labeled as", 16, 48, candidate=_CROP),
    _task("RefCOCO", f"{_SELECT}.", 16, 48, candidate=_CROP),
    _task("RefCOCO-Matching", f"{_SELECT}:", 16, 48, candidate=f"{_SELECT}:"),
    _task("Visual7W-Pointing", "Select the portion of the image that answers the question", 16, 48, candidate=_CROP),
)  # fmt: skip

COUNTS: Mapping[tuple[str, str | None], SampleCount] = {(REPO, task.name): task.count for task in TASKS}


def named(task: ImageTask, rows: Sequence[Row]) -> Mapping[Picture, str]:
    """File names of the pictures of a task, in an order that does not tell which belong together."""
    sides = [entry for row in rows for entry in (row.query, *row.candidates)]
    pictures = list(dict.fromkeys(entry.picture for entry in sides if entry.picture))
    seeded(f"names of {task.name}").shuffle(pictures)
    return {picture: f"{task.name}/{task.files.format(number)}" for number, picture in enumerate(pictures, start=1)}


def table(task: ImageTask, rows: Sequence[Row], names: Mapping[Picture, str]) -> Mapping[str, Sequence[Any]]:
    """The columns of the benchmark's rows."""

    def path(entry: Entry) -> str:
        return names[entry.picture] if entry.picture else ""

    return {
        "qry_inst": [("" if task.bare else _IMAGE) + task.query for _ in rows],
        "qry_text": [row.query.text for row in rows],
        "qry_img_path": [path(row.query) for row in rows],
        "tgt_inst": ["" if task.candidate is None else _IMAGE + task.candidate for _ in rows],
        "tgt_text": [[entry.text for entry in row.candidates] for row in rows],
        "tgt_img_path": [[path(entry) for entry in row.candidates] for row in rows],
    }


def write(root: Path, world: str = "") -> None:
    """Write the repository and the pictures under a folder."""
    from .files import save, write_repository

    tables = {}
    for task in TASKS:
        rows = task.rows(world)
        names = named(task, rows)
        for picture, name in names.items():
            save(root / FOLDER, name, picture.draw())
        tables[task.name] = table(task, rows, names)
    write_repository(root / REPO, "test", tables)
