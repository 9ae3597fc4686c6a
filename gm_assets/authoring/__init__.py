"""Authoring at scale: what people state of files that came without a memory, thousands at once.

Suggestions (chains, stages, parts, parents) with the measures behind them, tables that people
edit, links that they assert, names by a template, duplicates. A suggestion is never stored as
a link: what a person accepts is written into the files as asserted, with who and when; what
was rejected is remembered in the library's own `authoring/rejected.csv`.

`docs/authoring.md` is for users. Domain code: it knows nothing of Dagster or the command line.
"""
