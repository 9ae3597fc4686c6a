"""The frozen instrument of the leash's benchmark: what a picture shows, asked of a small network.

It finds the subject (a segmenter) and names the environment and the material (two heads). It was
trained on true renders of the procedural world alone, never on a generated frame, and its
weights lie here; `python -m benchmarks.instrument.training` makes them again. It belongs to the
benchmark: nothing in `gm_assets` uses it, so nothing can be trained to please it.
"""
