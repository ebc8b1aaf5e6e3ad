"""Print the lowest versions that `pyproject.toml` allows of what the package needs, as constraints for pip.

python scripts/lowest.py > lowest.txt && pip install -c lowest.txt .
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def lowest(requirements: list[str]) -> list[str]:
    """`name>=1.2,<2` as `name==1.2`."""
    found = [re.match(r"([\w-]+)>=([\w.]+)", line) for line in requirements]
    return [f"{match[1]}=={match[2]}" for match in found if match]


if __name__ == "__main__":
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    print("\n".join(lowest(project["dependencies"])))
