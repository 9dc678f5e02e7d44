"""Targets as Prometheus' HTTP service discovery reads them
(https://prometheus.io/docs/prometheus/latest/http_sd/)."""

from linkpool.wire.api import View


class Target(View):
    """`targets`: `host:port`, whose `/metrics` is asked; `labels` are added to all its figures."""

    targets: list[str]
    labels: dict[str, str]
