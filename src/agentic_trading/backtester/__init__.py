"""Running over history, and what came of it: metrics, results, reports."""
