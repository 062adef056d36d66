"""Every limit of the exchange, unit in the name. Mirrors shared/contract/limits.json; a test keeps them equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PROTOCOL = 1
RECORD_BYTES_MAX = 65_536
ID_LENGTH_MAX = 200
FIELD_NAME_LENGTH_MAX = 100
JSON_DEPTH_MAX = 32

REVISION_MAX = 2**53 - 1
"""Largest integer a device (JavaScript) holds exactly; not part of the file, it follows from the language."""

Transport = Literal["dag", "plugin"]
"""How an exchange travels: as a DAG run, or through the plugin's route in the API server."""


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """What one exchange may carry. A batch over them is refused as a whole, and its device splits it."""

    batch_mutations_max: int
    batch_bytes_max: int
    page_changes_max: int
    page_bytes_max: int
    verdicts_bytes_max: int
    request_bytes_max: int


LIMITS: dict[Transport, TransportLimits] = {
    # conf and XCom are rows of Airflow's own database.
    "dag": TransportLimits(
        batch_mutations_max=500,
        batch_bytes_max=131_072,
        page_changes_max=1_000,
        page_bytes_max=131_072,
        verdicts_bytes_max=1_048_576,
        request_bytes_max=262_144,
    ),
    "plugin": TransportLimits(
        batch_mutations_max=1_000,
        batch_bytes_max=524_288,
        page_changes_max=5_000,
        page_bytes_max=1_048_576,
        verdicts_bytes_max=4_194_304,
        request_bytes_max=1_048_576,
    ),
}
