"""The reference page that all figures of page times are multiples of: as little Django as can show fifty rows."""
