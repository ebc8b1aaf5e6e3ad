"""The official evaluator itself beside this package: the same items and weights, first the vectors, then CPU time.

Give the checkout of TIGER-AI-Lab/VLM2Vec that you have (measured with 6e1e1d4), and the interpreter of an environment
that has what it needs: torch and Pillow as this package runs on, the transformers that it names (4.52.3), torchvision,
datasets, accelerate, peft, decord, einops, timm, hnswlib, opencv-python-headless, pytrec-eval-terrier, scikit-image,
scikit-learn and qwen-vl-utils (0.0.8). What it is run with on a CPU is written in `bench_official_run.py`; its files
are not changed.

960 items of three tasks (`bench_engine_mirror.py`): 400 pictures and 100 labels, 100 captions and 100 clips of eight
frames, 60 questions and 200 pages, through a random Qwen2-VL of about 20 M parameters in float32, as `vlm2vec_v2_2b`
prompts it; a picture or frame has 4 to 24 tokens. Each side is a process of its own with one thread of torch, and they
take turns. Seconds are of CPU, user and system together:

  forward   the forward passes with what puts a batch together; ours has it beside them, theirs inside
  whole     the process with all its children, from its start to its end
  start     of that, until all libraries are imported: two versions of them, which neither side has in its hands

usage: python scripts/bench_official.py --evaluator FOLDER --python VENV/bin/python [--rounds 3] [--share 1.0]
       [--folder DIR] [--batch 16]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
import numpy as np
from bench_engine_mirror import make_checkpoint, make_three_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TASKS = ("image/imagenet_1k", "video/msvd", "visdoc/vidore_arxivqa")
TOKENS, SIDE = (4, 24), 28
"""Of a picture or frame, at least and at most, and the pixels along the side of one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """CPU seconds of a run."""

    forward: float
    whole: float
    start: float
    batches: int

    @property
    def past_start(self) -> float:
        """Of all but imports."""
        return self.whole - self.start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluator", type=Path, help="its checkout")
    parser.add_argument("--python", type=Path, help="the interpreter of its environment")
    parser.add_argument("--rounds", type=int, default=3, help="of timing; 0: compare vectors alone")
    parser.add_argument("--share", type=float, default=1.0, help="of the 960 items")
    parser.add_argument("--batch", type=int, default=16, help="items of a batch of theirs; 16 in their scripts")
    parser.add_argument("--folder", type=Path, help="where data and checkpoint are kept; a temporary one otherwise")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(**json.loads(options.child))
        return
    if not (options.evaluator and (options.evaluator / "eval.py").is_file()):
        parser.error("--evaluator: expected a checkout of TIGER-AI-Lab/VLM2Vec, a folder with eval.py in it")
    if not (options.python and options.python.is_file()):
        parser.error("--python: expected the interpreter of an environment for the evaluator, as VENV/bin/python")
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        both = Both(folder, options.evaluator.absolute(), options.python.absolute(), options.batch)
        sizes = both.make(options.share)
        both.ours()
        both.official(vectors=True)
        print("\n".join([both.versions(), *both.apart()]), flush=True)
        taken: dict[str, list[Taken]] = {"ours": [], "official": []}
        for number in range(options.rounds):
            for name in ("ours", "official") if number % 2 == 0 else ("official", "ours"):
                taken[name].append(getattr(both, name)())
                print(line(name, taken[name][-1:]), machine.told(), file=sys.stderr, flush=True)
    if not options.rounds:
        return
    print(f"{sum(sizes.values())} items, {options.rounds} rounds, CPU seconds, least to most")
    print("\n".join(line(name, runs) for name, runs in taken.items()))
    for what in ("forward", "past_start", "whole"):
        theirs, mine = (min(getattr(run, what) for run in taken[name]) for name in ("official", "ours"))
        print(f"{what.replace('_', ' '):<10} official / ours, the least of each: {theirs / mine:.2f}")


def line(name: str, runs: Sequence[Taken]) -> str:
    """Of some runs of one side."""
    parts = [f"{name:<8}", f"{runs[0].batches:4d} batches"]
    for what in ("forward", "past_start", "whole"):
        seconds = [getattr(run, what) for run in runs]
        parts.append(f"{what.replace('_', ' ')} {min(seconds):6.2f} to {max(seconds):6.2f} s")
    return "  ".join(parts)


@dataclass
class Both:
    """The two sides in a folder."""

    folder: Path
    evaluator: Path
    python: Path
    batch: int

    def make(self, share: float) -> dict[str, int]:
        """Data, checkpoint and the evaluator's list of tasks."""
        mirror, checkpoint = self.folder / f"mirror-{share}", self.folder / "flat-checkpoint"
        if not mirror.exists():
            sizes = make_three_tasks(mirror.with_name("new"), share)
            mirror.with_name("new").rename(mirror)
            (mirror / "sizes.json").write_text(json.dumps(sizes))
        if not checkpoint.exists():
            make_checkpoint(checkpoint)
            flatten(checkpoint)
        self.mirror, self.checkpoint = mirror, checkpoint
        tasks = {
            "ImageNet-1K": {"dataset_parser": "image_cls", "image_root": "image-tasks/", "eval_type": "local"},
            "MSVD": {
                "dataset_parser": "msvd", "eval_type": "global", "num_frames": 8, "max_frames_saved": 64,
                "video_root": "video-tasks/videos/video_ret/MSVD/", "frame_root": "video-tasks/frames/video_ret/MSVD/",
            },
            "ViDoRe_arxivqa": {
                "dataset_parser": "vidore", "image_root": str(self.folder / f"pages-{share}"), "eval_type": "global",
            },
        }  # fmt: skip
        named = {name: {"dataset_name": name, **options} for name, options in tasks.items()}
        (self.folder / "tasks.yaml").write_text(json.dumps(named))  # which is YAML, too
        known: dict[str, int] = json.loads((mirror / "sizes.json").read_text())
        return known

    def words(self) -> list[str]:
        """Settings of ours."""
        low, high = TOKENS
        return [
            f"task=[{','.join(TASKS)}]", "model=vlm2vec_v2_2b", f"model.checkpoint='{self.checkpoint}'",
            "model.revision=null", "model.dim=null", "model.dtype=float32", "model.device=cpu",
            f"model.image={{min_tokens: {low}, max_tokens: {high}}}",
            f"model.frame={{min_tokens: {low}, max_tokens: {high}}}", f"data.root='{self.mirror}'",
            f"results_dir='{self.folder / 'results'}'", f"cache_dir='{self.folder / 'cache'}'",
        ]  # fmt: skip

    def ours(self) -> Taken:
        """This package, with nothing kept from before."""
        for name in ("results", "cache"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        told = self.folder / "ours.json"
        return ran([sys.executable, __file__, "--child", json.dumps({"words": self.words(), "told": str(told)})], told)

    def official(self, *, vectors: bool = False) -> Taken:
        """The official evaluator, likewise; pages that it once wrote as files are there."""
        out, told = self.folder / "official", self.folder / "official.json"
        shutil.rmtree(out, ignore_errors=True)
        orders = {
            "evaluator": str(self.evaluator), "mirror": str(self.mirror), "checkpoint": str(self.checkpoint),
            "media": str(self.mirror / "TIGER-Lab/MMEB-V2"), "tasks": str(self.folder / "tasks.yaml"),
            "pixels": [tokens * SIDE**2 for tokens in TOKENS], "batch": self.batch, "out": str(out),
            "told": str(told), "vectors": vectors,
        }  # fmt: skip
        script = Path(__file__).with_name("bench_official_run.py")
        return ran([str(self.python), str(script), json.dumps(orders)], told, HF_HOME=str(self.mirror / "home"))

    def versions(self) -> str:
        """Of libraries on which vectors or seconds depend, theirs named where they are others."""
        theirs = json.loads((self.folder / "official.json").read_text())["versions"]
        both = {name: (version(name), other) for name, other in theirs.items()}
        return ", ".join(
            f"{name} {own}" + f" (official: {other})" * (own != other) for name, (own, other) in both.items()
        )

    def apart(self) -> list[str]:
        """How far the vectors of both are apart, item by item."""
        from rzen_eval.config import compose
        from rzen_eval.data.load import load_data
        from rzen_eval.engine.kept_vectors import stored_vectors
        from rzen_eval.evaluation.score import describe
        from rzen_eval.evaluation.session import kept_vectors
        from rzen_eval.models import open_model

        config = compose.load(self.words())
        model = open_model(config.model, config.cache_dir)
        store = kept_vectors(config, describe(model), print)
        lines = ["the vectors of both, cosine at least, and the largest difference of a component"]
        for task in config.tasks.values():
            data = load_data(task)
            kept = stored_vectors(data, model, store)
            out = self.folder / "official"
            names = json.loads((out / f"{task.name}_tgt.json").read_text())
            place = {name: row for row, name in enumerate(data.candidate_ids)}
            for side, mine in (("qry", kept.queries), ("tgt", np.asarray(kept.candidates)[[place[n] for n in names]])):
                theirs = np.load(out / f"{task.name}_{side}.npy")
                cosine, most = np.sum(mine * theirs, axis=1).min(), np.abs(mine - theirs).max()
                lines.append(f"  {task.name:<16} {side} {len(theirs):4d} items  {cosine:.7f}  {most:.1e}")
        return lines


def flatten(checkpoint: Path) -> None:
    """Write the configuration as released checkpoints have it, which old versions of transformers read."""
    config = json.loads((checkpoint / "config.json").read_text())
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    text |= {
        "rope_theta": rope["rope_theta"],
        "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]},
    }
    vision = config["vision_config"] | {"in_chans": config["vision_config"]["in_channels"]}
    kept = {name: value for name, value in text.items() if name not in {"layer_types", "model_type"}}
    flat = kept | config | {"vision_config": vision}
    (checkpoint / "config.json").write_text(json.dumps(flat, indent=2))
    fixture = Path(__file__).parent.parent / "tests/fixtures/tiny_qwen2vl"
    shutil.copy(fixture / "tokenizer_config.json", checkpoint)


def ran(command: Sequence[str], told: Path, **variables: str) -> Taken:
    """Run a process with one thread of torch; its CPU time is that of all processes that it waited for, too."""
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
    log = told.with_suffix(".log")
    with log.open("w") as written:
        environment = os.environ | quiet | {"PYTHONDONTWRITEBYTECODE": "1"} | variables
        process = subprocess.Popen(command, env=environment, stdout=written, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with exit code {process.returncode}:\n{log.read_text()[-3000:]}")
    known = json.loads(told.read_text())
    return Taken(known["forward_cpu"], used.ru_utime + used.ru_stime, known["start_cpu"], known["batches"])


def child(words: Sequence[str], told: str) -> None:
    """Ours, in a process of its own: a run with its forward passes timed."""
    import datasets  # noqa: F401 - what every run needs, so that starting counts apart
    import torch
    from transformers import Qwen2VLModel  # noqa: F401

    from rzen_eval.config import compose
    from rzen_eval.evaluation.progress import Progress
    from rzen_eval.evaluation.session import run
    from rzen_eval.models.families.qwen2_vl import Qwen2VL

    torch.set_num_threads(1)
    known: dict[str, Any] = {"start_cpu": time.process_time(), "forward_cpu": 0.0, "batches": 0}

    def timed(work: Callable[..., Any], batches: int) -> Callable[..., Any]:
        @wraps(work)
        def timing(*given: Any) -> Any:
            began = time.thread_time()
            made = work(*given)
            known["forward_cpu"] += time.thread_time() - began
            known["batches"] += batches
            return made

        return timing

    Qwen2VL.staged = timed(Qwen2VL.staged, 0)  # type: ignore[method-assign]
    Qwen2VL.launch = timed(Qwen2VL.launch, 1)  # type: ignore[method-assign]
    done = run(compose.load(words), Progress("quiet"))
    if done.failed:
        raise SystemExit("\n".join(done.failed.values()))
    Path(told).write_text(json.dumps(known))


if __name__ == "__main__":
    main()
