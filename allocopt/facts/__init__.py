"""Plain frozen data, no solver: the event, the question, the answer and its evidence."""
