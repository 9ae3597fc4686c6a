"""What other programs left in a file, for its first memory: settings, prompts, parents.

One module a program, each a function from what lies in a file to an `Account`:

=============  ==========================================================  ================
module         reads                                                        from
=============  ==========================================================  ================
`comfyui`      the graph that ran: samplers, prompts, models, pictures      PNG texts, EXIF
`webui`        AUTOMATIC1111's and Forge's `parameters`                     PNG texts, EXIF
`fooocus`      its JSON, or WebUI's form                                    PNG texts, EXIF
`invokeai`     `invokeai_metadata`, `sd-metadata`                           PNG texts
`digikam`      `digiKam:ImageHistory`                                       XMP
`c2pa`         claim, actions and ingredients of the active manifest        C2PA store
`adobe`        parents that `xmpMM` names                                   XMP
=============  ==========================================================  ================

What they say is their word: the file keeps it where it lies, the first memory takes it over as
the recipe's `foreign`. None of their hashes is a hash of ours, so none of them makes a link but
one: an InstanceID that gm_assets minted (`adobe`). Nothing is ever looked up by a file name.
"""

from __future__ import annotations

import os

from gm_assets.errors import UnreadableFile
from gm_assets.memory.foreign import adobe, c2pa, comfyui, digikam, fooocus, invokeai, webui
from gm_assets.memory.foreign.blocks import Blocks, read_blocks
from gm_assets.memory.foreign.exif_texts import texts_of
from gm_assets.memory.foreign.values import MAX_TEXT, Account, Foreign, Reference

__all__ = ["MAX_TEXT", "Account", "Foreign", "Reference", "accounts_of", "read_foreign"]

#: Keywords of PNG texts that a program is known by.
KEYWORDS = (
    "prompt", "workflow", "parameters", "fooocus_scheme", "invokeai_metadata", "sd-metadata",
)  # fmt: skip
#: In this order, since Fooocus may write WebUI's form, and ComfyUI's nodes do as well.
_GENERATORS = (invokeai.read, comfyui.read, fooocus.read, webui.read)


def read_foreign(path: str | os.PathLike[str], packet: bytes | None = None) -> Foreign:
    """All that other programs say of the PNG, JPEG or WebP file at `path`.

    Args:
        path: the file; symbolic links are not followed.
        packet: its XMP packet where that was read already.

    Returns:
        The accounts; empty where there are none, where the file cannot be read, or where it is
        of another format. Hostile content gives less, never an error.
    """
    where = os.fspath(path)
    try:
        with open(path, "rb", buffering=0, opener=_opener) as file:
            return accounts_of(read_blocks(file, KEYWORDS, where), packet)
    except (OSError, UnreadableFile):
        return accounts_of(Blocks(), packet)


def accounts_of(blocks: Blocks, packet: bytes | None = None) -> Foreign:
    """The accounts in the blocks of a file and in its XMP packet."""
    texts = dict(blocks.texts)
    for name, text in texts_of(blocks.exif or b"").items():
        if len(text) <= MAX_TEXT:
            texts.setdefault(name, text)
    made = next((told for read in _GENERATORS if (told := read(texts))), None)
    found = (made, digikam.read(packet), c2pa.read(blocks.c2pa))
    return Foreign(
        accounts=tuple(account for account in found if account is not None),
        named=adobe.references(packet),
        generated=made is not None,
    )


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
