"""What people read, in their language: sentences for codes, and amounts, times and prices."""
