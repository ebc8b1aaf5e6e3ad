"""What `import rzen_eval` offers."""

import re
import subprocess
import sys
from pathlib import Path

import rzen_eval


def test_every_name_that_is_offered_is_there():
    assert {name: getattr(rzen_eval, name) is not None for name in rzen_eval.__all__} == dict.fromkeys(
        rzen_eval.__all__, True
    )
    assert issubclass(rzen_eval.DataError, rzen_eval.RzenEvalError)


def test_every_name_that_is_offered_is_on_its_page():
    page = (Path(__file__).parents[1] / "docs/api.md").read_text()
    listed = {name.strip() for members in re.findall(r"members: \[(.*)\]", page) for name in members.split(",")}
    assert {*rzen_eval.__all__} - listed - {"__version__"} == {
        name for name in rzen_eval.__all__ if name.endswith("Error")
    }


def test_nothing_else_is_offered():
    assert dir(rzen_eval) == sorted(rzen_eval.__all__)


def test_a_name_that_there_is_not_is_an_ordinary_attribute_error():
    assert not hasattr(rzen_eval, "load_modle")


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, rzen_eval; print(sorted({'numpy', 'pydantic', 'torch', 'hydra', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
