"""The schedule editor: what stands in its form, what its buttons do, and the preview beside it."""
