"""What an allocation deserves and rewards: metrics, incentives, the scorecard."""
