"""The peer of the benchmark: a Pipecat pipeline with Wren's models, fed with Wren's recordings.

`run.measure` is what the benchmark calls. `child` runs in a virtual environment of its own (`environment`)
and must not import what only Wren's has; `job` is what passes between the two.
"""
