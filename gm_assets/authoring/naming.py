"""Names by a template from what files remember.

A template is text with fields in braces; square brackets enclose what is left out where a
field in it has no value: `{chain}.g{generation}.{stage}.{part}[.{view}].{ext}`. With a slash it
is a path below the library's root, without one a name in the file's own folder. Links hold
whatever files are called: they are by hash.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from gm_assets.authoring.values import Renaming
from gm_assets.errors import InvalidMemory
from gm_assets.library.examine import examine
from gm_assets.library.recording import Recorder
from gm_assets.memory.atomic import sync_folder

if TYPE_CHECKING:
    from gm_assets.library import Library

TEMPLATE = "{chain}.g{generation}.{stage}.{part}[.{view}][.{variant}][.{frame}].{ext}"
#: Longest name of a file in bytes, as most file systems have it.
MAX_NAME = 255

#: What a template may name. All are slugs, numbers or our own words: none holds a slash.
FIELDS = (
    *("chain", "generation", "stage", "part", "view", "variant", "frame"),
    *("domain", "subject", "environment", "shot", "id", "ext"),
)
_FILES = """
select f.path, f.format, f.document_id, p.chain, p.generation, p.stage, p.part, p."view",
       p.variant, p.frame, a.domain, a.subject, a.environment, a.shot
from files f join assets a using (document_id)
join (select * from placements qualify row_number() over (
          partition by document_id order by "primary" desc, generation, chain, stage, part) = 1
     ) p using (document_id)
where f.memory = 'embedded' and exists (
    select 1 from unnest($paths) chosen(p)
    where p = '' or f.path = p or starts_with(f.path, p || '/'))
order by f.path"""
_ENDINGS = {"jpeg": "jpg", "tiff": "tif"}
#: Formats that may name other files by relative paths.
_BESIDE = frozenset(("gltf", "usd", "usda", "usdc"))
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{([^{}]*)\}")


def propose(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    template: str = TEMPLATE,
) -> tuple[Renaming, ...]:
    """The names that placed files would get, those that have them already left out.

    A name that exists, or that several files would get, comes with the problem.

    Raises:
        InvalidMemory: the template names an unknown field, or leaves the library.
        LibraryError: nothing was ever ingested; a path lies outside the library.
    """
    _check(template)
    chosen = [""] if paths is None else [library.relative(path) for path in paths]
    cursor = library.catalogue().execute(_FILES, {"paths": chosen})
    columns = [column[0] for column in cursor.description or ()]
    named = []
    for row in cursor.fetchall():
        facts = dict(zip(columns, row, strict=True))
        new, silent = _named(template, facts)
        if silent:
            problem = f"its memory says nothing of {', '.join(silent)}"
            named.append(Renaming(facts["path"], facts["path"], problem))
        elif new != facts["path"]:
            apart = facts["format"] in _BESIDE and _folder(new) != _folder(facts["path"])
            stay = "it may name files that lie beside it: its folder must stay" if apart else None
            named.append(Renaming(facts["path"], new, stay))
    return _with_problems(library.root, named)


def rename(
    library: Library, renamings: Sequence[Renaming]
) -> tuple[tuple[Renaming, ...], tuple[Renaming, ...]]:
    """Rename files, never over an existing one, and bring the store up to date.

    Renamings with a problem are passed over. One that a killed run left half done is finished.

    Returns:
        The files that have their new names, and those that kept the old with the reason.

    Raises:
        LibraryLocked: another process is writing to this library.
        LibraryError: opened read-only, or the store is damaged or cannot be written.
    """
    done: list[Renaming] = []
    kept: list[Renaming] = [one for one in renamings if one.problem]
    with library.writing():
        recorder = Recorder(library)
        folders: set[Path] = set()
        try:
            for one in renamings:
                if one.problem:
                    continue
                if not library.managed(one.old):
                    kept.append(replace(one, problem="its folder is not managed"))
                    continue
                problem = _move(library.root, one)
                if problem is not None:
                    kept.append(replace(one, problem=problem))
                    continue
                done.append(one)
                folders |= {(library.root / one.old).parent, (library.root / one.new).parent}
                _record(library, recorder, one)
        finally:
            for folder in sorted(folders):
                sync_folder(folder)
            recorder.commit()
    return tuple(done), tuple(kept)


def _move(root: Path, one: Renaming) -> str | None:
    """Give a file its new name; the problem where it cannot have it.

    A second name is made and then the first removed: unlike a rename, that never replaces a
    file that came to be there meanwhile.
    """
    old, new = root / one.old, root / one.new
    if not new.resolve().is_relative_to(root.resolve()):
        return "a symbolic link leads the new name out of the library"
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        if new.exists() and not new.is_symlink() and old.samefile(new):
            old.unlink()  # a killed run had made the new name
            return None
        os.link(old, new, follow_symlinks=False)
        old.unlink()
    except FileExistsError:
        return "a file of that name exists"
    except OSError as error:
        return f"it cannot be renamed ({error.strerror})"
    return None


def _record(library: Library, recorder: Recorder, one: Renaming) -> None:
    recorder.drop([one.old])
    recorder.add_ruled(library, examine(os.fspath(library.root), one.new))


def _with_problems(root: Path, named: Sequence[Renaming]) -> tuple[Renaming, ...]:
    times = Counter(one.new for one in named if one.problem is None)
    found = []
    for one in named:
        problem = one.problem
        if problem is not None:
            pass
        elif times[one.new] > 1:
            problem = f"{times[one.new]} files would have it: add {{variant}}, {{frame}} or {{id}}"
        elif os.path.lexists(root / one.new) and not _half_done(root, one):
            problem = "a file of that name exists"
        elif len(os.fsencode(PurePosixPath(one.new).name)) > MAX_NAME:
            problem = f"it is longer than {MAX_NAME} bytes"
        found.append(replace(one, problem=problem))
    return tuple(found)


def _half_done(root: Path, one: Renaming) -> bool:
    """Whether both names are of one file: a run was killed between making and removing."""
    try:
        return (root / one.old).samefile(root / one.new)
    except OSError:
        return False


def _named(template: str, facts: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The new path of a file, and the fields that it needs and the memory does not have."""
    values = _values(facts)

    def optional(match: re.Match[str]) -> str:
        fields = _FIELD.findall(match[1])
        return match[1] if all(values[name] for name in fields) else ""

    text = _OPTIONAL.sub(optional, template)
    silent = [field for field in _FIELD.findall(text) if not values[field]]
    name = _FIELD.sub(lambda match: values[match[1]], text)
    if "/" in name:
        return str(PurePosixPath(name)), silent
    folder = _folder(facts["path"])
    return f"{folder}/{name}" if folder else name, silent


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _values(facts: Mapping[str, Any]) -> dict[str, str]:
    """Each field as text; empty where the memory says nothing."""
    values = {name: str(facts[name] or "") for name in FIELDS if name in facts}
    values["generation"] = f"{facts['generation']:02d}"
    values["frame"] = "" if facts["frame"] is None else f"{facts['frame']:04d}"
    values["id"] = facts["document_id"].rpartition(":")[2][:8]
    values["ext"] = _ENDINGS.get(facts["format"], facts["format"])
    return values


def _check(template: str) -> None:
    wrong = None
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            wrong = f"{{{name}}} is no field"
    parts = PurePosixPath(template)
    if set(_FIELD.sub("", _OPTIONAL.sub(r"\1", template))) & set("{}[]"):
        wrong = "a brace or bracket has no partner"
    elif parts.is_absolute() or any(part.startswith(".") for part in parts.parts):
        wrong = "the names lie outside the library, or are hidden"
    elif not template.endswith("{ext}"):
        wrong = "it does not end in {ext}"
    if wrong:
        raise InvalidMemory(
            f"the template cannot be used: {wrong}",
            where=template,
            remedy=f"Fields are {', '.join(FIELDS)}; e.g. {TEMPLATE}",
        )
