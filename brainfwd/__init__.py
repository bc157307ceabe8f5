"""Neural masses, coupled by a connectome, seen by EEG, MEG and BOLD, and recovered by inverse solvers."""
