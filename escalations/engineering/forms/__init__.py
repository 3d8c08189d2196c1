"""What people type: about a record (`records`), around it (`around`), about tickets and known issues (`tickets`)."""
