"""What people and programs meet, from outside."""
