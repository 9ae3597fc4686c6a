"""Take back the record of a partition, so that a vanished or altered stage does not stay green.

Dagster's own `wipe_asset_partitions` exists for Dagster+ alone: the open-source storages
raise NotImplementedError (1.13, `sql_event_log.py`). Here the partition's materializations are
taken off the partition in the same tables, and the cached status of the asset is dropped.
The events stay, as history of the asset and of the runs that recorded them.
"""

from __future__ import annotations

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
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
        _detach(storage, asset, partition)
    return True


def _sql_storage(instance: dg.DagsterInstance) -> SqlEventLogStorage | None:
    storage = instance.event_log_storage
    inner = getattr(storage, "event_log_storage", storage)  # LegacyEventLogStorage wraps one
    return inner if isinstance(inner, SqlEventLogStorage) else None


def _detach(storage: SqlEventLogStorage, asset: dg.AssetKey, partition: str) -> None:
    """Take the partition's name off its rows of the asset index.

    The rows stay: SQLite would give the id of a deleted last row to the next event, and the
    status cache would take that for an event that it has seen.
    """
    with storage.index_transaction() as connection:
        connection.execute(
            _EVENTS.update()
            .values(partition=None)
            .where(
                sa.and_(
                    _EVENTS.c.asset_key == asset.to_string(),
                    _EVENTS.c.partition == partition,
                    _EVENTS.c.dagster_event_type.in_(_RECORDS),
                )
            )
        )
    storage.wipe_asset_cached_status(asset)
