"""Drawing without widgets: pictures, paper, plots and surfaces that panels put on the screen."""
