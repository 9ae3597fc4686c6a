"""Take back the record of a partition, so that a vanished or altered stage does not stay green.

Dagster's own `wipe_asset_partitions` exists for Dagster+ alone: the open-source storages
raise NotImplementedError (1.13, `sql_event_log.py`). What it would do is done here on the
same tables: the partition's materialization events leave the asset index, and the cached
status of the asset is dropped. On SQLite the logs of the runs that recorded them keep the
events, so the history of the run pages stays whole.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

_EVENTS = SqlEventLogStorageTable
_RECORDS = (
    DagsterEventType.ASSET_MATERIALIZATION.value,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
)


def wipe_partition(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str) -> bool:
    """Forget that `partition` of `asset` was ever materialized; True where it had been.

    Raises:
        NotImplementedError: the event storage is neither Dagster+ nor one of Dagster's SQL
            storages.
    """
    if partition not in instance.get_materialized_partitions(asset):
        return False
    try:
        instance.wipe_asset_partitions(asset, [partition])
    except NotImplementedError:
        storage = _sql_storage(instance)
        if storage is None:
            raise
        _delete(storage, asset, [partition])
    return True


def _sql_storage(instance: dg.DagsterInstance) -> SqlEventLogStorage | None:
    storage = instance.event_log_storage
    inner = getattr(storage, "event_log_storage", storage)  # LegacyEventLogStorage wraps one
    return inner if isinstance(inner, SqlEventLogStorage) else None


def _delete(storage: SqlEventLogStorage, asset: dg.AssetKey, partitions: Iterable[str]) -> None:
    rows = sa.and_(
        _EVENTS.c.asset_key == asset.to_string(),
        _EVENTS.c.partition.in_(list(partitions)),
        _EVENTS.c.dagster_event_type.in_(_RECORDS),
    )
    with storage.index_transaction() as connection:
        ids = [row[0] for row in connection.execute(sa.select(_EVENTS.c.id).where(rows))]
        connection.execute(
            AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(ids))
        )
        connection.execute(_EVENTS.delete().where(_EVENTS.c.id.in_(ids)))
    storage.wipe_asset_cached_status(asset)
