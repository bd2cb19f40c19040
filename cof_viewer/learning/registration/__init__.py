"""Learning Stage 1: pairs of phases of one heart, local correlation and label consistency."""
