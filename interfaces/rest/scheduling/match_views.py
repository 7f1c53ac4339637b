"""What the matches of a job's edges mean for its next fires."""

from collections.abc import Sequence
from datetime import datetime

from application.scheduling.dependency_document import MatchDocument, match_document_of
from application.scheduling.matching import EdgeOutlook
from interfaces.rest.bodies import Body


class MeantView(Body, frozen=True, kw_only=True):
    """A fire of the job, and the latest of the upstream's planned fires that the match means; `count` of them."""

    nominal_at: datetime
    upstream_at: datetime | None
    count: int


class MatchesView(Body, frozen=True, kw_only=True):
    """An edge to an upstream that fires by the clock. `firstMatchAt`: the first fire that finds one of the upstream."""

    job: str
    match: MatchDocument
    fires: Sequence[MeantView]
    first_match_at: datetime | None

    @classmethod
    def of(cls, outlook: EdgeOutlook) -> "MatchesView":
        """As the API shows it."""
        return cls(
            job=outlook.job,
            match=match_document_of(outlook.match),
            fires=[MeantView(nominal_at=f.nominal, upstream_at=f.latest, count=f.count) for f in outlook.fires],
            first_match_at=outlook.first_match,
        )
