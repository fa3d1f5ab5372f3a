"""Review: what a plan would do, said before it is done; an approved plan, kept; what a change of a plan means."""
