"""Partition definitions, and nothing else.

`chains` has one key a chain and turn of the loop (`seam-keeper.g01`); stages are assets,
never a partition dimension. `shards` cuts the corpus by the first hex digit of the content
hash: 16 shards fit libraries of tens of thousands of files (docs/dagster.md, Scale).
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

#: SQLite refuses very long parameter lists (dagster 16260).
KEYS_PER_CALL = 10_000

chains = dg.DynamicPartitionsDefinition(name="chains")
shards = dg.StaticPartitionsDefinition(list("0123456789abcdef"))


def register_chains(instance: dg.DagsterInstance, keys: Iterable[str]) -> list[str]:
    """Make partitions of the chain keys that `instance` does not know; returns those."""
    known = set(instance.get_dynamic_partitions("chains"))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    for start in range(0, len(new), KEYS_PER_CALL):
        instance.add_dynamic_partitions("chains", new[start : start + KEYS_PER_CALL])
    return new
