"""The suite. Importing any of it starts the servers first: settings need something to point to."""

from tests import servers as servers
