"""The search page: describe a picture, or ask for others like one of the library.

A request never names a path: `like` is a content id, and the file is found through the store.
The encoder is opened at the first search that needs it and kept.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_assets.errors import NotFound
from gm_assets.memory.record import CONTENT_ID, STAGES

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from gm_assets.finding import Finder, Found
    from gm_assets.library import Library

#: Hits on a page.
HITS = 24
#: Characters of a description; no encoder here reads more.
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for.

    Attributes:
        text, without: descriptions of what is wanted and what is not; may be empty.
        like: content id of a picture of the library.
        stage: one of S1 to S5, or empty for all.
    """

    text: str = ""
    without: str = ""
    like: str | None = None
    stage: str = ""

    @classmethod
    def of(cls, query: QueryParams) -> Wanted:
        """From `q`, `not`, `like` and `stage`; what these cannot be counts as not given."""
        like, stage = query.get("like", ""), query.get("stage", "")
        return cls(
            text=query.get("q", "").strip()[:MAX_TEXT],
            without=query.get("not", "").strip()[:MAX_TEXT],
            like=like if CONTENT_ID.match(like) else None,
            stage=stage if stage in STAGES else "",
        )

    @property
    def asks(self) -> bool:
        """Whether anything is asked at all."""
        return bool(self.text or self.like)


@dataclass(frozen=True, slots=True)
class FindPage:
    """The question and its answer; `found` is None where nothing was asked yet."""

    wanted: Wanted
    found: Found | None


class Searcher:
    """Answers one search at a time; keeps the encoder and what searches share."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._finder: Finder | None = None

    def page(self, wanted: Wanted, like: str | None) -> FindPage:
        """Answer a request.

        Args:
            like: path of a file that holds the content `wanted.like`.

        Raises:
            GmError: as `finding.Finder.find`; no encoder is active.
            NotFound: the content asked for is not in the library.
        """
        if not wanted.asks:
            return FindPage(wanted, None)
        if wanted.like is not None and like is None:
            raise NotFound("no such content in the library", where=wanted.like)
        from gm_assets.finding import Filters, active_finder

        with self._lock:
            if self._finder is None:
                self._finder = active_finder(self._library)
            found = self._finder.find(
                wanted.text or None,
                like=() if like is None else (like,),
                without=(wanted.without,) if wanted.without else (),
                filters=Filters(stages=(wanted.stage,) if wanted.stage else ()),
                k=HITS,
            )
        return FindPage(wanted, found)
