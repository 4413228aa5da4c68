"""How good it is: measures, the truth they are held against, and the tables."""
