"""From tasks to results."""
