"""Character-level recurrent networks and how tunes are drawn from them."""
