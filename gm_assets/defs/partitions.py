"""Partition definitions, and nothing else.

`chains` has one key a chain and turn of the loop (`seam-keeper.g01`); stages are assets,
never a partition dimension. `shards` cuts the corpus by the first hex digit of the content
hash: 16 shards fit libraries of tens of thousands of files (docs/dagster.md, Scale).
`facets` has one key a facet of the vocabulary. It is dynamic because a facet is a file: a
studio adds one without touching code, and a file that cannot be read must not keep the code
location from loading.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

#: SQLite refuses very long parameter lists (dagster 16260).
KEYS_PER_CALL = 10_000

chains = dg.DynamicPartitionsDefinition(name="chains")
shards = dg.StaticPartitionsDefinition(list("0123456789abcdef"))
facets = dg.DynamicPartitionsDefinition(name="facets")


def register_chains(instance: dg.DagsterInstance, keys: Iterable[str]) -> list[str]:
    """Make partitions of the chain keys that `instance` does not know; returns those."""
    return _register(instance, "chains", keys)


def register_facets(instance: dg.DagsterInstance, ids: Iterable[str]) -> list[str]:
    """Make partitions of the facets that `instance` does not know; returns those."""
    return _register(instance, "facets", ids)


def _register(instance: dg.DagsterInstance, name: str, keys: Iterable[str]) -> list[str]:
    known = set(instance.get_dynamic_partitions(name))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    for start in range(0, len(new), KEYS_PER_CALL):
        instance.add_dynamic_partitions(name, new[start : start + KEYS_PER_CALL])
    return new
