"""The evidence: an append-only audit in daily files, its check, its gaps, and the reports made of it."""
