"""What a memory goes through in other programs: `python -m benchmarks.roundtrips`.

`tools` says how each program opens a file and saves it again, `samples` makes the files,
`journey` sends one file through one program and looks at what came back, `lineage` sends a
whole family, and `report` writes docs/roundtrips.md.
"""
