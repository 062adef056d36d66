"""All limits of the exchange, as in shared/contract/limits.json; a test keeps both equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PROTOCOL = 2
"""The newest version of the protocol. Version 2: a mutation may hold ``elements``."""
PROTOCOL_FLOOR = 1
"""The oldest version still served: devices are updated at other times than Airflow."""
RECORD_BYTES_MAX = 65_536
ID_BYTES_MAX = 800
FIELD_NAME_BYTES_MAX = 400
JSON_DEPTH_MAX = 32

NAME_LENGTH_MAX = 200
"""Characters of a name that is no record's: a replica, user, epoch, nonce, collection or consumer.
"""

REVISION_MAX = 2**53 - 1
"""Largest integer a device (JavaScript) holds exactly; not part of the file, since the language
sets this."""

REPLICAS_PER_USER_MAX = 50
"""How many replicas a user may have, unless ``[updraft] replicas_per_user_max`` says otherwise."""

Transport = Literal["dag", "plugin"]
"""How an exchange travels: as a DAG run, or through the plugin's route in the API server."""


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """Limits of an exchange. A larger batch is refused as a whole, and then split by the device."""

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
        page_changes_max=5_000,
        page_bytes_max=1_048_576,
        verdicts_bytes_max=262_144,
        request_bytes_max=262_144,
    ),
    "plugin": TransportLimits(
        batch_mutations_max=1_000,
        batch_bytes_max=524_288,
        page_changes_max=5_000,
        page_bytes_max=1_048_576,
        verdicts_bytes_max=524_288,
        request_bytes_max=1_048_576,
    ),
}
