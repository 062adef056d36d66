"""The scheduled work of the DAG updraft_sync: SQL tables, pruning and verification."""
