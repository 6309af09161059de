# SPDX-License-Identifier: Apache-2.0
"""What was measured, as JSON and as Markdown."""

import json
import statistics

# Metric: heading, format, and whether it has a ratio to embstore.
METRICS = {
    "wall": ("wall s", "{:.3f}", True), "work": ("of it after imports s", "{:.3f}", False),
    "cpu": ("CPU s", "{:.2f}", False), "peak": ("peak MB", "{:.0f}", False),
    "disk": ("disk MB", "{:.1f}", False), "disk_ratio": ("disk / raw vectors", "{:.3f}", False),
    "fsyncs": ("syncs a batch", "{:.2f}", False),
    "cpu_us": ("client CPU µs a document", "{:.1f}", False),
    "rate": ("documents a second", "{:,.0f}", False), "billed": ("billed", "{:,.0f}", False),
    "distinct": ("needed", "{:,.0f}", False), "again": ("paid again", "{:,.0f}", False),
    "stale": ("wrong vectors", "{:,.0f}", False), "wrong": ("wrong vectors", "{:,.0f}", False),
    "missing": ("missing", "{:,.0f}", False), "p50": ("p50 µs", "{:.1f}", True),
    "p99": ("p99 µs", "{:.1f}", False), "many": ("by the thousand, µs each", "{:.2f}", False),
    "cold_p50": ("cold p50 µs", "{:.1f}", False), "cold_p99": ("cold p99 µs", "{:.1f}", False),
    "noticed": ("noticed", "{:.0f}", False), "unaffected": ("unaffected", "{:.0f}", False),
    "wrong vector": ("wrong vector", "{:.0f}", False), "crashed": ("crashed", "{:.0f}", False),
    "hung": ("hung", "{:.0f}", False), "ms": ("ms", "{:.3f}", True),
    "recall": ("recall@10", "{:.4f}", False),
    "share": ("share of the quota", "{:.3f}", False), "refused": ("429 a minute", "{:.2f}", False),
}

QUIET_LOAD = 0.5  # Average number of others that ran in the minute before.


class Results:
    def __init__(self, meta):
        self.meta = meta
        self.titles = {}     # system -> title
        self.workloads = {}  # name -> {"title", "systems": {system: {"metrics", "note"}}}
        self.bars = []

    def workload(self, name, title):
        self.workloads.setdefault(name, {"title": title, "systems": {}})

    def _entry(self, workload, system):
        return self.workloads[workload]["systems"].setdefault(system, {"metrics": {}, "note": ""})

    def add(self, workload, system, **metrics):
        """Adds one run."""
        held = self._entry(workload, system)["metrics"]
        for name, value in metrics.items():
            held.setdefault(name, []).append(value)

    def note(self, workload, system, text):
        self._entry(workload, system)["note"] = text

    def _values(self, workload, system, metric):
        entry = self.workloads.get(workload, {"systems": {}})["systems"].get(system)
        return entry["metrics"].get(metric, []) if entry else []

    def median(self, workload, system, metric):
        """None where it was not measured."""
        values = self._values(workload, system, metric)
        return statistics.median(values) if values else None

    def in_turn(self, workload, system, other, metric):
        """Of the rounds that both took part in, which are the first ones: the median of their
        ratios, both medians, and how many rounds. None where there is no such round."""
        mine, theirs = (self._values(workload, name, metric) for name in (system, other))
        pairs = [(a, b) for a, b in zip(mine, theirs) if b]
        if not pairs:
            return None
        return (statistics.median(a / b for a, b in pairs),
                *(statistics.median(side) for side in zip(*pairs)), len(pairs))

    def best(self, workload, metric, systems):
        found = {system: self.median(workload, system, metric) for system in systems}
        found = {system: value for system, value in found.items() if value is not None}
        return min(found.items(), key=lambda item: item[1]) if found else (None, None)

    def title(self, system):
        return self.titles.get(system, {}).get("title", system)

    def to_json(self):
        workloads = {name: {**held, "systems": {
            system: {**entry, "medians": {metric: statistics.median(values)
                                          for metric, values in entry["metrics"].items()}}
            for system, entry in held["systems"].items()}}
            for name, held in self.workloads.items()}
        return json.dumps({"meta": self.meta, "systems": self.titles, "workloads": workloads,
                           "bars": self.bars}, indent=1)

    def to_markdown(self):
        lines = [f"{self.meta['date']}; {self.meta['machine']}; {self.meta['documents']:,} documents "
                 "x 768; medians; ratios are of the same rounds.", *self._unrest(), "", "## Bars",
                 "", "| # | what | bar | measured | |", "|---|---|---|---|---|"]
        lines += [f"| {bar['number']} | {bar['what']} | {bar['bar']} | {bar['measured']} | "
                  f"{bar['verdict']} |" for bar in self.bars]
        for name, held in self.workloads.items():
            if not held["systems"]:
                continue
            lines += ["", f"## {name}: {held['title']}", "", *self._table(name, held)]
        lines += ["", "## Systems", "", "| system | versions | durability |", "|---|---|---|"]
        for system in self.titles.values():
            if not system["durability"]:
                continue
            versions = ", ".join(f"{package} {version}"
                                 for package, version in system["versions"].items())
            lines.append(f"| {system['title']} | {versions} | {system['durability']} |")
        return "\n".join(lines) + "\n"

    def is_quiet(self):
        return self.meta["load_before"] <= QUIET_LOAD

    def _unrest(self):
        """Says that others were at work, for then times tell nothing."""
        if self.is_quiet():
            return []
        return ["", f"**The machine was not quiet** (load {self.meta['load_before']:.1f} before the "
                    "run): do not believe the times, nor the ratios of short ones."]

    def _table(self, name, held):
        metrics = [metric for metric in METRICS
                   if any(metric in entry["metrics"] for entry in held["systems"].values())]
        first = next(iter(held["systems"]), None)
        headings = ["system"]
        for metric in metrics:
            headings.append(METRICS[metric][0])
            if METRICS[metric][2]:
                headings.append("to the first row")
        headings.append("runs")
        lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
        for system, entry in held["systems"].items():
            if entry["note"] and not entry["metrics"]:
                lines.append(f"| {self.title(system)} | {entry['note']} |"
                             + " |" * (len(headings) - 2))
                continue
            cells = [self.title(system) + (f" ({entry['note']})" if entry["note"] else "")]
            for metric in metrics:
                value = self.median(name, system, metric)
                cells.append("-" if value is None else METRICS[metric][1].format(value))
                if METRICS[metric][2]:
                    found = self.in_turn(name, system, first, metric)
                    cells.append(f"{found[0]:.2f}" if found else "-")
            cells.append(str(max((len(values) for values in entry["metrics"].values()), default=0)))
            lines.append("| " + " | ".join(cells) + " |")
        return lines
