"""Packets as other programs write them, and an independent reading of any packet.

`facts` reads RDF with rdflib, which shares no code with ours, and states what a packet says
in a form that can be compared: containers by their items, structures by their fields.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from typing import Any

import rdflib
from rdflib.namespace import RDF

_HISTORY = "http://ns.adobe.com/xap/1.0/mm/History"
_INGREDIENTS = "http://ns.adobe.com/xap/1.0/mm/Ingredients"

HEAD = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 9.1">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
"""
TAIL = (
    """ </rdf:RDF>
</x:xmpmeta>
"""
    + (" " * 99 + "\n") * 20
    + '<?xpacket end="w"?>'
)

_PHOTO_EDITOR = """
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
    xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
   xmp:CreatorTool="Adobe Photoshop 27.0 (Windows)"
   xmp:Rating="4"
   dc:format="image/png"
   photoshop:ColorMode="3"
   photoshop:ICCProfile="sRGB IEC61966-2.1"
   xmpMM:InstanceID="xmp.iid:photo-editor-3"
   xmpMM:DocumentID="adobe:docid:photoshop:12"
   xmpMM:OriginalDocumentID="xmp.did:photo-editor-1">
   <photoshop:DocumentAncestors>
    <rdf:Bag><rdf:li>adobe:docid:photoshop:7</rdf:li><rdf:li>0A1B2C</rdf:li></rdf:Bag>
   </photoshop:DocumentAncestors>
   <xmpMM:DerivedFrom stRef:instanceID="xmp.iid:photo-editor-2"
     stRef:documentID="xmp.did:photo-editor-1" stRef:originalDocumentID="xmp.did:photo-editor-1"/>
   <xmpMM:Ingredients>
    <rdf:Bag>
     <rdf:li stRef:linkForm="ReferenceStream" stRef:filePath="plate.tif"
       stRef:DocumentID="4F2A"/>
    </rdf:Bag>
   </xmpMM:Ingredients>
   <xmpMM:History>
    <rdf:Seq>
     <rdf:li stEvt:action="created" stEvt:instanceID="xmp.iid:photo-editor-1"
       stEvt:when="2026-10-01T08:00:00+02:00" stEvt:softwareAgent="Adobe Photoshop 27.0"/>
     <rdf:li rdf:parseType="Resource">
      <stEvt:action>saved</stEvt:action>
      <stEvt:when>2026-10-01T09:00:00+02:00</stEvt:when>
      <stEvt:softwareAgent>Adobe Photoshop 27.0</stEvt:softwareAgent>
      <stEvt:changed>/</stEvt:changed>
      <stEvt:serial>17</stEvt:serial>
     </rdf:li>
    </rdf:Seq>
   </xmpMM:History>
   <dc:title>
    <rdf:Alt>
     <rdf:li xml:lang="x-default">Dry dock</rdf:li>
     <rdf:li xml:lang="pt-PT">Doca seca</rdf:li>
    </rdf:Alt>
   </dc:title>
  </rdf:Description>
"""
_RAW_DEVELOPER = """
  <rdf:Description rdf:about=""
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    crs:Version="17.1" crs:Temperature="5400" crs:HasSettings="True">
   <dc:subject><rdf:Bag><rdf:li>dock</rdf:li><rdf:li>steel</rdf:li></rdf:Bag></dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Bag><rdf:li>place|dock</rdf:li><rdf:li>matter|steel</rdf:li></rdf:Bag>
   </lr:hierarchicalSubject>
   <crs:ToneCurvePV2012><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq>
   </crs:ToneCurvePV2012>
   <crs:MaskGroupBasedCorrections>
    <rdf:Seq>
     <rdf:li>
      <rdf:Description crs:What="Correction" crs:CorrectionAmount="1">
       <crs:CorrectionMasks>
        <rdf:Seq><rdf:li crs:What="Mask/Image" crs:MaskValue="1"/></rdf:Seq>
       </crs:CorrectionMasks>
      </rdf:Description>
     </rdf:li>
    </rdf:Seq>
   </crs:MaskGroupBasedCorrections>
  </rdf:Description>
"""
_PHOTO_MANAGER = """
  <rdf:Description rdf:about=""
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <digiKam:TagsList><rdf:Seq><rdf:li>People/Inês</rdf:li></rdf:Seq></digiKam:TagsList>
   <digiKam:ImageHistory>&lt;history&gt;&lt;file/&gt;&lt;/history&gt;</digiKam:ImageHistory>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:RegionList>
     <rdf:Bag>
      <rdf:li>
       <rdf:Description mwg-rs:Name="Inês" mwg-rs:Type="Face">
        <mwg-rs:Area stArea:x="0.5" stArea:y="0.4" stArea:w="0.1" stArea:h="0.1"/>
       </rdf:Description>
      </rdf:li>
     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
   <xmp:Label rdf:parseType="Resource"><rdf:value>Red</rdf:value>
    <digiKam:PickLabel>3</digiKam:PickLabel></xmp:Label>
  </rdf:Description>
"""

PHOTO_EDITOR = (HEAD + _PHOTO_EDITOR + TAIL).encode()
RAW_DEVELOPER = (HEAD + _RAW_DEVELOPER + TAIL).encode()
PHOTO_MANAGER = (HEAD + _PHOTO_MANAGER + TAIL).encode()
EVERYTHING = (HEAD + _PHOTO_EDITOR + _RAW_DEVELOPER + _PHOTO_MANAGER + TAIL).encode()


def wrap(properties: str, attributes: str = "") -> bytes:
    """A packet with one rdf:Description that has these property elements and attributes."""
    return (
        HEAD
        + '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        + ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        + ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
        + ' xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"'
        + ' xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"'
        + f' xmlns:gm="urn:gm-assets:memory:1/" {attributes}>{properties}</rdf:Description>'
        + TAIL
    ).encode()


def facts(packet: bytes) -> Counter[tuple[str, Any]]:
    """What a packet says about its file: (predicate, value), counted.

    The entries of xmpMM:History and xmpMM:Ingredients count one by one, since merging may put
    others between them.
    """
    root = ElementTree.fromstring(packet)
    rdf = root if root.tag == f"{{{RDF}}}RDF" else root.find(f"{{{RDF}}}RDF")
    graph = rdflib.Graph()
    graph.parse(data=ElementTree.tostring(rdf), format="xml", publicID="urn:the-file")
    found: Counter[tuple[str, Any]] = Counter()
    for subject, predicate, value in graph:
        if isinstance(subject, rdflib.BNode):
            continue
        if str(predicate) in (_HISTORY, _INGREDIENTS):
            found.update((str(predicate), item) for item in _value(graph, value)[1])
        else:
            found[str(predicate), _value(graph, value)] += 1
    return found


def _value(graph: rdflib.Graph, node: Any) -> Any:
    if not isinstance(node, rdflib.BNode):
        return (str(node), getattr(node, "language", None))
    pairs = list(graph.predicate_objects(node))
    kind = next((str(o) for p, o in pairs if p == RDF.type), None)
    members = [
        (int(str(p).rpartition("_")[2]), o) for p, o in pairs if str(p).startswith(f"{RDF}_")
    ]
    if kind is not None:
        ordered = tuple(_value(graph, o) for _, o in sorted(members, key=lambda m: m[0]))
        return (kind, ordered)
    return frozenset((str(p), _value(graph, o)) for p, o in pairs)
