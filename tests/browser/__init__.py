"""Pages in a real Chromium: both sizes, both themes, by keyboard, with what an attacker left in the database."""
