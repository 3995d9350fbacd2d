"""Pages for machines (is it alive, is it ready, how is it doing), and the HTTP API for CRMs."""
