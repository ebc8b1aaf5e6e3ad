"""Run the bundled model on the bundled sample, and put the tables that it prints and its time into README.md."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- scores -->\n", "<!-- end of scores -->"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        fresh = [f"results_dir={folder}/results", f"cache_dir={folder}/cache"]
        done = subprocess.run([sys.executable, "-m", "rzen_eval", *fresh], check=True, capture_output=True, text=True)
        seconds = time.monotonic() - begun
    tables = re.findall(r"(?:^\|.*\n)+", done.stdout, re.MULTILINE)
    shown = "\n".join(table for table in tables if table.startswith("| Model"))
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    note = f"\nThat run took {seconds:.0f} s on two cores (`python scripts/readme_scores.py`).\n"
    README.write_text(f"{before}{BEGIN}\n{shown}{note}{END}{after}")


if __name__ == "__main__":
    main()
