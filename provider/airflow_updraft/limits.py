"""Every limit of the exchange, unit in the name. Mirrors shared/contract/limits.json; a test keeps them equal."""

from __future__ import annotations

PROTOCOL = 1
RECORD_BYTES_MAX = 65_536
ID_LENGTH_MAX = 200
FIELD_NAME_LENGTH_MAX = 100
JSON_DEPTH_MAX = 32
BATCH_MUTATIONS_MAX = 500
BATCH_BYTES_MAX = 131_072
PAGE_CHANGES_MAX = 1_000
PAGE_BYTES_MAX = 131_072
REQUEST_BYTES_MAX = 262_144

REVISION_MAX = 2**53 - 1
"""Largest integer a device (JavaScript) holds exactly; not part of the file, it follows from the language."""
