"""Derived, disposable tables of a library: Parquet generations and DuckDB views over them."""

from gm_assets.stores.rows import TableBuilder, provisional_document_id, storable
from gm_assets.stores.store import Store
from gm_assets.stores.tables import Change, Tables

__all__ = ["Change", "Store", "TableBuilder", "Tables", "provisional_document_id", "storable"]
