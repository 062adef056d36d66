"""Writes the benches' collections.json to standard output."""

import json

from workload import COLLECTIONS

print(json.dumps({"version": 1, "collections": COLLECTIONS}))
