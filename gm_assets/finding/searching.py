"""Find: words, pictures and filters in, hits with their quality and their family out."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gm_assets.errors import GmError, LibraryError, NotFound
from gm_assets.finding import descriptions, ranking
from gm_assets.finding.choosing import Restriction, restriction
from gm_assets.finding.kinship import Kinship, Standing
from gm_assets.finding.quality import Background, Scale, background, judge
from gm_assets.finding.ranking import Ranked
from gm_assets.finding.syncing import behind, sync, vector_store
from gm_assets.finding.values import Filters, Found, Hit, Question
from gm_assets.finding.yardstick import Yardstick, vocabulary_texts, yardstick
from gm_assets.library.values import ProgressFunction
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.encoding import Encoder
    from gm_assets.library import Library

#: Hits that can be asked for.
MAX_HITS = 1_000
#: Depth of both orders before they are fused, and of candidates for `without`.
DEPTH = 200
#: Texts of the vocabulary that an index is measured with.
TEXT_QUESTIONS = 64

#: Texts whose vectors are remembered.
REMEMBERED = 256

#: Opens the encoder; called where words or a picture without a vector have to be encoded.
Opener: TypeAlias = "Callable[[], Encoder]"


@dataclass(frozen=True)
class _State:
    """What a search needs of one generation of the catalogue and one version of the vectors."""

    signature: tuple[int, ...]
    kinship: Kinship
    background: Background
    vectors: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Asked:
    """A question as a vector (None: only words are looked for), and what is said of it.

    `text`: words are in the vector, not pictures alone.
    """

    vector: np.ndarray | None
    own: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    text: bool = False


class Finder:
    """Searches one library with one model; keeps what further searches need.

    The vector store follows the catalogue before a search where it is behind, unless the
    library was opened read-only or another process writes: then a note says so.

    Args:
        model: fingerprint of the encoder.
        opener: opens the encoder when it is needed first; `--like` of a picture that has a
            vector needs none.
        progress: told when vectors are read from files.
    """

    def __init__(
        self,
        library: Library,
        model: str,
        opener: Opener,
        *,
        progress: ProgressFunction | None = None,
    ) -> None:
        self.library = library
        self.model = model
        self.store = vector_store(library)
        self._opener = opener
        self._progress = progress
        self._encoder: Encoder | None = None
        self._measured: tuple[Background, Yardstick | None] | None = None
        self._read: OrderedDict[str, tuple[np.ndarray | None, list[str]]] = OrderedDict()
        self._kept: _State | None = None
        self._kept_texts: _State | None = None  # for which an index was measured for texts

    def find(
        self,
        text: str | None = None,
        *,
        like: Sequence[str | os.PathLike[str]] = (),
        without: Sequence[str] = (),
        filters: Filters | None = None,
        k: int = 20,
        hybrid: bool = True,
    ) -> Found:
        """The pictures that fit best.

        Args:
            text: a description. With `like` the question is the mean of all their unit vectors.
                Without text and `like` the filters alone choose: best labels first, else by
                content id.
            like: picture files, in the library or not; those of the library are no hits.
            without: descriptions of what is not wanted.
            filters: what a hit must be.
            k: hits, 1 to 1,000.
            hybrid: search titles, descriptions and prompts for the words of `text` too; not
                done with `like` or `without`, where words alone would mislead.

        Raises:
            GmError: nothing is asked; a number of hits out of bounds.
            NotFound: no vectors of this model; an unknown filter value; no such file.
            ModelError, MissingExtra: the encoder cannot be used.
            UnreadableFile, UnsupportedFormat, TooLarge: of a picture that has no vector yet.
        """
        filters = filters or Filters()
        text = (text or "").strip() or None
        question = Question(
            text, tuple(os.fspath(path) for path in like), tuple(without), filters, k
        )
        _check(question)
        state = self._state()
        chosen = restriction(self.library, self.store, self.model, filters)
        asked = self._ask(question)
        wanted = None if asked.vector is None else state.background.scale(asked.vector)
        depth = max(DEPTH, 5 * k)
        ranked = self._by_picture(asked, chosen, depth if without or hybrid else k)
        if text is None and not like:
            ranked = self._chosen(chosen)
        elif without and wanted is not None:
            ranked = self._without(ranked, wanted, without, state)
        elif hybrid and text is not None and not like and not without:
            ranked = ranking.fused(ranked, self._by_words(text, asked, chosen, depth))
        hits = self._hits(ranked, asked, wanted, state, k)
        measure = self._yardstick(state) if wanted is not None and text and not like else None
        matches, said = judge(hits, wanted, state.background, measure)
        return Found(
            question=question,
            model=self.model,
            hits=hits,
            population=state.background.population,
            vectors=state.vectors,
            matches=matches,
            notes=(*asked.notes, *said, *chosen.notes, *state.notes),
        )

    # -- what is known -------------------------------------------------------------------

    def _state(self) -> _State:
        """The state of now; made again where catalogue or vectors have changed."""
        signature = self._signature()
        if self._kept is None or self._kept.signature != signature:
            notes = self._follow()
            described = self.store.described(self.model)
            if not len(described):
                raise NotFound(
                    "no picture of this library has a vector of the active model",
                    where=self.library.root,
                    remedy="Run gm embed",
                )
            missing = descriptions.missing(self.library.catalogue(), described)
            if missing:
                notes.append(
                    f"{counted(missing, 'picture')} cannot be found: no vector of this model. "
                    "Run gm embed"
                )
            self._kept = _State(
                self._signature(),
                Kinship(self.library.store.current()),
                background(self.library, self.store, self.model),
                len(described),
                tuple(notes),
            )
        return self._kept

    def _signature(self) -> tuple[int, ...]:
        from gm_assets.stores.catalogue import CURRENT

        try:
            status = (self.library.store.root / CURRENT).stat()
        except OSError:
            self.library.store.current()  # says what is missing
            raise
        return (status.st_mtime_ns, status.st_ino, self.store.version(self.model))

    def _follow(self) -> list[str]:
        """Bring the store up to date where it is behind; what keeps that from being done."""
        if not behind(self.library, self.store, self.model):
            return []
        try:
            report = sync(self.library, self.model, progress=self._progress)
        except LibraryError as error:
            if not self.store.count(self.model):
                raise
            return [f"the search is behind the catalogue: {error.what}"]
        return [f"{path}: {reason}" for path, reason in report.unreadable[:3]]

    def _yardstick(self, state: _State) -> Yardstick | None:
        if state.background.name != "reference":
            return None
        if self._measured is None or self._measured[0] is not state.background:
            made = yardstick(self.library, self.encoder, state.background)
            self._measured = (state.background, made)
        return self._measured[1]

    # -- the question --------------------------------------------------------------------

    def _ask(self, question: Question) -> _Asked:
        vectors: list[np.ndarray] = []
        notes: list[str] = []
        own: set[str] = set()
        if question.text is not None:
            vector, said = self._text(question.text)
            notes += said
            if vector is not None:
                vectors.append(vector)
        for path in question.like:
            content_id, vector = self._picture(path)
            vectors.append(vector)
            own.update(() if content_id is None else (content_id,))
        if not vectors:
            return _Asked(None, frozenset(own), tuple(notes))
        mean = np.mean(vectors, axis=0)
        length = float(np.linalg.norm(mean))
        text = len(vectors) > len(question.like)
        return _Asked(mean / max(length, 1e-9), frozenset(own), tuple(notes), text)

    def _text(self, text: str) -> tuple[np.ndarray | None, list[str]]:
        """The vector of a text, None where the model knows none of its words; notes on it.

        The last texts are remembered: people ask again with another filter.
        """
        if text not in self._read:
            self._read[text] = self._encoded(text)
            if len(self._read) > REMEMBERED:
                self._read.popitem(last=False)
        return self._read[text]

    def _encoded(self, text: str) -> tuple[np.ndarray | None, list[str]]:
        from gm_assets.encoding import canonical

        encoder = self.encoder
        words = canonical(text).split()
        reading = encoder.reading(text)
        notes = []
        if reading.unknown:
            known = "these words" if len(reading.unknown) < len(words) else "any of the words"
            notes.append(f"the model does not know {known}: {', '.join(reading.unknown)}")
        if reading.truncated:
            notes.append(
                f"the text is longer than the model reads ({reading.tokens} of at most "
                f"{encoder.text_length} tokens); its end was not read"
            )
        if len(set(reading.unknown)) == len(set(words)):
            return None, notes
        return encoder.texts([text])[0], notes

    def _picture(self, path: str) -> tuple[str | None, np.ndarray]:
        """The content (None where it is not in the library) and the vector of a file."""
        content_id = self._content_of(path)
        if content_id is not None:
            found = self.store.get(self.model, [content_id])
            if len(found.rows):
                return content_id, found.rows[0].astype(np.float32)
        from gm_assets.encoding import view_of

        full = self.library.root / path if not os.path.lexists(path) else path
        if not os.path.lexists(full):
            raise NotFound("there is no such file", where=path, remedy="Name a picture")
        encoder = self.encoder
        return content_id, encoder.images([view_of(full, encoder.image_size)])[0]

    def _content_of(self, path: str) -> str | None:
        try:
            relative = self.library.relative(path)
        except LibraryError:  # a picture from elsewhere is as good a question
            return None
        row = self.library.catalogue().execute(
            "select content_id from files where path = ?", [relative]
        )
        found = row.fetchone()
        return None if found is None else found[0]

    @property
    def encoder(self) -> Encoder:
        """The encoder, opened once.

        Raises:
            GmError: it is not the one that the vectors were asked of.
        """
        if self._encoder is None:
            opened = self._opener()
            if opened.fingerprint != self.model:
                raise GmError(
                    "the encoder is another one than the vectors are searched of",
                    where=opened.fingerprint[:16],
                    remedy="Ask with the library's active encoder (gm models list)",
                )
            self._encoder = opened
        return self._encoder

    # -- the order -----------------------------------------------------------------------

    def _by_picture(self, asked: _Asked, chosen: Restriction, depth: int) -> list[Ranked]:
        if asked.vector is None:
            return []
        if asked.text:
            self._measure_texts()
        found = self.store.search(
            self.model,
            asked.vector,
            depth + len(asked.own),
            chosen.where,
            among=chosen.among,
            text=asked.text,
        )
        names, cosines = found["content_id"].to_pylist(), found["cosine"].to_pylist()
        kept = [pair for pair in zip(names, cosines, strict=True) if pair[0] not in asked.own]
        return ranking.by_cosine([name for name, _ in kept], [cosine for _, cosine in kept])

    def _measure_texts(self) -> None:
        """Let an index that was built without a model be measured for texts, once."""
        plan = self.store.indexed(self.model) if self._kept_texts is not self._kept else None
        self._kept_texts = self._kept
        if plan is None or not plan.partitions or plan.text_probes or self.library.read_only:
            return
        if texts := vocabulary_texts(self.library):
            chosen = np.random.default_rng(1).permutation(len(texts))[:TEXT_QUESTIONS]
            vectors = self.encoder.texts([texts[number] for number in chosen])
            with suppress(LibraryError):  # another process writes; until then texts are exact
                self.store.measure_texts(self.model, vectors)

    def _chosen(self, chosen: Restriction) -> list[Ranked]:
        """What the filters let through, in the order of the labels asked for."""
        import pyarrow.compute as pc

        fitting = self.store.matching(self.model, chosen.where)
        if chosen.among is not None:
            fitting = chosen.among.filter(pc.is_in(chosen.among, fitting))
        return [Ranked(content_id, None) for content_id in fitting.to_pylist()]

    def _by_words(self, text: str, asked: _Asked, chosen: Restriction, depth: int) -> list[Ranked]:
        found = self.store.words(self.model, text, depth, chosen.where, chosen.among)
        ids = found["content_id"].to_pylist()
        cosines: dict[str, float] = {}
        if asked.vector is not None and ids:
            names, rows = self.store.units(self.model, ids)
            cosines |= zip(names, (rows @ asked.vector).tolist(), strict=True)
        return [
            Ranked(name, cosines.get(name), by_words=rank) for rank, name in enumerate(ids, start=1)
        ]

    def _without(
        self, ranked: list[Ranked], wanted: Scale, without: Sequence[str], state: _State
    ) -> list[Ranked]:
        vectors = self.encoder.texts(list(without))
        unwanted = [(vector, state.background.scale(vector)) for vector in vectors]
        _, rows = self.store.units(self.model, [one.content_id for one in ranked])
        return ranking.without(ranked, rows, wanted, unwanted)

    def _hits(
        self,
        ranked: list[Ranked],
        asked: _Asked,
        wanted: Scale | None,
        state: _State,
        k: int,
    ) -> tuple[Hit, ...]:
        hits: list[Hit] = []
        found = [one for one in ranked if one.content_id not in asked.own]
        for start in range(0, len(found), k):
            some = found[start : start + k]
            # contents whose files are gone have none; the store could not follow
            standings = state.kinship.standings([one.content_id for one in some])
            standing = [one for one in some if one.content_id in standings][: k - len(hits)]
            told = _percentiles(standing, wanted)
            hits += [
                _hit(rank, one, standings[one.content_id], percentile)
                for rank, (one, percentile) in enumerate(
                    zip(standing, told, strict=True), start=len(hits) + 1
                )
            ]
            if len(hits) == k:
                break
        return tuple(hits)


def find(
    library: Library,
    encoder: Encoder,
    *,
    text: str | None = None,
    like: Sequence[str | os.PathLike[str]] = (),
    without: Sequence[str] = (),
    filters: Filters | None = None,
    k: int = 20,
    hybrid: bool = True,
    progress: ProgressFunction | None = None,
) -> Found:
    """Search a library once; `Finder` serves many searches and keeps what they share.

    Arguments and errors as `Finder.find`.
    """
    finder = Finder(library, encoder.fingerprint, lambda: encoder, progress=progress)
    return finder.find(text, like=like, without=without, filters=filters, k=k, hybrid=hybrid)


def _check(question: Question) -> None:
    from gm_assets.encoding import canonical

    chosen = question.filters.columns() or question.filters.labels
    if question.text is None and not question.like and (question.without or not chosen):
        raise GmError("nothing is asked", remedy="Describe a picture, or name one with --like")
    for text in (*filter(None, (question.text,)), *question.without):
        if not canonical(text):
            raise GmError(f"{text[:80]!r} holds no word", remedy="Describe the picture in words")
    if not 1 <= question.k <= MAX_HITS:
        raise GmError(f"{question.k} hits cannot be asked for", remedy=f"Ask for 1 to {MAX_HITS:,}")


def _percentiles(ranked: Sequence[Ranked], wanted: Scale | None) -> list[float | None]:
    cosines = [one.cosine for one in ranked if one.cosine is not None]
    if wanted is None or len(cosines) < len(ranked):  # all have a cosine, or none has
        return [None] * len(ranked)
    return wanted.percentiles(np.array(cosines))


def _hit(rank: int, one: Ranked, standing: Standing, percentile: float | None) -> Hit:
    """A content with what the catalogue knows of it."""
    return Hit(
        rank=rank,
        content_id=one.content_id,
        document_id=standing.document_id,
        path=standing.path,
        title=standing.title,
        places=standing.places,
        cosine=one.cosine,
        percentile=percentile,
        by_picture=one.by_picture,
        by_words=one.by_words,
        against=one.against,
        kin=standing.kin,
    )
