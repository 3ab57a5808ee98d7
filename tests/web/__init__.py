"""Web applications with a sender or an outbox, on real servers."""
