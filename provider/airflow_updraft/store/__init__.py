"""The server store: tables, transactions, and the statements on these."""
