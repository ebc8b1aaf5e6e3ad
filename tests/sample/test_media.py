"""Pictures and clips of the sample together: how many there are, and that they are the same everywhere."""

import os
import subprocess
import sys

from rzen_eval.sample import images, videos
from tests.sample.test_sample import tree


def test_there_are_36_image_and_18_video_tasks_and_a_variant():
    assert len(images.COUNTS) == 36
    assert len(videos.COUNTS) == 19
    assert all(12 <= count.n_queries <= 24 for count in (*images.COUNTS.values(), *videos.COUNTS.values()))


def test_another_process_writes_the_same_rows_pictures_and_frames(root, tmp_path):
    code = (
        "import sys; from pathlib import Path; from rzen_eval.sample import images, videos;"
        "images.TASKS = [task for task in images.TASKS if task.name in sys.argv[2:]];"
        "videos.TASKS = [task for task in videos.TASKS if task.maker in sys.argv[2:]];"
        "images.write(Path(sys.argv[1])); videos.write(Path(sys.argv[1]))"
    )
    chosen = ["CIRR", "FashionIQ", "DocVQA", "MVBench", "YouCook2"]
    other = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path), *chosen], check=True, env=other)
    again = {path: digest for path, digest in tree(tmp_path).items() if path != f"{images.REPO}/README.md"}
    first = tree(root)
    assert len(again) > 300
    assert again == {path: first[path] for path in again}


def test_datasets_reads_nested_and_split_tables_with_the_types_of_the_benchmark(root, tmp_path):
    from datasets import List, Value, load_dataset

    for repo, config, split, column, feature in (
        ("VLM2Vec/MomentSeeker", None, "test", "positive_frames", List({"output_path": Value("string")})),
        ("lmms-lab/YouCook2", None, "val", "segment", List(Value("float64"))),
        ("VLM2Vec/MVBench", "moving_count", "train", "candidates", List(Value("string"))),
        (images.REPO, "MSCOCO_t2i", "test", "tgt_img_path", List(Value("string"))),
    ):
        found = load_dataset(str(root / repo), config, split=split, cache_dir=str(tmp_path))
        assert found.features[column] == feature
