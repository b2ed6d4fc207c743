"""InferenceRecordTable: who computed the scores of a file, how long it took, which timeout that suggests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from eventproc.io.format.record_table import RecordTable, Table

TIMES = {
    "queueUs": "in the client",
    "wireUs": "on the way",
    "serverQueueUs": "queued",
    "computeUs": "computing",
}
"""Where the time of a call went, in the words of the table."""

SAFETY = 10
"""How much slower than the slowest of a hundred calls a call may be before it counts as lost.

One server restart or one burst of other jobs multiplies the time of a call several times; a timeout near the
usual time ends jobs for nothing (cmssw issues 42032, 38370 and 37767).
"""

SHORTEST_S = 1
"""Timeouts are whole seconds in a job file."""


class InferenceRecordTable(RecordTable):
    """One row for each model, server, device and precision."""

    varying = frozenset(
        {
            "server", "device", "attempts", "hedged", "batchRows", "bytesSent",
            "buildUs", "queueUs", "wireUs", "serverQueueUs", "computeUs", "totalUs",
        }
    )  # fmt: skip

    def summarise(self, columns: Mapping[str, Any]) -> Table:
        """Rows, tries and times; a note for calls that nobody answered, and one with a timeout."""
        names = ("model", "modelVersion", "server", "device", "precision")
        who = list(zip(*(columns[name] for name in names), strict=True))
        groups = {key: np.array([one == key for one in who]) for key in sorted(set(who))}
        described = [_figures(key, _chosen(columns, calls)) for key, calls in groups.items()]
        rows = (
            [(name, *(figures[name] for figures in described)) for name in described[0]] if described else []
        )
        return Table(("", *(key[2] or "nobody answered" for key in groups)), rows, _notes(columns))


def suggested_timeout_s(total_us: npt.NDArray[Any]) -> int:
    """A timeout for calls like these: `SAFETY` times their 99th percentile, no less than the slowest.

    Args:
        total_us: (n_calls,), microseconds, of calls that were answered; not empty.

    Returns:
        Whole seconds, at least 1, rounded up to 1, 2 or 5 times a power of ten.
    """
    return whole_timeout_s(max(SAFETY * float(np.percentile(total_us, 99)), float(total_us.max())) * 1e-6)


def whole_timeout_s(wanted_s: float) -> int:
    """Seconds rounded up to 1, 2 or 5 times a power of ten, at least 1."""
    decade: int = 10 ** max(0, math.floor(math.log10(max(wanted_s, SHORTEST_S))))
    return next(step * decade for step in (1, 2, 5, 10) if step * decade >= wanted_s)


def _chosen(columns: Mapping[str, Any], calls: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    return {name: values[calls] for name, values in columns.items() if isinstance(values, np.ndarray)}


def _figures(key: tuple[str, ...], of: Mapping[str, npt.NDArray[Any]]) -> dict[str, str]:
    model, version, _, device, precision = key
    quantiles = [*np.percentile(of["totalUs"], [50, 95, 99]), of["totalUs"].max()]
    return {
        "model": f"{model} {version}".rstrip(),
        "device": f"{device} {precision}".strip(),
        "calls": str(len(of["totalUs"])),
        "rows": str(int(of["requestRows"].sum())),
        "rows of the server's batch, mean": f"{of['batchRows'].mean():.1f}",
        "tries, mean and most": f"{of['attempts'].mean():.2f}, {of['attempts'].max()}",
        "time p50 / p95 / p99 / max, ms": " / ".join(f"{us / 1000:.1f}" for us in quantiles),
        **{f"  {where}, median, ms": f"{np.median(of[name]) / 1000:.1f}" for name, where in TIMES.items()},
    }


def _notes(columns: Mapping[str, Any]) -> list[str]:
    answered = np.array([server != "" for server in columns["server"]], np.bool_)
    if not answered.any():
        return ["no call was answered"] if len(answered) else ["no calls"]
    notes = [f"{n} of {len(answered)} calls were not answered"] if (n := int((~answered).sum())) else []
    if n := int(np.sum(columns.get("hedged", 0))):
        notes.append(f"{n} of {len(answered)} calls asked a second server because the first was late")
    seconds = suggested_timeout_s(columns["totalUs"][answered])
    slow = SAFETY * float(np.percentile(columns["totalUs"][answered], 99)) / 1e6
    return [
        *notes,
        f"suggested timeout: {seconds} s ({SAFETY} times the 99th percentile is {slow:.2g} s)",
    ]
