"""Learning the generator: motion codes of real beats, their modes, and the flow that draws them."""
