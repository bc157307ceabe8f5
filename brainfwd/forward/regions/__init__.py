"""From vertices of the cortex to regions and patches."""
