"""The exchange of a batch: request, decision, ledger, feed and response."""
