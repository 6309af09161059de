# SPDX-License-Identifier: Apache-2.0
"""The document of `embstore --json status`."""

from __future__ import annotations

import datetime
import time
from typing import Any, Callable, Dict, List, Optional

from . import _embstore

_KINDS = ("spent", "wasted", "in_doubt", "under_way")
_SECONDS_PER_DAY = 86_400


def _utc(seconds: float, form: str) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(form)


def _time(micros: int) -> str:
    return _utc(micros // 1_000_000, "%Y-%m-%dT%H:%M:%SZ")


_NO_COVERAGE = {"space": None, "embedded": 0, "imported": 0, "last_position": 0, "batch_size": 0,
                "total_batches": 0, "updated_micros": 0, "export": "none", "export_bytes": 0}


def _split_row(split: _embstore.SplitInfo, coverage: Dict[str, Any],
               models: Dict[Optional[str], str]) -> Dict[str, Any]:
    return {"name": split.name,
            "documents": split.documents,
            "embedded": coverage["embedded"],
            "missing": max(0, split.documents - coverage["embedded"]),
            "imported": coverage["imported"],
            "space": coverage["space"],
            "model": models.get(coverage["space"]),
            "export": coverage["export"],
            "last_processed_index": coverage["last_position"],
            "batch_size": coverage["batch_size"],
            "total_batches": coverage["total_batches"],
            "timestamp": _time(coverage["updated_micros"])}


def _space_row(store: _embstore.OpenStore, space: _embstore.SpaceInfo) -> Dict[str, Any]:
    return {"space": space.id, "provider": space.provider, "model": space.model,
            "dimensions": space.dimensions, "task_type": space.task_type,
            "vectors": store.count_vectors(space)}


def _with_times(record: Dict[str, Any]) -> Dict[str, Any]:
    """Times as text, under the same name without "_micros"."""
    return {key[:-len("_micros")] if key.endswith("_micros") else key:
            _time(value) if key.endswith("_micros") else value
            for key, value in record.items()}


def _sums(spending: List[Dict[str, Any]]) -> Dict[str, int]:
    """texts, tokens and nano-dollars of each kind, as "{kind}_texts" and so on."""
    sums = {f"{kind}_{unit}": sum(record[kind][i] for record in spending)
            for kind in _KINDS for i, unit in enumerate(("texts", "tokens", "nano"))}
    for key in ("reported_tokens", "estimate_of_reported"):
        sums[key] = sum(record[key] for record in spending)
    return sums


def _groups(spending: List[Dict[str, Any]], name: Callable[[Dict[str, Any]], str]
            ) -> List[Dict[str, Any]]:
    groups: Dict[str, List[Dict[str, Any]]] = {}
    for record in spending:
        groups.setdefault(name(record), []).append(record)
    rows = []
    for group, records in sorted(groups.items()):
        sums = _sums(records)
        rows.append({"name": group, "texts": sums["spent_texts"], "tokens": sums["spent_tokens"],
                     **{f"{kind}_usd": sums[f"{kind}_nano"] / 1e9 for kind in _KINDS}})
    return rows


def _money(spending: List[Dict[str, Any]], doubts: List[Dict[str, Any]]) -> Dict[str, Any]:
    sums = _sums(spending)
    today = _sums([r for r in spending if r["day"] == int(time.time()) // _SECONDS_PER_DAY])
    return {
        "spent_usd": sums["spent_nano"] / 1e9,
        "spent_today_usd": today["spent_nano"] / 1e9,
        "wasted_usd": sums["wasted_nano"] / 1e9,
        "in_doubt_texts": sums["in_doubt_texts"],
        "in_doubt_usd": sums["in_doubt_nano"] / 1e9,
        "under_way_texts": sums["under_way_texts"],
        "under_way_usd": sums["under_way_nano"] / 1e9,
        "reported_tokens": sums["reported_tokens"],
        "estimate_of_reported": sums["estimate_of_reported"],
        "by_split": _groups(spending, lambda r: r["split"] or "(search)"),
        "by_model": _groups(spending, lambda r: r["model"] + (", batch" if r["batch"] else ", sync")),
        "by_day": _groups(spending, lambda r: _utc(r["day"] * _SECONDS_PER_DAY, "%Y-%m-%d")),
        "doubts": [_with_times(doubt) for doubt in doubts],
    }


def collect_status(store: _embstore.OpenStore) -> Dict[str, Any]:
    spaces = store.spaces()
    models: Dict[Optional[str], str] = {space.id: space.model for space in spaces}
    splits = [(split, store.coverages(split) or [_NO_COVERAGE]) for split in store.splits()]
    ledger = store.path / "ledger"
    return {
        "splits": [_split_row(split, coverage, models)
                   for split, coverages in splits for coverage in coverages],
        "spaces": [_space_row(store, space) for space in spaces],
        "jobs": [_with_times(job) for job in store.jobs() if job["open"]],
        "failures": store.failures(),
        "money": _money(store.spending(), store.doubts()),
        "store_bytes": store.disk_bytes(),
        "ledger_bytes": ledger.stat().st_size if ledger.exists() else 0,
        "export_bytes": sum(coverages[-1]["export_bytes"] for _, coverages in splits),
    }
