"""Measuring the desk at size: `python -m bench` (docs/performance.md). Not part of the product."""
