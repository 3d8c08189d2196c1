"""What people type: about a record (`records`), around it (`around`), on the pages of tickets and customers (`tickets`)."""
