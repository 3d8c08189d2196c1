"""The engineering escalation: from a ticket that support can't resolve to a fix that every customer was told about.

A slice of its own beside `paging`, from rules to pages: `steps` says what a record may do and what it owes (pure),
`actions` does it, `telling` brings what customers are owed into their tickets. Models live with the app's others.
"""
