"""The Grafana dashboard and the table of docs/monitoring.md, made from the metrics that the site declares."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from catalogue import metrics
from htsgetsite.observability.endpoint import OWN_METRICS

_WIDTH, _HEIGHT = 12, 8
_QUANTILES: Final = (0.5, 0.99)


class Metric(NamedTuple):
    """One metric: its name without suffix, type (counter, gauge, histogram, info), meaning and labels."""

    name: str
    type: str
    meaning: str
    labels: tuple[str, ...]

    def row(self) -> str:
        """Return the metric as a row of a table in Markdown."""
        labels = ", ".join(f"`{label}`" for label in self.labels)
        return f"| `{self.exposed}` | {self.type} | {labels} | {self.meaning} |"

    @property
    def exposed(self) -> str:
        """The name at `/metrics`, without the suffixes of histograms."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.type, "")


def all_metrics() -> list[Metric]:
    """Return every metric of `/metrics`, in the order of their declaration."""
    counted = [
        Metric(each._name, str(each._type), each._documentation, tuple(each._labelnames))
        for each in metrics.declared()
    ]
    return counted + [Metric(*each) for each in OWN_METRICS]


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it: a panel for each metric, of all servers of a site together."""
    return {
        "title": "htsgetsite",
        "uid": "htsgetsite",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]
        },
        "panels": [_panel(number, metric) for number, metric in enumerate(all_metrics())],
    }


def _panel(number: int, metric: Metric) -> dict[str, Any]:
    unit = {"seconds": "s", "bytes": "bytes"}.get(metric.name.rpartition("_")[2], "short")
    return {
        "id": number + 1,
        "title": metric.name.removeprefix("htsgetsite_").replace("_", " "),
        "description": metric.meaning,
        "type": "table" if metric.type == "info" else "timeseries",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"x": number % 2 * _WIDTH, "y": number // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": "reqps" if metric.type == "counter" else unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(_queries(metric))
        ],
    }


def _queries(metric: Metric) -> Iterable[tuple[str, str]]:
    """Yield (PromQL, legend) of a metric."""
    labels = ", ".join(metric.labels)
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels)
    match metric.type:
        case "counter":
            yield f"sum by ({labels}) (rate({metric.exposed}[5m]))", legend
        case "histogram":
            groups = ", ".join(("le", *metric.labels))
            for quantile in _QUANTILES:
                rates = f"sum by ({groups}) (rate({metric.name}_bucket[5m]))"
                yield f"histogram_quantile({quantile}, {rates})", f"{legend} {quantile:.0%}".strip()
        case "gauge":
            yield (
                f"sum by ({labels}) ({metric.name})" if labels else f"sum({metric.name})",
                legend or metric.name,
            )
        case _:
            yield metric.exposed, legend
