"""The conversation with executors: register, beat, claim, report. Batches first."""
