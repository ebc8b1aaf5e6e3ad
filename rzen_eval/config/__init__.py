"""From words to a checked configuration, by Hydra."""
