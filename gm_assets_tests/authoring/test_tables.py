"""Tables that people edit come back as what they meant, or are named by line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gm_assets.authoring.measures import Measures
from gm_assets.authoring.tables import read_table, write_table
from gm_assets.authoring.values import Suggestion
from gm_assets.errors import NotFound, TooLarge, UnreadableFile, UnsupportedFormat, WriteRefused
from gm_assets.library import Library
from gm_assets.memory.record import Placement

CONTENT = f"st:{'0' * 64}"
PARENT = f"st:{'1' * 64}"
PLACE = Placement(chain="gate", generation=2, stage="S4", part="frame", frame=7, variant="storm")


def suggestions() -> list[Suggestion]:
    measures = Measures(hash_distance=4, name=0.5, folder=1.0)
    return [
        Suggestion("place", "=a, b.png", CONTENT, "by name", 0.7, measures, placement=PLACE),
        Suggestion(
            "link", "c.png", CONTENT, "looks the same", 0.6, measures,
            parent="d/e.png", parent_content_id=PARENT, role="geometry",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_suggestions_come_back_as_statements_once_they_are_decided(
    library: Library, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"table.{ending}"
    write_table(path, suggestions())
    assert read_table(library, path).undecided == 2
    decide(path, ["accept", "no"])
    found = read_table(library, path)
    assert (found.undecided, found.troubles) == (0, ())
    place, link = found.statements
    assert (place.decision, place.placement, place.parent) == ("accept", PLACE, None)
    assert Path(place.path) == library.root / "=a, b.png"
    assert place.content_id == CONTENT
    assert (link.decision, link.role, link.placement) == ("reject", "geometry", None)
    assert (Path(link.parent), link.parent_content_id) == (library.root / "d/e.png", PARENT)


def test_names_that_spreadsheets_take_for_formulas_are_defused(tmp_path: Path) -> None:
    write_table(tmp_path / "table.csv", suggestions())
    text = (tmp_path / "table.csv").read_text()
    assert ',"./=a, b.png",' in text


def test_tables_of_spreadsheets_are_read(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("\ufefffile;parent;role\r\na.png;b.png;style\r\n".encode())
    (found,) = read_table(library, path).statements
    assert (Path(found.path).name, found.role, found.line) == ("a.png", "style", 2)


def test_a_table_without_decisions_counts_whole(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("file,chain,stage,part\na.png,gate.g03,s2,reference\n")
    (found,) = read_table(library, path).statements
    assert found.placement == Placement(chain="gate", generation=3, stage="S2", part="reference")


def test_lines_that_cannot_be_read_are_named(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "decision,action,file,parent,role,chain,stage,part,file_content\n"
        "accept,link,a.png,b.png,source,,,,\n"
        "perhaps,link,a.png,b.png,source,,,,\n"
        "accept,link,a.png,b.png,mother,,,,\n"
        "accept,place,a.png,,,Gate!,S1,sketch,\n"
        "accept,place,a.png,,,gate,S9,sketch,\n"
        "accept,link,,b.png,source,,,,\n"
        "accept,link,a.png,b.png,source,,,,px:nonsense\n"
    )
    found = read_table(library, path)
    assert len(found.statements) == 1
    assert [one.line for one in found.troubles] == [3, 4, 5, 6, 7, 8]
    words = ("perhaps", "mother", "Gate!", "stage", "names no file", "content id")
    for trouble, word in zip(found.troubles, words, strict=True):
        assert word in trouble.what


def test_what_is_no_table_is_refused(library: Library, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(NotFound):
        read_table(library, tmp_path / "none.csv")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableFile, match="no column `file`"):
        read_table(library, wrong)
    wrong.write_bytes(b"file,parent\n\xff\xfe\x00")
    with pytest.raises(UnreadableFile):
        read_table(library, wrong)
    wrong.write_text('file,parent\n"a.png,b.png\n')
    with pytest.raises(UnreadableFile, match="line"):
        read_table(library, wrong)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(UnreadableFile):
        read_table(library, broken)
    with pytest.raises(UnsupportedFormat):
        write_table(tmp_path / "table.xlsx", suggestions())
    monkeypatch.setattr("gm_assets.authoring.tables.MAX_ROWS", 1)
    wrong.write_text("file,parent\na,b\na,c\n")
    with pytest.raises(TooLarge):
        read_table(library, wrong)


def test_a_table_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("mine")
    with pytest.raises(WriteRefused):
        write_table(tmp_path / "table.csv", suggestions())
    assert (tmp_path / "table.csv").read_text() == "mine"


def decide(path: Path, words: list[str]) -> None:
    """Write the column `decision`, as a person does."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        pq.write_table(table.set_column(0, "decision", pa.array(words)), path)
        return
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *(w + line for w, line in zip(words, lines, strict=True))]))
