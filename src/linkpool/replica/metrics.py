"""What a replica counts. Every request seen ends in exactly one of `End`, so "seen but not answered" is a
figure.

One registry per replica, built by its composition root; label values are known in advance. What is a state
and not a count is read off the running parts instead (`observed.py`).
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

DELAYS = (0, 1, 2, 3, 4, 5, 8, 13, 21, 34, 55)


class Metrics:
    """All of one replica's figures, under `linkpool_` names."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.seen = Counter("linkpool_requests_seen", "Requests this replica saw open.", registry=registry)
        self.ended = Counter(
            "linkpool_requests_ended",
            "Requests by how they ended, whoever answered: answered, rejected, cancelled, expired, reorged.",
            ["how"],
            registry=registry,
        )
        self.answered = Counter(
            "linkpool_answers_mined",
            "Requests that this replica's own transaction answered.",
            registry=registry,
        )
        self.delay = Histogram(
            "linkpool_answer_delay_blocks",
            "Blocks from a request to its answer, whoever answered.",
            buckets=DELAYS,
            registry=registry,
        )
        self.late = Counter(
            "linkpool_requests_missed",
            "Requests whose window ended with neither an answer nor a rejection.",
            registry=registry,
        )
        self.runs = Counter("linkpool_runs", "Job runs by their end.", ["end"], registry=registry)
        self.rejections = Counter(
            "linkpool_rejections", "Rejections this replica sent, by reason.", ["reason"], registry=registry
        )
        self.unprofitable = Counter(
            "linkpool_answers_unprofitable",
            "Times an answer waited because gas cost more than the answer is worth.",
            registry=registry,
        )
