"""From vectors to rankings and metrics."""
