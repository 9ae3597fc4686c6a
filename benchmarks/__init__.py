"""Speed and memory, measured side by side and stated as ratios (`python -m benchmarks`).

Both sides of a ratio run in the same process environment, interleaved, and the median of the
rounds counts, so that what else the machine does falls on both. docs/benchmarks.md has the
results and says what each line means.
"""
