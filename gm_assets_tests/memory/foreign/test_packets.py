"""digiKam's history and the parents that XMP names."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from gm_assets.memory.foreign import adobe, digikam
from gm_assets.memory.record import mint_instance_id

CONTENT = "px:" + "ab" * 32 + ":8x8"
HISTORY = """<?xml version="1.0" encoding="UTF-8"?>
<history version="1">
 <file uuid="u-1" type="original"><fileParams fileName="raw.png" filePath="/home/a"
   fileHash="0123" fileSize="99"/></file>
 <filter filterName="digikam:BCGFilter" filterDisplayName="Brightness" filterVersion="1"
   filterCategory="reproducible"><params><param name="gamma" value="1.2"/></params></filter>
</history>"""


def packet(body: str, attributes: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" '
        'xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#" '
        'xmlns:digiKam="http://www.digikam.org/ns/1.0/">'
        f'<rdf:Description rdf:about="" {attributes}>{body}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def test_the_history_of_digikam_tells_filters_and_files() -> None:
    account = digikam.read(packet("", f"digiKam:ImageHistory={quoteattr(HISTORY)}"))
    assert account is not None
    assert account.said["steps"] == [
        {
            "filter": "digikam:BCGFilter",
            "name": "Brightness",
            "version": "1",
            "category": "reproducible",
            "parameters": ["gamma=1.2"],
        }
    ]
    (file,) = account.references
    assert file.hashes == {"digiKam id": "u-1", "digiKam file hash": "0123"}
    assert "/home/a" not in file.words


def test_a_history_with_entities_or_of_other_xml_is_not_read() -> None:
    bomb = '<!DOCTYPE h [<!ENTITY a "b">]><history><filter filterName="&a;"/></history>'
    for text in (bomb, "<other/>", "<history", ""):
        assert digikam.read(packet("", f"digiKam:ImageHistory={quoteattr(text)}")) is None
    assert digikam.read(None) is None and digikam.read(b"<nonsense") is None


def test_every_property_that_names_parents_is_read_once() -> None:
    found = adobe.references(
        packet(
            '<xmpMM:DerivedFrom stRef:documentID="d1" stRef:instanceID="i1"/>'
            "<xmpMM:Ingredients><rdf:Bag>"
            '<rdf:li stRef:documentID="d1" stRef:instanceID="i1"/>'
            '<rdf:li stRef:instanceID="i2" stRef:filePath="/a/b.psd"/>'
            "</rdf:Bag></xmpMM:Ingredients>"
            "<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description xmpMM:DocumentID='d3' "
            "xmpMM:InstanceID='i3'/></rdf:li></rdf:Bag></xmpMM:Pantry>"
        )
    )
    assert [(r.by, r.document_id, r.instance_id) for r in found] == [
        ("xmpMM:DerivedFrom", "d1", "i1"),
        ("xmpMM:Ingredients", None, "i2"),
        ("xmpMM:Pantry", "d3", "i3"),
    ]
    assert adobe.references(b"<not xmp") == () and adobe.references(None) == ()


def test_an_instance_id_of_ours_names_the_content_it_was_minted_from() -> None:
    instance = mint_instance_id("xmp.did:d", CONTENT, 2)
    (reference,) = adobe.references(
        packet(f'<xmpMM:DerivedFrom stRef:documentID="xmp.did:d" stRef:instanceID="{instance}"/>')
    )
    others = [f"px:{n:064x}:8x8" for n in range(3)]
    assert adobe.content_named(reference, [*others, CONTENT]) == CONTENT
    assert adobe.content_named(reference, others) is None
    (foreign,) = adobe.references(
        packet('<xmpMM:DerivedFrom stRef:documentID="xmp.did:d" stRef:instanceID="xmp.iid:77"/>')
    )
    assert not adobe.is_minted(foreign) and adobe.content_named(foreign, [CONTENT]) is None
