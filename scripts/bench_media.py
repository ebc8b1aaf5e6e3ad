"""Memory and speed of the media layer at size: an image task of 100,000 candidates, a video task of 5,000 clips.

Both are made by this script as mirrors on disk, small pictures in the true layout, and go through recipe, loader and
ranking as real ones do. The model is a stand-in that takes a set time a batch and plans with the bundled model's
tokenizer and budgets. Printed: peak memory of this process above what it had before the task, that of the largest
worker, and how busy the model was kept, with the load of the machine, on which all but memory depends.

usage: python scripts/bench_media.py [--candidates 100000] [--clips 5000] [--seconds 0.02] [--tokens 8192]
       [--workers 1] [--folder DIR]
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import datasets
import machine
import numpy as np
import torch
from PIL import Image

from rzen_eval.config import compose
from rzen_eval.core import Task
from rzen_eval.data.load import load_data
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.evaluation.score import score
from rzen_eval.models import open_model
from rzen_eval.models.batch import Pending, Staged
from rzen_eval.models.families.qwen2_vl import Qwen2VL


class StandIn(Qwen2VL):
    """Plans as the bundled model does, and sleeps instead of computing."""

    seconds = 0.02
    batches = 0

    def launch(self, staged: Staged) -> Pending:
        self.batches += 1
        time.sleep(self.seconds)
        rows = [[plan.input_ids.sum(), len(plan.visuals), 1] for plan in staged.batch.planned]
        return Pending.of(torch.from_numpy(np.array(rows, "f4")))

    def provenance(self) -> dict[str, Any]:
        return {"name": "stand-in"}


def picture(number: int, size: int) -> Image.Image:
    shades = np.random.default_rng(number).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(shades).resize((size, size), Image.Resampling.NEAREST)


def write_rows(folder: Path, name: str, rows: dict[str, list[Any]]) -> None:
    datasets.disable_progress_bars()
    (folder / name).mkdir(parents=True)
    datasets.Dataset.from_dict(rows).to_parquet(folder / name / "test-0.parquet")
    front = (
        f"---\nconfigs:\n- config_name: {name}\n  data_files:\n  - split: test\n    path: {name}/test-0.parquet\n---\n"
    )
    (folder / "README.md").write_text(front)


def make_images(root: Path, n: int) -> None:
    """MSCOCO_t2i with n / 100 queries of 100 candidates each."""
    media = root / "TIGER-Lab/MMEB-V2/image-tasks"
    paths = [f"MSCOCO_t2i/{number // 1000:03d}/{number:06d}.jpg" for number in range(n)]
    for number, path in enumerate(paths):
        (media / path).parent.mkdir(parents=True, exist_ok=True)
        picture(number, 112).save(media / path, quality=80)
    pools = [paths[start : start + 100] for start in range(0, n, 100)]
    write_rows(
        root / "ziyjiang/MMEB_Test_Instruct",
        "MSCOCO_t2i",
        {
            "qry_inst": ["Find me an everyday image that matches the given caption:"] * len(pools),
            "qry_text": [f"picture {number}" for number in range(len(pools))],
            "tgt_inst": ["<|image_1|>\nRepresent the given image."] * len(pools),
            "tgt_text": [[""] * 100] * len(pools),
            "tgt_img_path": pools,
        },
    )


def make_clips(root: Path, n: int) -> None:
    """MSVD with n clips of eight frames."""
    frames = root / "TIGER-Lab/MMEB-V2/video-tasks/frames/video_ret/MSVD"
    for number in range(n):
        (frames / f"clip{number}").mkdir(parents=True)
        for frame in range(8):
            picture(8 * number + frame, 84).save(frames / f"clip{number}" / f"{frame:04d}.jpeg", quality=80)
    names = [f"clip{number}" for number in range(n)]
    rows = {"video_id": names, "video": [f"{name}.avi" for name in names], "caption": [[name] for name in names]}
    write_rows(root / "VLM2Vec/MSVD", "data", rows)


def peak_mb(process: str = "self") -> float:
    """Most memory that a process has had so far."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def loading_alone(model: Qwen2VL, task: Task, n: int = 300) -> float:
    """Seconds an item that decoding and resizing take in one process that does nothing else."""
    candidates = load_data(task).candidates
    items = [candidates[place] for place in range(min(n, len(candidates)))]
    start = time.perf_counter()
    for item in items:
        model.pictures(item).load()
    return (time.perf_counter() - start) / len(items)


def measure(task_name: str, root: Path, cache: Path, options: argparse.Namespace) -> None:
    chosen = compose.load([
        f"task={task_name}", "model=mini", "data=mirror", f"data.root='{root}'", f"cache_dir='{cache}'",
    ])  # fmt: skip
    task = next(iter(chosen.tasks.values()))
    model = StandIn(chosen.model, chosen.cache_dir)
    model.seconds = options.seconds
    open_model(chosen.model, chosen.cache_dir).load()
    before = peak_mb()
    start = time.perf_counter()
    with Loader(options.workers) as loader:
        done = score(task, model, loader, tokens_per_batch=options.tokens).result
        seconds = time.perf_counter() - start
        worker = max(peak_mb(str(child.pid)) for child in multiprocessing.active_children())
    told = done.provenance["embedding"]
    alone = told["computed"] * loading_alone(model, task)
    print(
        f"{task_name}: {done.n_queries} queries, {done.n_candidates} candidates, {seconds:.1f} s in all,"
        f" {told['seconds']:.1f} s embedding, model busy {100 * told['model_seconds'] / told['seconds']:.1f} % of it,"
        f" {1000 * options.seconds:.0f} ms a batch where loading alone takes {1000 * alone / model.batches:.1f},"
        f" padding {100 * told['padding_share']:.2f} %,"
        f" peak {peak_mb() - before:.0f} MB above the {before:.0f} MB before,"
        f" largest worker {worker:.0f} MB; {machine.told()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--clips", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=0.02, help="a batch")
    parser.add_argument("--tokens", type=int, default=8192, help="of a batch")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the mirrors are made and kept; a temporary one otherwise")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        for name, task, make, n in (
            ("images", "image/mscoco_t2i", make_images, options.candidates),
            ("clips", "video/msvd", make_clips, options.clips),
        ):
            root = folder / f"{name}-{n}"
            if not root.exists():
                make(root, n)
            measure(task, root, folder / "cache", options)


if __name__ == "__main__":
    main()
