"""What a link is worth, and when a file is no longer what it remembers.

A link has a *resolution* (is the parent here, with the content that the link names?) and a
*basis* (how does anybody know?). It is *proven* when it is resolved and its basis is not
merely somebody's word. `docs/lineage.md` explains both to a reader.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gm_assets.identity import Identity
    from gm_assets.memory.record import Written


class Resolution(StrEnum):
    """Whether the parent that a link names is in the library."""

    #: The parent document is here and holds the content that the link names.
    RESOLVED = "resolved"
    #: It is not here.
    ABSENT = "absent"
    #: The parent document is here with a newer content: the child is stale.
    SUPERSEDED = "superseded"
    #: Several documents hold the content and the link names none of them.
    AMBIGUOUS = "ambiguous"
    #: The child's own content no longer matches its memory, so its links speak of another.
    ALTERED = "altered"


class Basis(StrEnum):
    """How a link came to be known."""

    #: A person said so.
    ASSERTED = "asserted"
    #: Written by the process that made the child from that parent.
    RECORDED = "recorded"
    #: The recipe was run again and gave the same content.
    REPRODUCED = "reproduced"
    SIGNED = "signed"


#: Bases that do not rest on somebody's word alone.
PROVING: frozenset[str] = frozenset({Basis.RECORDED, Basis.REPRODUCED, Basis.SIGNED})


def proven(resolution: str, basis: str) -> bool:
    """True where a link with this resolution and basis is proven."""
    return resolution == Resolution.RESOLVED and basis in PROVING


def is_altered(identity: Identity, written: Written | None) -> bool:
    """True where a file's content is not the one that its memory states.

    The stream hash decides before the pixel hash: decoders of lossy formats differ by
    version, and a decoder upgrade must turn nothing into `altered`. Hashes of different
    schemes cannot be compared and are no proof of a change.
    """
    if written is None or identity.content_id == written.content_id:
        return False
    same_stream_scheme = identity.stream_scheme == written.stream_scheme
    if written.stream_hash and same_stream_scheme and identity.stream_hash == written.stream_hash:
        return False
    for now, then in (
        (identity.pixel_scheme, written.pixel_scheme),
        (identity.asset_scheme, written.asset_scheme),
    ):
        if now and then and now != then:
            return False
    return True
