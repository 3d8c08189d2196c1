"""What people type: about a record (`records`), and on the pages of tickets and customers (`tickets`)."""
