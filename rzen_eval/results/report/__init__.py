"""The report: one page that shows what a model gets wrong."""
