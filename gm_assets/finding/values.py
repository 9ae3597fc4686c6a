"""What a search is asked and what it answers, as values."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from gm_assets.memory.record import Stage


@dataclass(frozen=True, slots=True)
class Filters:
    """What a hit must be. Of one filter's values any will do; all filters must hold.

    `stages` to `evidence` are columns of the vector store and take their values (`docs/finding.md`
    lists those of `evidence`); `labels` are conditions such as `environments/night-city>=90`.
    """

    stages: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    shots: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The values asked for by column of the vector store, without empty ones."""
        named = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: values for name, values in named if values and name != "labels"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands."""

    key: str
    stage: Stage
    part: str


@dataclass(frozen=True, slots=True)
class StageKin:
    """One stage of a hit's chain, with the file that stands for it.

    `state` is `present`, `gap` or `not_applicable`; `reason` explains the latter two where a
    reason is known. `documents` counts what is placed there.
    """

    stage: Stage
    state: str
    reason: str | None
    documents: int
    path: str | None
    content_id: str | None


@dataclass(frozen=True, slots=True)
class ChainKin:
    """One turn of a chain that a hit stands in: S1 to S5, gaps included."""

    key: str
    stages: tuple[StageKin, ...]


@dataclass(frozen=True, slots=True)
class Relative:
    """A document that shares a parent with a hit."""

    document_id: str
    content_id: str | None
    path: str


@dataclass(frozen=True, slots=True)
class Kin:
    """The family that a hit brings.

    `siblings` are listed by path up to `kinship.SIBLINGS`; `sibling_count` counts them all.
    """

    chains: tuple[ChainKin, ...] = ()
    siblings: tuple[Relative, ...] = ()
    sibling_count: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """One picture that was found.

    Attributes:
        rank: 1 for the best.
        content_id, document_id, path, title, places: what it is and where it stands; of
            several documents that hold the content, the first by path.
        cosine: between its vector and the question's, -1 to 1; None where the model knows no
            word of the question.
        percentile: of that cosine within `Found.population`, 0 to 100; None where that is too
            small to say.
        by_picture: its rank by cosine; None where only its words were found.
        by_words: its rank by words; None where they do not match.
        against: the highest of its cosines with what was asked to be left out.
        kin: its family.
    """

    rank: int
    content_id: str
    document_id: str
    path: str
    title: str | None
    places: tuple[Place, ...]
    cosine: float | None
    percentile: float | None
    by_picture: int | None
    by_words: int | None
    against: float | None
    kin: Kin

    @property
    def why(self) -> str:
        """In words, by what it was found: `picture 3, words 1`; `filters` where nothing else."""
        ranks = (("picture", self.by_picture), ("words", self.by_words))
        told = (f"{name} {rank}" for name, rank in ranks if rank is not None)
        return ", ".join(told) or "filters"


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. `like` names files, `without` texts."""

    text: str | None = None
    like: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    k: int = 20


@dataclass(frozen=True, slots=True)
class Population:
    """The cosines that percentiles are taken among.

    Attributes:
        name: `reference` (frozen pictures of the model), `library` (all vectors here) or
            `sample` (of the library's vectors).
        size: how many pictures.
    """

    name: str
    size: int

    def __str__(self) -> str:
        return {
            "reference": f"{self.size:,} reference pictures",
            "library": f"the {self.size:,} pictures of the library",
            "sample": f"a sample of {self.size:,} pictures of the library",
        }[self.name]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer.

    Attributes:
        question: what was asked.
        model: fingerprint of the encoder.
        hits: best first.
        population: what percentiles are taken among.
        vectors: how many there are to find.
        matches: False where nothing here really matches, None where that cannot be told.
        notes: what a reader has to know, in words: that nothing matches, words that the model
            does not know, pictures without a vector, a store that is behind.
    """

    question: Question
    model: str
    hits: tuple[Hit, ...]
    population: Population
    vectors: int
    matches: bool | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What bringing the vector store up to date did.

    Attributes:
        model: fingerprint of the encoder.
        vectors: how many there are now.
        read: vectors that came out of memories.
        dropped: vectors of contents that are gone.
        described: rows whose filters and words were written.
        unreadable: (path, reason) of memories that should hold a vector and gave none.
        missing: images of the library without a vector.
        seconds: it took.
    """

    model: str
    vectors: int
    read: int
    dropped: int
    described: int
    unreadable: tuple[tuple[str, str], ...]
    missing: int
    seconds: float

    @property
    def quiet(self) -> bool:
        """Nothing had to be done."""
        return not (self.read or self.dropped or self.described or self.unreadable)
