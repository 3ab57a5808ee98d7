"""Measures this library beside what a user would write with httpx, in one run on one machine."""
