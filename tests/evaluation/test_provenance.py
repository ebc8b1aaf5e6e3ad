"""Which changes of this package's own code make vectors and results anew."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rzen_eval

PACKAGE = Path(rzen_eval.__file__).parent
CODE = """
import json, sys
from pathlib import Path
from rzen_eval.evaluation import provenance

def keys():
    provenance.software.cache_clear()
    return {"vectors": provenance.embedding({"weights": "w"})[0], "results": provenance.software()["code"]}

before = keys()
file = provenance.PACKAGE / sys.argv[1]
file.write_text(file.read_text() + "# changed\\n")
after = keys()
print(json.dumps({name: before[name] != after[name] for name in before}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this package, to change it."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(PACKAGE, folder / "rzen_eval", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    return folder


@pytest.mark.parametrize(
    ("file", "vectors", "results"),
    [
        ("media.py", True, True),
        ("models/prompt.py", True, True),
        ("models/families/qwen2_vl.py", True, True),
        ("models/pictures/resize.py", True, True),
        ("models/checkpoint/adapters.py", True, True),
        ("ranking/metrics.py", False, True),
        ("sample/__init__.py", False, False),
        ("sample/labels.py", False, False),
    ],
)
def test_a_change_of_code_makes_anew_what_that_code_makes(copy: Path, file: str, vectors: bool, results: bool):
    command = [sys.executable, "-c", CODE, file]
    found = json.loads(subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True).stdout)
    assert found == {"vectors": vectors, "results": results}
