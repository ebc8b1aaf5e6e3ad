"""The benchmark as it lies on people's disks, a few rows and clips of it.

`CLIPS` is what the tasks' rows name. `MEMBERS` are the paths that the archives have inside, `TREES` those that a clip
has on the disks of people who used other tools; both from public scripts, configurations and reports.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rzen_eval.core import Item, Side, Vectors
from rzen_eval.data.archives import ARCHIVES, COMMIT, REPO
from rzen_eval.media import open_rgb

BY_NAME = {archive.name: archive for archive in ARCHIVES}
V3 = "VLM2Vec/MMEB-V3"


@dataclass(frozen=True)
class Clips:
    """A task's rows, and the clips that they name."""

    task: str
    archive: str
    folder: str
    """The name of the task's folder in the real archive."""
    repo: str
    rows: list[dict[str, Any]]
    clips: list[str]
    """Below the task's folder."""
    config: str | None = None
    split: str = "test"
    jsonl: str = ""
    """The file with its rows in `video-tasks/data`."""
    frames: int = 10
    name: str = "frame_{:04d}.jpg"

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Path below the task's folder, and content, of every frame."""
        for clip in self.clips:
            for number in range(1, self.frames + 1):
                yield f"{clip}/{self.name.format(number)}", picture(f"{self.task} {clip}", number)


def picture(name: str, number: int = 0, kind: str = "JPEG") -> bytes:
    """A small picture that differs from those of other names and numbers."""
    shade = sum(name.encode()) * 7 + 11 * number
    stream = io.BytesIO()
    Image.new("RGB", (48, 32), (shade % 256, shade // 3 % 256, number % 256)).save(stream, format=kind)
    return stream.getvalue()


def _moments(task: str, folder: str, jsonl: str) -> Clips:
    video = "abc_60.0_210.0"
    clips = [f"{video}/{clip}" for clip in ("query", "positive_clip", "negative_clip_0", "negative_clip_1")]
    row = {"query": "a chef cuts a pizza", "video_path": f"videos/{video}.mp4", "clips_dir_path": f"/somewhere/{video}"}
    return Clips(task, "video_mret", folder, f"VLM2Vec/{folder}", [row], clips, jsonl=jsonl, frames=8)


def _choices(*names: str) -> list[str]:
    return [f"{letter}. {name}." for letter, name in zip("ABCDE", names, strict=False)]


def _cls(task: str, folder: str, repo: str, jsonl: str, **more: Any) -> Clips:
    rows = [{"video_id": f"v_{n}", "pos_text": label, **more} for n, label in enumerate(("wave", "clap"))]
    return Clips(task, "video_cls", folder, f"VLM2Vec/{repo}", rows, ["v_0", "v_1"], jsonl=jsonl)


def _ret(task: str, folder: str, id_: str, text: str, jsonl: str, **more: Any) -> Clips:
    rows = [
        {id_: f"clip{n}", text: f"caption {n}"} | ({"video": f"clip{n}.mp4"} if id_ == "video_id" else {})
        for n in range(2)
    ]
    return Clips(
        task, "video_ret", folder, more.pop("repo", f"VLM2Vec/{folder}"), rows, ["clip0", "clip1"], jsonl=jsonl, **more
    )


CHOSEN = _choices("Cat", "Dog", "Cow", "Hen", "Fox")
SEEKER = {"query": "a man opens a door", "positive_frames": [{"output_path": "videos/ego/19_334.00_338.00.mp4"}]}
SEEKER |= {"negative_frames": [{"output_path": "videos/ego/19_1.00_2.00.mp4"}], "input_frames": "videos/ego/19.mp4"}
VIDEO = (
    _cls("k700", "K700", "Kinetics-700", "k700"),
    _cls("hmdb51", "HMDB51", "HMDB51", "hmdb51"),
    _cls("ucf101", "UCF101", "UCF101", "ucf101"),
    _cls("breakfast", "Breakfast", "Breakfast", "breakfast"),
    _cls("smthsmthv2", "SSv2", "SmthSmthV2", "ssv2", neg_text=["wave", "clap", "jump"]),
    _ret("msr_vtt", "MSR-VTT", "video_id", "caption", "msr-vtt", config="test_1k"),
    Clips(
        "msvd", "video_ret", "MSVD", "VLM2Vec/MSVD",
        [{"video_id": f"clip{n}", "video": f"clip{n}.avi", "caption": [f"caption {n}", "another"]} for n in range(2)],
        ["clip0", "clip1"], jsonl="msvd", name="frame_{:04d}.png",
    ),
    Clips(
        "didemo", "video_ret", "DiDeMo", "VLM2Vec/DiDeMo",
        [{"video": "64.1@N08_22.avi.mp4", "caption": "a boat"}, {"video": "test/12.mov", "caption": "a car"}],
        ["64.1@N08_22.avi", "12"], jsonl="didemo",
    ),
    Clips(
        "youcook2", "video_ret", "YouCook2", "lmms-lab/YouCook2",
        [{"id": f"{n}_a", "video_path": f"val/{n}_a.mp4", "sentence": f"cut {n}"} for n in range(2)],
        ["0_a", "1_a"], split="val", jsonl="youcook2-val",
    ),
    Clips(
        "vatex", "video_ret", "VATEX", "VLM2Vec/VATEX",
        [{"videoID": f"-x_{n}", "enCap": [f"caption {n}", "another"]} for n in range(2)],
        ["-x_0", "-x_1"], jsonl="vatex",
    ),
    Clips(
        "video_mme", "video_qa", "Video-MME", "VLM2Vec/Video-MME",
        [{"question": "What?", "videoID": "fFjv93ACGo8", "options": CHOSEN[:4], "answer": "B"}],
        ["fFjv93ACGo8"], jsonl="video-mme", name="{:04d}.jpeg",
    ),
    Clips(
        "nextqa", "video_qa", "NExTQA", "VLM2Vec/NExTQA",
        [{"video": 4010069381, "question": "why", "answer": 0, **{f"a{n}": f"answer {n}" for n in range(5)}}],
        ["4010069381"], config="MC", jsonl="nextqa", name="{:04d}.jpeg",
    ),
    Clips(
        "egoschema", "video_qa", "egoschema", "VLM2Vec/EgoSchema",
        [{"video_idx": "0074f737", "question": "What?", "answer": "3", "option": CHOSEN}],
        ["0074f737"], config="Subset", jsonl="egoschema", frames=64, name="{:04d}.jpeg",
    ),
    Clips(
        "activitynetqa", "video_qa", "ActivityNetQA", "VLM2Vec/ActivityNetQA",
        [{"video_name": "mZYWfmsYQPA", "question": "is it", "answer": "yes"}],
        ["v_mZYWfmsYQPA"], jsonl="activitynetqa", name="{:04d}.jpeg",
    ),
    _moments("qvhighlight", "QVHighlight", "qvhighlight"),
    _moments("charades_sta", "Charades-STA", "charades_sta"),
    Clips(
        "momentseeker", "video_mret", "MomentSeeker", "VLM2Vec/MomentSeeker", [SEEKER],
        [f"video_frames/videos_ego_19{part}" for part in ("", "_334.00_338.00", "_1.00_2.00")],
        jsonl="momentseeker_1k6", frames=8,
    ),
)  # fmt: skip
IMAGE_ROW = {
    "qry_inst": "<|image_1|>\nFind:", "qry_text": "make it red", "qry_img_path": "CIRR/q.jpg",
    "tgt_inst": "<|image_1|>\nRead.", "tgt_text": ["", ""], "tgt_img_path": ["CIRR/a.jpg", "CIRR/b.jpg"],
}  # fmt: skip
IMAGES = ("q.jpg", "a.jpg", "b.jpg")

MEMBERS: Mapping[str, tuple[str, ...]] = {
    "mmeb_v1": ("MMEB/{task}", "./MMEB/{task}", "{task}", "mmeb_v1/MMEB/{task}"),
    "video_cls": ("{task}", "./{task}", "video_cls/{task}", "frames/{task}"),
    "video_ret": (
        "data/ziyan/video_retrieval/{task}/frames",
        "./data/ziyan/video_retrieval/{task}/frames",
        "data/somebody/video_retrieval/{task}/frames",
        "video_ret/{task}",
    ),
    "video_qa": ("video_qa/{task}", "./video_qa/{task}", "{task}", "video_qa/video_qa/{task}"),
    "video_mret": ("video_mret/{task}", "./video_mret/{task}", "{task}", "video-tasks/frames/video_mret/{task}"),
}
"""How members of each archive begin; the first is the real one."""

IN_FRAMES = "video-tasks/frames"
TREES: Mapping[str, Mapping[str, str]] = {
    "unpacked by this package": {
        "mmeb_v1": "image-tasks/{task}",
        **{name: f"{IN_FRAMES}/{name}/{{task}}" for name in ("video_cls", "video_ret", "video_qa", "video_mret")},
    },
    "the official download script and `mv MMEB/* .`": {
        "mmeb_v1": "image-tasks/{task}",
        "video_cls": f"{IN_FRAMES}/video_cls/{{task}}",
        "video_ret": f"{IN_FRAMES}/video_ret/data/ziyan/video_retrieval/{{task}}/frames",
        "video_qa": f"{IN_FRAMES}/video_qa/{{task}}",
        "video_mret": f"{IN_FRAMES}/video_mret/{{task}}",
    },
    "every archive unpacked where it lies": {
        "mmeb_v1": "image-tasks/MMEB/{task}",
        "video_cls": f"{IN_FRAMES}/{{task}}",
        "video_ret": f"{IN_FRAMES}/data/ziyan/video_retrieval/{{task}}/frames",
        "video_qa": f"{IN_FRAMES}/video_qa/{{task}}",
        "video_mret": f"{IN_FRAMES}/video_mret/{{task}}",
    },
    "every archive in a folder of its name": {
        "mmeb_v1": "image-tasks/mmeb_v1/MMEB/{task}",
        "video_cls": f"{IN_FRAMES}/video_cls/{{task}}",
        "video_ret": f"{IN_FRAMES}/video_ret/data/your_user/video_retrieval/{{task}}/frames",
        "video_qa": f"{IN_FRAMES}/video_qa/video_qa/{{task}}",
        "video_mret": f"{IN_FRAMES}/video_mret/video_mret/{{task}}",
    },
    "the set-up script of MMEB-V3": {
        "mmeb_v1": "image-tasks/MMEB/{task}",
        "video_cls": f"{IN_FRAMES}/video_cls/{{task}}",
        "video_ret": f"{IN_FRAMES}/video_ret/data/ziyan/video_retrieval/{{task}}/frames",
        "video_qa": f"{IN_FRAMES}/video_qa/video_qa/{{task}}",
        "video_mret": f"{IN_FRAMES}/video_mret/video_mret/{{task}}",
    },
    "the set-up script of WeMM-Embedding": {
        "mmeb_v1": "image-tasks/MMEB/{task}",
        "video_cls": f"{IN_FRAMES}/video_cls/{{task}}",
        "video_ret": f"{IN_FRAMES}/video_ret/data/ziyan/video_retrieval/{{task}}/frames",
        "video_qa": f"{IN_FRAMES}/video_qa/video_qa/{{task}}",
        "video_mret": f"{IN_FRAMES}/video_mret/{{task}}",
    },
    "an outer folder, names in another case": {
        "mmeb_v1": "Image-Tasks/mmeb/{task}",
        **{
            name: f"video-tasks/video-tasks/frames/{name.upper()}/{{task}}"
            for name in ("video_cls", "video_ret", "video_qa", "video_mret")
        },
    },
}


def mvbench_rows() -> dict[str, list[dict[str, Any]]]:
    """Rows of each subset."""
    from rzen_eval import load_task

    row = {"question": "What happened?", "candidates": ["a door", "a hat"], "answer": "a hat"}
    subsets = load_task("video/mvbench").options["subsets"]
    return {name: [row | {"video": f"{name}.mp4"}] for name in subsets}


def tasks(*archives: str) -> list[str]:
    """Settings of all tasks here whose media are in some archives; of all of them where none is given."""
    named = [f"video/{clips.task}" for clips in VIDEO if clips.archive in (archives or BY_NAME)]
    named += ["video/mvbench"] if "video_qa" in (archives or BY_NAME) else []
    return named + (["image/cirr"] if "mmeb_v1" in (archives or BY_NAME) else [])


def media(archive: str) -> Iterator[tuple[str, str, bytes]]:
    """The task's folder, the path below it and the content of everything that an archive holds."""
    for clips in VIDEO:
        if clips.archive == archive:
            yield from ((clips.folder, path, content) for path, content in clips.pictures())
    if archive == "video_qa":
        for subset in mvbench_rows():
            yield from (("MVBench", f"{subset}/{subset}.mp4/{n:04d}.jpeg", picture(subset, n)) for n in range(9))
    if archive == "mmeb_v1":
        yield from (("CIRR", name, picture(name)) for name in IMAGES)


def packed(archive: str, shape: str, tars: int = 1) -> bytes:
    """An archive with members of a shape, in one stream, which may hold several tars one after the other."""
    everything = [(f"{shape.format(task=folder)}/{path}", content) for folder, path, content in media(archive)]
    return b"".join(tar_of(dict(everything[number::tars])) for number in range(tars))


def lay_archives(repo: Path, shape: int = 0, tars: int = 1) -> None:
    """The archives of the media repository, as the hub has them."""
    for archive in ARCHIVES:
        content = packed(archive.name, MEMBERS[archive.name][shape], tars)
        length = -(-len(content) // len(archive.parts))
        for number, part in enumerate(archive.parts):
            (repo / part).parent.mkdir(parents=True, exist_ok=True)
            (repo / part).write_bytes(content[number * length : (number + 1) * length])


def lay_rows(root: Path) -> None:
    """The row repositories, as a download leaves them."""
    for clips in VIDEO:
        _write(root / clips.repo, {clips.config or "default": clips.rows}, clips.split)
    _write(root / "VLM2Vec/MVBench", mvbench_rows(), "train")
    _write(root / "ziyjiang/MMEB_Test_Instruct", {"CIRR": [IMAGE_ROW]}, "test")


def _write(folder: Path, configs: Mapping[str, list[dict[str, Any]]], split: str) -> None:
    head = ""
    for config, rows in configs.items():
        (folder / config).mkdir(parents=True, exist_ok=True)
        (folder / config / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        head += f"- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {config}/{split}.jsonl\n"
    (folder / "README.md").write_text(f"---\nconfigs:\n{head}---\n")


def lay_media(tree: Path, shapes: Mapping[str, str]) -> None:
    """Unpacked media as somebody has them."""
    for archive, shape in shapes.items():
        for folder, path, content in media(archive):
            file = tree / shape.format(task=folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def as_in_a_cache_of_the_hub(tree: Path, root: Path, repo: str = REPO, commit: str = COMMIT) -> Path:
    """The same tree as the hub's cache has it: links to blobs in a folder named after the commit."""
    cache = root / f"datasets--{repo.replace('/', '--')}"
    (cache / "blobs").mkdir(parents=True)
    for number, file in enumerate(sorted(file for file in tree.rglob("*") if file.is_file())):
        blob = cache / "blobs" / f"{number:040x}"
        shutil.move(file, blob)
        link = cache / "snapshots" / commit / file.relative_to(tree)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    shutil.rmtree(tree)
    return cache / "snapshots" / commit


@dataclass
class Looks:
    """An embedder that decodes every picture and frame, and counts them."""

    pictures: int = 0
    seen: list[int] = field(default_factory=list)

    def embed(self, items: list[Item], side: Side) -> Vectors:
        rows = np.ones((len(items), 4), dtype=np.float32)
        for row, item in enumerate(items):
            shown = [np.asarray(open_rgb(one)).mean(axis=(0, 1)) for one in (*item.images, *item.frames)]
            self.pictures += len(shown)
            rows[row, :3] += np.mean(shown, axis=0) if shown else len(item.text or "")
        return rows


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A compressed tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def lay_own_rows(tree: Path) -> None:
    """Rows as MMEB-V3 has them beside the media."""
    folder = tree / "video-tasks/data"
    (folder / "mvbench").mkdir(parents=True)
    for clips in VIDEO:
        (folder / f"{clips.jsonl}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in clips.rows))
    for subset, rows in mvbench_rows().items():
        (folder / f"mvbench/{subset}.json").write_text(json.dumps(rows))
    _write(tree / "image-query", {"CIRR": [IMAGE_ROW]}, "test")


def lay_listing(folder: Path, listed: Mapping[str, Any]) -> None:
    """A tree from a listing that somebody has sent: as many files as it had, pictures where they were some."""
    folder.mkdir(parents=True, exist_ok=True)
    named = dict(listed.get("some", {}))
    kinds = dict(listed.get("kinds", {}))
    for name in named:
        kinds[Path(name).suffix.lower()] -= 1
    more = [f"more_{number}{kind}" for kind, count in kinds.items() for number in range(count)]
    for name in [*named, *more]:
        (folder / name).write_bytes(picture(name) if name.lower().endswith((".jpg", ".jpeg", ".png")) else b"")
    for name, inner in listed.get("in", {}).items():
        lay_listing(folder / name, inner)
