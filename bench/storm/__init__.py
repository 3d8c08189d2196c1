"""A storm of tickets against engines that are killed all the while: what `bench/paging_storm.py` is made of."""
