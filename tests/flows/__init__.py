"""Long stories through real processes: web, workers, pager, mail, a browser."""
