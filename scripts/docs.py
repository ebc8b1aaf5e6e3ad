"""Build the pages: docs/ and what is made here, gathered under build/docs, to build/site.

    python scripts/docs.py

Made here: the command reference from the parsers, and the tables of models. `pip install -e '.[docs]'` has the builder.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from rzen_eval.cli.main import COMMANDS, GROUPS, main
from rzen_eval.cli.options import Options

ROOT = Path(__file__).parents[1]
GATHERED = ROOT / "build/docs"
TABLE = re.compile(r"<!-- the table of `rzen-eval (.*?)` -->")


def commands() -> str:
    lines = [
        "# Commands",
        "",
        "`python -m rzen_eval` and `rzen-eval` are the same. Settings are `key=value`, all else is an `--option`.",
    ]
    for group, title in GROUPS.items():
        lines += ["", f"## {title}"]
        for word, command in COMMANDS.items():
            if command.group != group:
                continue
            parser = Options(word, command)
            import_module(f"rzen_eval.cli.{command.module}").options(parser)
            shown = subprocess.run(
                [sys.executable, "-m", "rzen_eval", word, "--help"], check=True, capture_output=True, text=True
            ).stdout
            lines += ["", f"### {word}", "", f"{command.summary[0].upper()}{command.summary[1:]}.", ""]
            lines += ["```text", shown.strip(), "```"]
    return "\n".join(lines) + "\n"


def models() -> str:
    return TABLE.sub(lambda found: printed(*found[1].split()), (ROOT / "docs/models.md").read_text())


def printed(*words: str) -> str:
    """What a command prints as Markdown."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        main([*words, "--format", "md"])
    return re.sub(r"(?<=\w)_(?=\w)", r"\_<wbr>", output.getvalue())  # long names may go on below


def gather() -> None:
    shutil.rmtree(GATHERED.parent, ignore_errors=True)
    shutil.copytree(ROOT / "docs", GATHERED)
    (GATHERED / "commands.md").write_text(commands())
    (GATHERED / "models.md").write_text(models())
    for page in GATHERED.rglob("*.md"):
        # What tests are told of a block is not for readers.
        page.write_text(re.sub(r"<!-- runs? .*?-->\n", "", page.read_text()))


if __name__ == "__main__":
    gather()
    sys.exit(subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=ROOT, check=False).returncode)
