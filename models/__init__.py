"""What is kept: the records, the contract of a store, and the two stores that keep it."""
