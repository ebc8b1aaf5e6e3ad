"""The door for Hydra's launchers."""
