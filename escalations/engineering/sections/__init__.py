"""Parts of the record's page: each a context (a constant number of queries) and a template of its own."""
