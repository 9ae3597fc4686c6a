"""The tables of the derived store, as Arrow schemas.

Base tables hold what the files say and nothing else; `links` and `chains` are derived from
them when a generation is committed. Every column can be computed again from the files.
Times are text as the memories give them (`last_event` is normalised to UTC); hashes are
lower-case hex; paths are relative to the library's root with `/` between the parts.

Copies of one document may carry different memories. Each different memory is a *voice* of
its document (a 64-bit digest of the rows it gives). The newest history speaks: its rows have
`speaks` true and are what the catalogue's views show. The rows of the other voices stay in
the parts with `speaks` false, so that they can take over without a file being read again
when the copy that speaks vanishes.
"""

from __future__ import annotations

import pyarrow as pa


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns])


_s, _i64, _i32, _b = pa.string(), pa.int64(), pa.int32(), pa.bool_()

#: Columns that tell the voices of a document apart; the views leave them out.
_VOICE = (("voice", _i64), ("speaks", _b))
VOICE_COLUMNS: tuple[str, ...] = tuple(name for name, _ in _VOICE)

#: One row a file. `verified` is False where only the memory was read (fast rebuild): then
#: `file_hash` is null and the identity is the one that the memory states.
FILES = _schema(
    ("path", _s),
    ("size", _i64),
    ("mtime_ns", _i64),
    ("ctime_ns", _i64),
    ("inode", _i64),
    ("format", _s),
    ("kind", _s),  # image | model
    ("file_hash", _s),
    ("content_id", _s),
    ("stream_hash", _s),
    ("document_id", _s),
    ("instance_id", _s),
    ("memory", _s),  # embedded | none | newer
    ("verified", _b),
    ("altered", _b),  # the content is not the one that the memory states
    ("stated_content_id", _s),  # that one, where altered
    ("managed", _b),
    ("width", _i32),
    ("height", _i32),
    ("orientation", _i32),  # EXIF 1..8, never applied to the samples
    ("frames", _i32),
    ("pixel_layout", _s),
    ("perceptual_hash", _s),
    ("geometry_hash", _s),
    ("decoder", _s),
    ("notes", pa.list_(_s)),
    ("voice", _i64),  # which memory of its document the file carries
)

#: One row a content, told by the first of its files by path, verified ones before others.
CONTENTS = _schema(
    ("content_id", _s),
    ("kind", _s),
    ("pixel_hash", _s),
    ("pixel_layout", _s),
    ("stream_hash", _s),
    ("width", _i32),
    ("height", _i32),
    ("frames", _i32),
    ("perceptual_hash", _s),
    ("asset_hash", _s),
    ("geometry_hash", _s),
    ("decoder", _s),
)

#: One row a document. Where copies of a document disagree, the newest history speaks.
#: `provisional`: the file carries no memory (yet); its placement comes from the rules in
#: gm.toml and its id is derived from its content and placement.
ASSETS = _schema(
    ("document_id", _s),
    ("instance_id", _s),
    ("original_document_id", _s),
    ("content_id", _s),
    ("stream_hash", _s),
    ("kind", _s),
    ("path", _s),  # one file that carries it
    ("copies", _i32),
    ("altered", _b),  # that file's content is not the one that its memory states
    ("stated_content_id", _s),  # that one, where altered
    ("verified", _b),
    ("provisional", _b),
    ("title", _s),
    ("description", _s),
    ("creators", pa.list_(_s)),
    ("keywords", pa.list_(_s)),
    ("rights", _s),
    ("creator_tool", _s),
    ("create_date", _s),
    ("domain", _s),
    ("subject", _s),
    ("environment", _s),
    ("shot", _s),
    ("digital_source_type", _s),
    ("ai_system", _s),
    ("ai_prompt", _s),
    ("recipe", _s),  # canonical JSON
    ("camera", _s),  # JSON
    ("embedded_by", pa.list_(_s)),  # fingerprints of the models whose vectors the memory holds
    ("events", _i32),  # length of the history
    ("last_event", _s),  # newest time in the history, `YYYY-MM-DDThh:mm:ss.ffffffZ`
    ("schema_version", _i32),
    *_VOICE,
)

PLACEMENTS = _schema(
    ("document_id", _s),
    ("chain", _s),
    ("generation", _i32),
    ("key", _s),  # seam-keeper.g01
    ("stage", _s),
    ("part", _s),
    ("view", _s),
    ("frame", _i32),
    ("variant", _s),
    ("primary", _b),
    *_VOICE,
)

#: Links as declared in memories.
PARENTS = _schema(
    ("document_id", _s),  # the child
    ("ordinal", _i32),
    ("role", _s),
    ("parent_document_id", _s),
    ("parent_instance_id", _s),
    ("parent_content_id", _s),
    ("parent_stream_hash", _s),
    ("parent_stage", _s),
    ("basis", _s),
    *_VOICE,
)

EVENTS = _schema(
    ("document_id", _s),
    ("ordinal", _i32),
    ("action", _s),
    ("time", _s),
    ("software_agent", _s),
    ("parameters", _s),
    ("changed", _s),
    ("content_id", _s),  # the content that this event replaced
    ("note", _s),
    ("person", _s),
    *_VOICE,
)

GAPS = _schema(
    ("document_id", _s),
    ("stage", _s),
    ("role", _s),
    ("reason", _s),
    *_VOICE,
)

QUARANTINE = _schema(
    ("path", _s),
    ("size", _i64),
    ("mtime_ns", _i64),
    ("ctime_ns", _i64),
    ("inode", _i64),
    ("error", _s),  # class name of the GmError
    ("reason", _s),
    ("remedy", _s),
)

#: Declared links, judged (gm_assets.lineage). `parent` is the document that the link leads to:
#: the named one wherever it is here, else the one that holds the content; null otherwise.
LINKS = _schema(
    ("child", _s),
    ("ordinal", _i32),
    ("role", _s),
    ("parent", _s),
    ("parent_content_id", _s),
    ("parent_stage", _s),
    ("resolution", _s),  # resolved | absent | superseded | ambiguous | altered
    ("basis", _s),
    ("proven", _b),
    ("verified", _b),  # both ends were read and decoded, not only remembered
    ("cyclic", _b),
    ("detail", _s),
)

#: One row a chain, generation and stage.
CHAINS = _schema(
    ("key", _s),
    ("chain", _s),
    ("generation", _i32),
    ("stage", _s),
    ("state", _s),  # present | gap | not_applicable
    ("documents", _i32),
    ("primary_document", _s),
    ("stale", _i32),
    ("altered", _i32),
    ("reason", _s),  # of the gap, where a memory states one
    ("data_version", _s),  # see gm_assets.lineage.chains.data_version
)

BASE: dict[str, pa.Schema] = {
    "files": FILES,
    "contents": CONTENTS,
    "assets": ASSETS,
    "placements": PLACEMENTS,
    "parents": PARENTS,
    "events": EVENTS,
    "gaps": GAPS,
    "quarantine": QUARANTINE,
}
DERIVED: dict[str, pa.Schema] = {"links": LINKS, "chains": CHAINS}
TABLES: dict[str, pa.Schema] = BASE | DERIVED

#: Tables whose rows are what one memory says of its document.
OF_DOCUMENTS: tuple[str, ...] = ("assets", "placements", "parents", "events", "gaps")

#: The column that a table is partitioned by and that an update replaces rows by.
KEYS: dict[str, str] = {
    "files": "path",
    "contents": "content_id",
    **dict.fromkeys(OF_DOCUMENTS, "document_id"),
    "quarantine": "path",
    "links": "child",
    "chains": "key",
}

#: The total order of the rows in a part: equal rows give equal parts, byte for byte.
ORDER: dict[str, tuple[str, ...]] = {
    "files": ("path",),
    "contents": ("content_id",),
    "assets": ("document_id", "voice"),
    "placements": (
        *("document_id", "voice", "chain", "generation", "stage", "part"),
        *("view", "frame", "variant", "primary"),
    ),
    "parents": ("document_id", "voice", "ordinal"),
    "events": ("document_id", "voice", "ordinal"),
    "gaps": ("document_id", "voice", "stage", "role", "reason"),
    "quarantine": ("path",),
    "links": ("child", "ordinal"),
    "chains": ("key", "stage"),
}
