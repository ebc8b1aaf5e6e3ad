"""The bundled model: a Qwen2-VL of 1.6 M parameters that `scripts/train_mini.py` trained; see the card beside this."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Its checkpoint."""
