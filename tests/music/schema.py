"""The schema of MusicXML 4.0, as the package musicxml of the index carries it."""

import importlib.util
from functools import cache
from pathlib import Path

from lxml import etree

_XML = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 targetNamespace="http://www.w3.org/XML/1998/namespace">
<xs:attribute name="lang" type="xs:language"/>
<xs:attribute name="space" type="xs:NCName"/>
</xs:schema>"""
_XLINK = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 targetNamespace="http://www.w3.org/1999/xlink">
<xs:attribute name="href" type="xs:anyURI"/>
<xs:attribute name="type" type="xs:string"/>
<xs:attribute name="role" type="xs:token"/>
<xs:attribute name="title" type="xs:token"/>
<xs:attribute name="show" type="xs:string"/>
<xs:attribute name="actuate" type="xs:string"/>
</xs:schema>"""


class _Local(etree.Resolver):
    """The two schemas that it imports by their web addresses: what it uses of them."""

    def resolve(self, url: str, public_id: str, context: object) -> object:
        for name, text in (("xml.xsd", _XML), ("xlink.xsd", _XLINK)):
            if url.endswith(f"/{name}"):
                return self.resolve_string(text, context)
        return None


@cache
def schema() -> etree.XMLSchema:
    spec = importlib.util.find_spec("musicxml")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "generate_classes" / "musicxml_4_0.xsd"
    parser = etree.XMLParser()
    parser.resolvers.add(_Local())
    return etree.XMLSchema(etree.parse(str(path), parser))


def faults(document: str) -> list[str]:
    """What in a document breaks the schema."""
    parser = etree.XMLParser(load_dtd=False, no_network=True)
    root = etree.fromstring(document.encode(), parser)
    checked = schema()
    checked.validate(root)
    return [f"line {entry.line}: {entry.message}" for entry in checked.error_log]
