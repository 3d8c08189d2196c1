"""The demo's data: people, companies and sixty days of conversations, played through the real verbs.

`people` and `stories` hold what there is to tell, `plot` decides when what happens, `play` lets it happen, `cast` makes
the people, `files` their screenshots and logs. `seed` puts it together.
"""
