"""Reads and writes of collections by DAGs, and the asset that tells DAGs of changes."""
