"""Learning of the paper's form of Stage 2: flow matching on packed flows, and the same network as a diffusion model."""
