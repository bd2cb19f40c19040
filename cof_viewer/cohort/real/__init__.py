"""Real hearts and real ECGs: readers of the research data, and the cases that are made of them."""
