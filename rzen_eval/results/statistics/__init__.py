"""What a difference means: intervals, tests, verdicts."""
