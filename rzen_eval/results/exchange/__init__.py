"""Results in others' formats."""
