"""Events as classes of the caller's own."""
